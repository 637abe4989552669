"""Vectors of texts, images and videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..request_options import RequestOptions
from . import base
from .models import (
    EmbeddingRequest,
    EmbeddingResponse,
)

if TYPE_CHECKING:
    from .client import VikingDB


class EmbeddingClient:
    """Vectors of texts, images and videos."""

    def __init__(self, service: VikingDB) -> None:
        self._service = service

    def embedding(
        self, request: EmbeddingRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> EmbeddingResponse:
        """Returns one vector for each input, in the same order."""
        payload = base.body(request)
        answer = self._service.request(base.API_VECTOR_EMBEDDING, payload, options=request_options)
        return EmbeddingResponse.model_validate(answer)
