"""The base of all requests and responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class VikingModel(BaseModel):
    """Fields by their name here or in the JSON; unknown keys, as of a newer service, are kept and sent."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, protected_namespaces=())


class CollectionMeta(VikingModel):
    collection_name: str | None = None
    project_name: str | None = None
    resource_id: str | None = None


class IndexMeta(CollectionMeta):
    index_name: str | None = None


class CommonResponse(VikingModel):
    api: str | None = None
    message: str | None = None
    code: str | None = None
    request_id: str | None = None


class DataApiResponse(CommonResponse):
    result: Any = None

    @classmethod
    def parse_with(cls, payload: Mapping[str, Any], result_model: type[BaseModel] | None = None) -> Self:
        """Parses a response whose result is of this model, for classes that do not declare one."""
        response = cls.model_validate(payload)
        if result_model is not None and isinstance(response.result, Mapping):
            response.result = result_model.model_validate(response.result)
        return response


class PaginationResponse(VikingModel):
    total: int | None = None
    page: int | None = None
    page_size: int | None = None
