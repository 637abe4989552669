"""As in Chroma: the classes of clients."""

from ..admin import AdminClient
from ..aio import AsyncClientAPI
from ..client import ClientAPI
from ..types import CreateCollectionConfiguration, UpdateCollectionConfiguration

AdminAPI = AdminClient
BaseAPI = ClientAPI

__all__ = [
    "AdminAPI",
    "AsyncClientAPI",
    "BaseAPI",
    "ClientAPI",
    "CreateCollectionConfiguration",
    "UpdateCollectionConfiguration",
]
