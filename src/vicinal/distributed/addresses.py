"""URLs of engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import InvalidArgument

__all__ = ["Address", "folder_of"]


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address.

    Attributes:
        host: in the form of URLs, IPv6 in brackets.
        database: the path after the host, without the slash; may be "".
        secure: whether the connection is encrypted, `?secure=1`.
    """

    host: str
    port: int
    database: str
    secure: bool

    @classmethod
    def of(
        cls,
        target: str,
        engine: str,
        port: int,
        remedy: str,
        *,
        databases: bool = False,
    ) -> Self:
        """Parses a URL.

        Args:
            port: default port.
            remedy: how the URL is written.
            databases: whether it may name a database of the server.

        Raises:
            InvalidArgument: it is not such a URL.
        """
        try:
            parts = urlsplit(target)
            given = dict(parse_qsl(parts.query, keep_blank_values=True))
            found = parts.port if parts.port is not None else port
        except ValueError:
            raise _wrong(target, engine, remedy) from None
        secure = given.pop("secure", "0")
        database = unquote(parts.path.strip("/"))
        if not found or not parts.hostname or parts.username is not None or parts.fragment:
            raise _wrong(target, engine, remedy)
        if given or secure not in ("0", "1") or (database and (not databases or "/" in database)):
            raise _wrong(target, engine, remedy)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return cls(host, found, database, secure == "1")

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


def _wrong(target: Any, engine: str, remedy: str) -> InvalidArgument:
    return InvalidArgument(f"this is not a URL of a {engine}", name="target", value=target, remedy=remedy)


def folder_of(target: str, scheme: str, remedy: str) -> str:
    """Returns the folder in the URL of a local mode.

    Raises:
        InvalidArgument: it names none.
    """
    folder = target.removeprefix(scheme)
    if not folder:
        raise InvalidArgument("the URL names no folder", name="target", value=target, remedy=remedy)
    return folder
