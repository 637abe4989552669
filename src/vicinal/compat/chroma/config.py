"""`Settings` that programs pass to clients. Those that have an effect here are checked, others are kept unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["DEFAULT_DATABASE", "DEFAULT_TENANT", "Settings"]

DEFAULT_TENANT: Final = "default_tenant"
DEFAULT_DATABASE: Final = "default_database"

_DEFAULTS: Final[Mapping[str, Any]] = {
    "is_persistent": False,
    "persist_directory": "./chroma",
    "allow_reset": False,
    "anonymized_telemetry": True,
    "chroma_api_impl": "vicinal",
    "chroma_server_host": None,
    "chroma_server_http_port": None,
    "chroma_server_ssl_enabled": False,
    "chroma_server_headers": None,
    "chroma_client_auth_provider": None,
    "chroma_client_auth_credentials": None,
}


class Settings:
    """Settings of a client, with Chroma's names.

    The following have an effect: `is_persistent`, `persist_directory`, `allow_reset`, `chroma_server_host`,
    `chroma_server_http_port`, `chroma_server_ssl_enabled`, `chroma_server_headers`, `chroma_client_auth_credentials`.
    All others, such as `anonymized_telemetry`, are kept but have no effect: there is no telemetry.
    """

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(_DEFAULTS)
        self.__dict__.update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return None  # a setting of Chroma for something that does not exist here

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def require(self, name: str) -> Any:
        """Returns a required setting.

        Raises:
            ValueError: it is missing.
        """
        value = getattr(self, name)
        if value is None:
            raise ValueError(f"the setting {name!r} is needed here: Settings({name}=...)")
        return value

    def __repr__(self) -> str:
        secret = {"chroma_client_auth_credentials", "chroma_server_headers"}
        shown = {name: "***" if name in secret and value else value for name, value in self.__dict__.items()}
        changed = {name: value for name, value in shown.items() if _DEFAULTS.get(name) != value}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in changed.items())})"
