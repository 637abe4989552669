"""Generates docs/api.md from the docstrings of the public classes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import vicinal
from vicinal import settings

_HEAD = """\
# API reference

<!-- Made from the docstrings of src/vicinal by `make docs`. -->

What `import vicinal` gives, in the words of its docstrings. `vicinal.aio` has the same calls, awaited, and
`connect("http://...")` gives the same calls on a [server](client.md). [Collection](collection.md) shows them at work,
[Errors](errors.md) lists what is raised.

"""
_SECTIONS = ("Args", "Returns", "Raises", "Attributes", "Yields")
_CLASSES = (
    "Database", "Collection", "Hits", "Hit", "LegScore", "Group", "Record", "Stats", "Explanation", "WhyNot",
    "Duplicates", "Snapshot", "VerifyReport", "Problem", "RepairReport", "PurgeReceipt", "LoggedQuery", "Bm25", "TfIdf",
    "MigrationReceipt", "MigratedCollection",
)  # fmt: skip


def api_page() -> str:
    parts = [_HEAD, *_function("connect", vicinal.connect, "##")]
    parts += _function("migrate", vicinal.migrate, "##")
    for name in _CLASSES:
        parts += _class(name, getattr(vicinal, name))
    parts += _function("vicinal.settings.setting", settings.setting, "##")
    return "\n".join("".join(parts).splitlines()).rstrip() + "\n"


def _class(name: str, kind: type) -> Iterator[str]:
    yield f"## `{name}`\n\n{_text(kind)}\n"
    for member, value in vars(kind).items():
        if member.startswith("_"):
            continue
        if isinstance(value, property) and value.fget and value.fget.__doc__:
            yield f"### `{name}.{member}`\n\n{_text(value.fget)}\n"
        elif isinstance(value, (classmethod, staticmethod)) or inspect.isfunction(value):
            yield from _function(f"{name}.{member}", getattr(kind, member), "###")


def _function(name: str, function: Any, level: str) -> Iterator[str]:
    if not function.__doc__:
        return
    yield f"{level} `{name}`\n\n```text\n{name.rpartition('.')[2]}({', '.join(_parameters(function))})\n```\n\n"
    yield f"{_text(function)}\n"


def _parameters(function: Any) -> Iterator[str]:
    """Yields names and defaults; types are in the text where they matter, and in editors."""
    seen_star = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in ("self", "cls") or parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not seen_star:
            seen_star = True
            yield "*"
        if parameter.kind is parameter.VAR_POSITIONAL:
            seen_star = True
            yield f"*{parameter.name}"
        elif parameter.default is parameter.empty:
            yield parameter.name
        else:
            yield f"{parameter.name}={_shown(parameter.default)}"


def _shown(default: Any) -> str:
    if isinstance(default, str):
        return repr(str(default))
    return repr(default) if isinstance(default, (int, float, tuple, type(None))) else "..."


def _text(of: Any) -> str:
    """Returns a docstring in Markdown: paragraphs, and lists of arguments and errors."""
    lines = inspect.cleandoc(of.__doc__ or "").splitlines()
    found: list[str] = []
    in_section = False
    for line in lines:
        section = line.rstrip(":")
        if line.endswith(":") and section in _SECTIONS:
            in_section = True
            found.append(f"**{section}**\n")
        elif in_section and (item := re.match(r" {4}(\w[\w*, .]*): (.*)", line)):
            names = ", ".join(f"`{one}`" for one in re.split(r",\s*", item[1]))
            found.append(f"- {names}: {_escaped(item[2])}")
        elif in_section and line.startswith("    "):
            found.append(
                f"  {_escaped(line.strip())}" if found[-1].startswith(("- ", "  ")) else _escaped(line.strip())
            )
        else:
            in_section = in_section and not line
            found.append(_escaped(line))
    return "\n".join(found) + "\n"


def _escaped(text: str) -> str:
    """Escapes what Markdown or HTML would interpret, outside of code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*<>\[\]])", r"\\\1", part) for part in parts)
