"""Hits from a folder of documents: file, page or line, and the passage with the words of the query marked."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ..rag.folder.search import FolderHits
from ..rag.highlight import best_stretch, marks
from ..types import Hit
from ..visible import counted, visible
from .common import say

__all__ = ["print_passages"]

_SHOWN_CHARS = 320
_PIPE_WIDTH = 120
_SPACE = re.compile(r"\s+")


def print_passages(found: FolderHits, question: str, only: Collection[int] | None = None) -> None:
    """Prints the hits; words are marked by colour on a terminal, and with asterisks elsewhere.

    Args:
        only: numbers of those to print; by default all.
    """
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal or "COLUMNS" in os.environ else _PIPE_WIDTH, highlight=False)
    for number, hit in enumerate(found.hits, 1):
        if only is not None and number not in only:
            continue
        text = hit.text or ""
        spans = marks(text, question)
        console.print(_head(number, hit, spans, found))
        console.print(_passage(text, spans, terminal))
        console.print()
    if not found.hits:
        console.print("Nothing found.")
    if found.gone:
        verb = "is" if len(found.gone) == 1 else "are"
        gone = f"{counted(len(found.gone), 'file')} that had been indexed {verb} gone"
        say(f"{gone} from {found.folder}. Run vicinal index again.", to_errors=True)


def _head(number: int, hit: Hit, spans: list[tuple[int, int]], found: FolderHits) -> Text:
    about = hit.metadata
    place = file = about["file"] if isinstance(about.get("file"), str) else str(hit.id)
    if "page" in about:
        place += f", page {about['page']}"
    elif "line" in about:
        first = spans[0][0] if spans else 0
        place += f":{about['line'] + (hit.text or '').count(chr(10), 0, first)}"
    head = Text(f"{number:>3}  ")
    head.append(_plain(place), style="bold")
    under = about.get("headings") or ([about["title"]] if about.get("title") else [])
    if under:
        head.append("  ")
        head.append(_plain(" > ".join(under)), style="cyan")
    head.append(f"  {hit.score:.3f}", style="dim")
    if file in found.stale:
        head.append("  (changed since it was indexed)", style="yellow")
    if copies := found.copies.get(hit.id):
        more = f" and {len(copies) - 1:,} more" if len(copies) > 1 else ""
        head.append(_plain(f"  (also in {copies[0]}{more})"), style="dim")
    return head


def _passage(text: str, spans: list[tuple[int, int]], terminal: bool) -> Padding:
    start, end = best_stretch(text, spans, _SHOWN_CHARS)
    start += len(text[start:end]) - len(text[start:end].lstrip())
    shown = Text()
    if start:
        shown.append("... ")
    at = start
    for first, last in [*((a, b) for a, b in spans if start <= a and b <= end), (end, end)]:
        shown.append(_plain(text[at:first]))
        word = _plain(text[first:last])
        if word:
            shown.append(word if terminal else f"*{word}*", style="bold yellow")
        at = last
    if end < len(text.rstrip()):
        shown.append(" ...")
    return Padding(shown, (0, 0, 0, 5), expand=False)


def _plain(text: str) -> str:
    """Collapses white space to single blanks, and removes control characters."""
    return visible(_SPACE.sub(" ", text))
