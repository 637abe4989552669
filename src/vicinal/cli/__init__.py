"""The command line. Nothing else imports this package, so the library needs neither typer nor rich."""

from __future__ import annotations

import sys
import warnings

from ..errors import MissingExtra

__all__ = ["main"]


def main() -> None:
    """Entry point of the command `vicinal`."""
    try:
        from .app import run
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package not in ("typer", "rich"):
            raise
        print(f"vicinal: {MissingExtra(package, 'cli', 'the command line')}", file=sys.stderr)
        sys.exit(2)
    warnings.formatwarning = lambda message, *_, **__: f"vicinal: {message}\n"  # the source line means nothing here
    run()
