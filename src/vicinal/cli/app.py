"""The command `vicinal`: collects all commands, and reports errors."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ..errors import VicinalError
from ..version import __version__
from .ask import ask
from .backups import backup, restore, snapshot
from .common import make_streams_safe, say
from .demo import demo
from .evaluate import evaluate
from .explain import explain
from .index import index
from .init import init
from .keys import keys_app
from .migrate import migrate
from .models import models_app
from .plot import plot
from .rows import delete, get, peek
from .search import QueryCommand, search
from .serve import serve
from .stats import stats
from .transfer import export_collection, import_file
from .upkeep import compact, drop, repair, verify

app = typer.Typer(
    name="vicinal",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    # Errors of ours take one line, and a traceback must not print local variables, which may be keys.
    pretty_exceptions_enable=False,
)
app.command("demo")(demo)
app.command("index")(index)
app.command("search", cls=QueryCommand)(search)
app.command("get")(get)
app.command("peek")(peek)
app.command("ask", cls=QueryCommand)(ask)
app.command("explain", cls=QueryCommand)(explain)
app.command("plot")(plot)
app.command("evaluate")(evaluate)
app.command("import")(import_file)
app.command("export")(export_collection)
app.command("migrate")(migrate)
app.command("stats")(stats)
app.command("delete")(delete)
app.command("drop")(drop)
app.command("backup")(backup)
app.command("snapshot")(snapshot)
app.command("restore")(restore)
app.command("compact")(compact)
app.command("verify")(verify)
app.command("repair")(repair)
app.command("init")(init)
app.command("serve")(serve)
app.add_typer(keys_app, name="keys")
app.add_typer(models_app, name="models")


def _print_version(asked: bool) -> None:
    if asked:
        print(f"vicinal {__version__}")
        raise typer.Exit


@app.callback()
def vicinal(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A vector database for Python: search the library that you already have, or your own data.

    \b
    Examples:
      vicinal models add minilm
      vicinal demo "how do I compress a file?"
      vicinal index ./documents
      vicinal ask "what do my documents say of this?" --path ./documents
      vicinal import ./data docs articles.jsonl
      vicinal search ./data docs "a question"
    """


def run(arguments: list[str] | None = None) -> None:
    """Runs a command, by default that of the process, and exits.

    Exit code 1: an error, reported in one line; 2: invalid usage.
    """
    make_streams_safe()
    try:
        app(arguments)
    except (VicinalError, OSError) as error:
        say(f"vicinal: {error}", to_errors=True)
        sys.exit(1)
