"""Access control: the Host header, the key, and what the key allows."""

from __future__ import annotations

import re
from typing import Final

from ..errors import Damaged, InvalidArgument, KeyRefused, NotAllowed
from ..wire.routes import Role
from .headers import Headers
from .keys import Key, KeyRing
from .logs import log
from .settings import ServerSettings

__all__ = ["Access", "check_collection", "check_role"]

_OF_THIS_MACHINE: Final = ("localhost", "127.0.0.1", "[::1]")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?::([0-9]{1,5}))?")
_FORWARDED: Final = frozenset((b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"))


class Access:
    """The checks that a worker makes for every request before anything else."""

    def __init__(self, settings: ServerSettings, *, keys_required: bool) -> None:
        self._ring = KeyRing(settings.path, required=keys_required)
        self._extra = tuple(host.lower() for host in settings.allowed_hosts)
        self._without_keys = frozenset((*_OF_THIS_MACHINE, settings.host.lower(), *self._extra))

    def check(self, headers: Headers) -> Key | None:
        """Returns the key of a request; None on a server without keys, where everything is allowed.

        Raises:
            InvalidArgument, NotAllowed: the request was not meant for this server, or came from a foreign web page.
            KeyRefused: it has no key known to the server.
            Damaged: the keys cannot be read.
        """
        try:
            needed = self._ring.is_needed()
            self._check_host(headers, needed)
            presented = _credential(headers)
            if presented is not None:  # always checked, even if no key is needed
                return self._ring.find(presented)
        except Damaged as error:
            raise _told_without_place(error) from None
        if needed:
            raise KeyRefused(
                "the server takes requests with a key only",
                name="api_key",
                place="request",
                remedy="Send 'Authorization: Bearer KEY'; in Python: connect(url, api_key=...).",
            )
        return None

    def check_signing(self, headers: Headers, access_key: str) -> tuple[Key, str]:
        """Returns the key that a request claims to be signed with, and its secret, to check the signature.

        Raises:
            InvalidArgument, NotAllowed, KeyRefused, Damaged: as `check`.
        """
        try:
            self._check_host(headers, self._ring.is_needed())
            return self._ring.find_signing(access_key)
        except Damaged as error:
            raise _told_without_place(error) from None

    def check_readable(self) -> None:
        """Raises Damaged if the keys cannot be read."""
        self._ring.check_readable()

    def _check_host(self, headers: Headers, needed: bool) -> None:
        """Without keys a page in a browser on this machine must not reach us under its own host name."""
        host = headers.only(b"host")
        found = _HOST.fullmatch(host)
        if found is None:
            raise InvalidArgument("the Host header is missing, or is none", name="host", value=host, place="request")
        name = found[1].lower()
        if needed:
            if self._extra and name not in self._extra:
                raise _not_ours(host)
            return
        if name not in self._without_keys:
            raise _not_ours(host)
        origin = headers.only(b"origin")
        if origin and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            raise NotAllowed(
                "a page of another origin sent this request, and the server has no keys",
                name="origin",
                value=origin,
                place="request",
                remedy="Create a key: vicinal keys create PATH.",
            )
        if headers.any_of(_FORWARDED):
            raise NotAllowed(
                "the request came through a proxy, and the server has no keys",
                name="forwarded",
                place="request",
                remedy="Create a key: vicinal keys create PATH.",
            )


def _told_without_place(error: Damaged) -> Damaged:
    """The error is sent to any client, so it must not contain anything about this machine."""
    log.error("keys unreadable", extra={"fields": {"error": str(error)}})
    return Damaged(
        "the keys of the server cannot be read, so nobody is let in",
        name="keys",
        remedy="The log of the server says where they are and why.",
    )


def check_role(key: Key | None, role: Role) -> None:
    """Raises NotAllowed if the key's role is lower."""
    if key is not None and not key.may(role):
        raise NotAllowed(
            f"this needs a key of the role {role}, and yours has the role {key.role}",
            name="api_key",
            value=key.role,
            place="request",
            remedy=f"vicinal keys create PATH --role {role}",
        )


def check_collection(key: Key | None, name: str) -> None:
    """Raises NotAllowed if the key has no access to the collection, whether it exists or not."""
    if key is not None and key.collections and name not in key.collections:
        raise NotAllowed(
            f"the key does not reach a collection {name!r:.80}",
            name="collection",
            value=name,
            place="request",
            remedy=f"It reaches {', '.join(key.collections)}.",
        )


def _not_ours(host: str) -> NotAllowed:
    return NotAllowed(
        f"the server does not accept the host name {host!r:.80}",
        name="host",
        value=host,
        place="request",
        remedy="Add the name to allowed_hosts of the server.",
    )


def _credential(headers: Headers) -> str | None:
    """Returns the presented credential, None if there is none."""
    presented = [value.strip() for value in headers.every(b"x-api-key")]
    for value in headers.every(b"authorization"):
        scheme, _, rest = value.partition(b" ")
        presented.append(rest.strip() if scheme.lower() == b"bearer" else b"")
    if not presented:
        return None
    if len(set(presented)) > 1 or not presented[0]:
        raise KeyRefused(
            "the request has no key, or several, or one of another kind",
            name="api_key",
            place="request",
            remedy="Send 'Authorization: Bearer KEY'.",
        )
    return presented[0].decode("latin-1")
