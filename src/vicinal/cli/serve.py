"""`vicinal serve`: a database over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InvalidArgument, MissingExtra
from .common import DatabasePath, at_home

__all__ = ["serve"]


def serve(
    path: DatabasePath,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port; 8420; 0 for any free port.", show_default=False)] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; 1.", show_default=False)] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file of settings.", callback=at_home)] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting; docs/server.md lists them."),
    ] = None,
    provision: Annotated[
        Path | None,
        typer.Option(help="Collections for VikingDB clients, created first; TOML or JSON.", callback=at_home),
    ] = None,
    log_requests: Annotated[bool, typer.Option("--log-requests", help="Log every request.")] = False,
) -> None:
    """Serve a database over HTTP, until Ctrl-C or SIGTERM.

    Without keys only this machine has access. Settings come from options, from variables such as VICINAL_SERVER_PORT,
    and from --config, in that order; an unknown setting is an error.

    \b
    Examples:
      vicinal serve ./data
      vicinal serve ./data --workers 2 --port 9000
      vicinal keys create ./data --role admin && vicinal serve ./data --host 0.0.0.0
      vicinal serve ./data --set timeout=10 --set body_mib_max=16
      vicinal serve ./data --provision collections.toml
    """
    try:
        from ..server import ServerSettings
        from ..server import serve as run
    except ModuleNotFoundError as missing:
        raise MissingExtra(missing.name or "uvicorn", "server", "vicinal serve") from None
    given: dict[str, Any] = {"host": host, "port": port, "workers": workers, "log_requests": log_requests or None}
    given["provision"] = None if provision is None else str(provision)
    run(ServerSettings.load(path, config=config, texts=dict(map(_pair, settings or [])), **given))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidArgument(
            f"--set takes NAME=VALUE, not {text!r}", name="--set", value=text, remedy="Such as --set timeout=10."
        )
    return name, value
