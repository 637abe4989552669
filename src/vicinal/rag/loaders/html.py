"""Loads HTML: the visible text, block by block."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...errors import MissingExtra
from ..document import Document, outlined
from .decoding import clean, decode

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["load_html"]

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# Elements without readable text, and the menus around a page.
_LEFT_OUT = frozenset(
    {"head", "script", "style", "template", "noscript", "svg", "math", "iframe", "object", "canvas", "nav", "select"}
)
_PARAGRAPHS = frozenset(
    {"p", "pre", "blockquote", "ul", "ol", "dl", "table", "section", "article", "main", "header", "footer", "figure"}
    | set(_HEADINGS)
)
_LINES = frozenset({"br", "div", "li", "tr", "dt", "dd", "hr", "caption", "figcaption", "address", "form", "details"})
_CELLS = frozenset({"td", "th"})
_DEPTH_MAX = 1000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
# Elements without an end tag, or whose end is implied by the next one.
_NEVER_DEEP = frozenset(
    {
        "area", "base", "body", "br", "col", "colgroup", "dd", "dt", "embed", "head", "hr", "html", "img", "input",
        "li", "link", "meta", "optgroup", "option", "p", "param", "rp", "rt", "source", "tbody", "td", "tfoot", "th",
        "thead", "tr", "track", "wbr",
    }
)  # fmt: skip
_SPACE = re.compile(r"[ \t\n\r\f]+")


def load_html(data: bytes) -> Document:
    """Loads the visible text; parts are the sections below each heading.

    Raises:
        MissingExtra: selectolax is not installed.
    """
    if find_spec("selectolax") is None:
        raise MissingExtra("selectolax", "loaders", "HTML documents")
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(_flattened(decode(data)))
    title = tree.css_first("title")
    page = _Page()
    if tree.body is not None:
        page.read(tree.body)
    name = "" if title is None else clean(" ".join(title.text().split()))
    return Document(clean(page.text()), "html", name, tuple(outlined(page.headings())))


def _flattened(html: str) -> str:
    """Removes tags nested deeper than any author would: parsers take quadratic time on them."""
    depth = 0

    def kept(tag: re.Match[str]) -> str:
        nonlocal depth
        if tag[2].lower() in _NEVER_DEEP:
            return tag[0]
        if tag[1]:
            depth = max(0, depth - 1)
            return tag[0] if depth < _DEPTH_MAX else " "
        depth += 1
        return tag[0] if depth <= _DEPTH_MAX else " "

    return _TAG.sub(kept, html) if html.count("<") > _DEPTH_MAX else html


class _Page:
    """Text under construction. Line ends requested by blocks are written when text follows."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._line_ends = 0
        self._blank = False
        self._preformatted = 0
        self._headings: list[tuple[int, int, int]] = []

    def text(self) -> str:
        return "".join(self._pieces)

    def headings(self) -> list[tuple[int, int, str]]:
        text = self.text()
        return [
            (start, level, " ".join(text[start:end].split())) for start, level, end in self._headings if end > start
        ]

    def read(self, root: LexborNode) -> None:
        """Walks below `root` without recursion: pages may be nested to any depth."""
        node = root
        while True:
            child = None if node.tag in _LEFT_OUT else node.child
            self._open(node)
            if child is not None:
                node = child
                continue
            self._close(node)
            while node.next is None or node.mem_id == root.mem_id:
                if node.mem_id == root.mem_id or node.parent is None:
                    return
                node = node.parent
                self._close(node)
            node = node.next

    def _open(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self._add(node.text(deep=False))
        elif tag in _HEADINGS:
            self._end_line(2)
            self._headings.append((self._length + min(self._line_ends, 2) * bool(self._length), _HEADINGS[tag], 0))
        elif tag in _PARAGRAPHS:
            self._end_line(2)
        elif tag in _LINES:
            self._end_line(1)
        self._preformatted += tag in ("pre", "textarea")

    def _close(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in _HEADINGS and self._headings and not self._headings[-1][2]:
            start, level, _ = self._headings[-1]
            self._headings[-1] = (start, level, self._length)
        self._preformatted -= tag in ("pre", "textarea")
        if tag in _PARAGRAPHS:
            self._end_line(2)
        elif tag in _LINES and tag != "br":
            self._end_line(1)
        elif tag in _CELLS:
            self._add("\t")

    def _end_line(self, count: int) -> None:
        self._line_ends = max(self._line_ends, count)
        self._blank = False

    def _add(self, text: str | None) -> None:
        if not text:
            return
        if not self._preformatted:
            text = _SPACE.sub(" ", text)
            if text[0] == " ":
                self._blank = True
            text = text.lstrip(" ")
            if not text:
                return
        before = "\n" * self._line_ends if self._line_ends else " " * self._blank
        self._write(before if self._length else "")
        self._line_ends = 0
        self._blank = not self._preformatted and text[-1] == " "
        self._write(text.rstrip(" ") if not self._preformatted else text)

    def _write(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)
