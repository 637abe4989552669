"""As in Chroma: the classes of clients."""

from ..admin import AdminClient
from ..aio import AsyncClientAPI
from ..client import ClientAPI
from ..modules import loaded_when_asked
from ..types import CreateCollectionConfiguration, UpdateCollectionConfiguration

AdminAPI = AdminClient
BaseAPI = ClientAPI
__getattr__ = loaded_when_asked(__name__, "models", "types")

__all__ = [
    "AdminAPI",
    "AsyncClientAPI",
    "BaseAPI",
    "ClientAPI",
    "CreateCollectionConfiguration",
    "UpdateCollectionConfiguration",
]
