"""As in Chroma: clients, and their shared state."""

from __future__ import annotations

from ..admin import AdminClient
from ..client import ClientAPI
from ..connecting import Client
from ..systems import System

__all__ = ["AdminClient", "Client", "ClientAPI", "SharedSystemClient"]


class SharedSystemClient:
    """Programs use this to make clients independent of one another."""

    @staticmethod
    def clear_system_cache() -> None:
        """Makes future clients share nothing with existing ones."""
        System.forget_all()
