"""No test, and nothing that a test calls, may connect beyond this machine: `install()` turns any attempt into an error.

It uses an audit hook, because the interpreter calls it for every socket, whoever opens it, and it cannot be removed.
Connections to this machine and Unix sockets are allowed: tests run their own servers.
"""

from __future__ import annotations

import ipaddress
import sys
from typing import Any


class OutsideConnection(RuntimeError):
    """Something tried to connect beyond this machine."""


def install() -> None:
    """Takes effect for the rest of this process."""
    sys.addaudithook(_refuse_outside)


def _refuse_outside(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a Unix socket's address is a path
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    if not _is_this_machine(host):
        raise OutsideConnection(f"{event} to {host!r}: tests do not leave this machine")


def _is_this_machine(host: Any) -> bool:
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False
