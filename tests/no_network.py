"""No test, and nothing that a test calls, reaches beyond this machine: `install()` makes such a try an error.

An audit hook, because the interpreter asks it about every socket, whoever opens it, and nobody can take it out
again. Connections to this machine and Unix sockets pass: tests have servers of their own.
"""

from __future__ import annotations

import ipaddress
import sys
from typing import Any


class OutsideConnection(RuntimeError):
    """Something tried to leave this machine."""


def install() -> None:
    """For the rest of this process."""
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
