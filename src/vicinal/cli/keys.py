"""`vicinal keys`: who may use a server, and for what."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer
from rich.table import Table

from ..errors import InvalidArgument, MissingExtra
from ..metadata import dumps, loads
from .common import DatabasePath, cell, existing_folder, print_table, say, say_json

__all__ = ["keys_app"]

keys_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Create, list and revoke API keys of a server."
)


@keys_app.command("create")
def create(
    path: DatabasePath,
    name: Annotated[str, typer.Option(help="Who the key is for.")] = "key",
    role: Annotated[str, typer.Option(help="read, write or admin; each includes those before it.")] = "read",
    where: Annotated[str | None, typer.Option(help="A filter as JSON: the key only sees rows that match.")] = None,
    collection: Annotated[list[str] | None, typer.Option(help="Only this collection; may be repeated.")] = None,
    days: Annotated[float | None, typer.Option(help="Days until the key expires.")] = None,
    signing: Annotated[
        bool, typer.Option("--signing", help="A key pair for signing requests, for VikingDB clients.")
    ] = False,
) -> None:
    """Create a key and print it, once: the server stores only its hash. A running server accepts it at once.

    With --signing the access key and the secret are printed, one per line. To check signatures the server stores
    the secret itself, in a file that only its owner can read.

    \b
    Examples:
      vicinal keys create ./data --role admin --name me
      vicinal keys create ./data --role write --where '{"tenant": "acme"}' --collection docs
      vicinal keys create ./data --role read --days 30
      vicinal keys create ./data --role write --signing
    """
    key, secret = _file(_folder_for_keys(path)).create(
        name,
        role,
        where=None if where is None else _filter(where),
        collections=tuple(collection or ()),
        days=days,
        signing=signing,
    )
    if signing:
        say(key.access_key)
    say(secret)


@keys_app.command("list")
def list_all(
    path: DatabasePath, as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False
) -> None:
    """Show all keys that were ever created, without the keys themselves.

    \b
    Examples:
      vicinal keys list ./data
      vicinal keys list ./data --json
    """
    keys, now = _file(existing_folder(path)).read(), datetime.now(UTC)
    if as_json:
        say_json(json.dumps([_shown(key) | {"state": key.state(now)} for key in keys], indent=2))
        return
    table = Table("id", "name", "role", "rows", "collections", "made", "state", "signs as")
    for key in keys:
        rows = "all" if key.where is None else dumps(key.where)
        reached = ", ".join(key.collections) or "all"
        made = key.created_at.date().isoformat()
        table.add_row(
            *map(cell, (key.id, key.name, key.role, rows, reached, made, key.state(now), key.access_key or ""))
        )
    print_table(table)


@keys_app.command("revoke")
def revoke(path: DatabasePath, id: Annotated[str, typer.Argument(metavar="ID", help="As listed.")]) -> None:
    """Revoke a key. A running server rejects it from the next request on.

    \b
    Examples:
      vicinal keys revoke ./data 3f0a91c2de
    """
    key = _file(existing_folder(path)).revoke(id)
    say(f"The key {key.id} ({key.name}) is revoked.")


def _folder_for_keys(path: Path) -> Path:
    """The folder, which must exist: a server reads keys from its database's folder, not from a mistyped path."""
    try:
        return existing_folder(path)
    except InvalidArgument as error:
        if not path.exists():
            error.remedy = f"Check the path, or make the folder first: mkdir {quote(str(path))}"
        raise


def _file(path: Any) -> Any:
    try:
        from ..server.keys import KeyFile
    except ModuleNotFoundError as missing:
        raise MissingExtra(missing.name or "msgspec", "server", "vicinal keys") from None
    return KeyFile(path)


def _filter(text: str) -> dict[str, Any]:
    try:
        return loads(text)
    except ValueError as error:
        raise InvalidArgument(
            f"--where is not JSON: {error}",
            name="--where",
            value=text,
            remedy='Such as --where \'{"tenant": "acme"}\'.',
        ) from None


def _shown(key: Any) -> dict[str, Any]:
    """Everything except secrets."""
    shown = {name: value for name, value in key.to_json().items() if name not in ("hash", "secret")}
    return shown | {"access_key": key.access_key}
