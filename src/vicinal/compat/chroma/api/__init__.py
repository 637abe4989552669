"""As in Chroma: the classes of clients."""

from ..aio import AsyncClientAPI
from ..client import ClientAPI
from ..types import CreateCollectionConfiguration, UpdateCollectionConfiguration

BaseAPI = ClientAPI

__all__ = ["AsyncClientAPI", "BaseAPI", "ClientAPI", "CreateCollectionConfiguration", "UpdateCollectionConfiguration"]
