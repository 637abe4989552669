"""As in Chroma: clients, and what they share."""

from __future__ import annotations

from ..admin import AdminClient
from ..client import ClientAPI
from ..connecting import Client
from ..systems import System

__all__ = ["AdminClient", "Client", "ClientAPI", "SharedSystemClient"]


class SharedSystemClient:
    """By which programs make clients forget one another."""

    @staticmethod
    def clear_system_cache() -> None:
        """Clients that are made from now on share nothing with those that there are."""
        System.forget_all()
