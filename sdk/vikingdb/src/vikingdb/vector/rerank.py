"""Documents, scored by a model that reads them beside the question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..request_options import RequestOptions
from . import base
from .models import (
    RerankRequest,
    RerankResponse,
)

if TYPE_CHECKING:
    from .client import VikingDB


class RerankClient:
    """Documents, scored by a model that reads them beside the question."""

    def __init__(self, service: VikingDB) -> None:
        self._service = service

    def rerank(
        self, request: RerankRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> RerankResponse:
        """A score for each document, in their order."""
        payload = base.body(request)
        answer = self._service.request(base.API_VECTOR_RERANK, payload, options=request_options)
        return RerankResponse.model_validate(answer)
