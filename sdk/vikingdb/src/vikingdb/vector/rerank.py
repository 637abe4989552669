"""Scores documents with a model that reads each together with the query."""

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
    """Scores documents with a model that reads each together with the query."""

    def __init__(self, service: VikingDB) -> None:
        self._service = service

    def rerank(
        self, request: RerankRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> RerankResponse:
        """Returns a score for each document, in the same order."""
        payload = base.body(request)
        answer = self._service.request(base.API_VECTOR_RERANK, payload, options=request_options)
        return RerankResponse.model_validate(answer)
