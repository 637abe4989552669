"""How notebooks display hits, collections and reports: small pieces of HTML.

All values from users are escaped here, and nowhere else. The only colours are shades of the text colour, which are
readable on a dark page too. There are no scripts, no style sheets and no external resources.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

from .visible import printed

TEXT_CHARS_MAX: Final = 240
VALUE_CHARS_MAX: Final = 60
ROWS_MAX: Final = 20

_CELL = "padding:.25em .7em;vertical-align:top;text-align:left"
_FAINT = "opacity:.65"


class Markup(str):
    """HTML created by this module; anything else is escaped when it is displayed."""

    __slots__ = ()


def shown(value: object, chars_max: int = VALUE_CHARS_MAX) -> Markup:
    """A value as one line of escaped text, without invisible characters."""
    if isinstance(value, Markup):
        return value
    text = value if isinstance(value, str) else "" if value is None else printed(value)
    line = " ".join(text[: 4 * chars_max].split())
    line = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
    return Markup(escape(line if len(line) <= chars_max else f"{line[: chars_max - 1]}\N{HORIZONTAL ELLIPSIS}"))


def faint(value: object) -> Markup:
    """A less important value."""
    return Markup(f'<span style="{_FAINT}">{shown(value)}</span>')


def code(value: object) -> Markup:
    """A name or an id."""
    return Markup(f"<code>{shown(value)}</code>")


def bar(share: float) -> Markup:
    """A bar of at most 4 em, for a number from 0 to 1."""
    width = 4 * min(1.0, max(0.0, share))
    return Markup(
        f'<div style="width:{width:.2f}em;height:.3em;margin-top:.2em;background:currentColor;opacity:.35"></div>'
    )


def joined(*parts: object) -> Markup:
    """Several values side by side."""
    return Markup("".join(shown(part, TEXT_CHARS_MAX) for part in parts))


def pairs(values: Mapping[str, Any]) -> Markup:
    """Names and values in one cell, for example of metadata."""
    return Markup("<br>".join(f"{faint(name)} {shown(value)}" for name, value in values.items()))


def table(title: object, header: Sequence[str], rows: Iterable[Sequence[object]], more: str = "") -> str:
    """A table with a title; `more` is shown below it."""
    head = "".join(f'<th style="{_CELL};{_FAINT}">{shown(name)}</th>' for name in header)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    below = f"<div>{faint(more)}</div>" if more else ""
    parts = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"
    return f"<div><strong>{shown(title, TEXT_CHARS_MAX)}</strong>{parts}</div>"


def _cells(row: Sequence[object]) -> str:
    return "".join(f'<td style="{_CELL}">{shown(cell, TEXT_CHARS_MAX)}</td>' for cell in row)


def card(title: object, values: Mapping[str, object], lists: Mapping[str, Sequence[object]] | None = None) -> str:
    """A title, then one line per name and value, then lists of lines, each cut after `ROWS_MAX`."""
    rows = "".join(f"<tr>{_cells([faint(name), value])}</tr>" for name, value in values.items() if value is not None)
    below = "".join(_listed(name, lines) for name, lines in (lists or {}).items() if lines)
    return f"<div><strong>{shown(title, TEXT_CHARS_MAX)}</strong><table><tbody>{rows}</tbody></table>{below}</div>"


def _listed(name: str, lines: Sequence[object]) -> str:
    items = "".join(f"<li>{shown(line, TEXT_CHARS_MAX)}</li>" for line in lines[:ROWS_MAX])
    rest = len(lines) - ROWS_MAX
    return f"<div>{shown(name)}<ul>{items}</ul>{faint(f'and {rest:,} more') if rest > 0 else ''}</div>"
