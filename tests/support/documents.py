"""Python blocks of a Markdown document, classified by how they can be tested."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SEEDS = ROOT.parent / "shared" / "seeds"

_FENCE = re.compile(r"^```python(?: +([\w ]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of Python.

    Attributes:
        line: the line of the document on which the block begins, counted from 1.
        text: without the fences.
        labels: words after the language.
    """

    line: int
    text: str
    labels: frozenset[str] = frozenset()

    @property
    def tree(self) -> ast.Module | None:
        """Returns None if it is not a program, such as a list of signatures."""
        try:
            return ast.parse(self.text)
        except SyntaxError:
            return None

    @property
    def is_listing(self) -> bool:
        """Whether it lists attributes: annotations without values."""
        tree = self.tree
        return tree is not None and any(isinstance(node, ast.AnnAssign) and node.value is None for node in tree.body)

    @property
    def is_program(self) -> bool:
        return self.tree is not None and not self.is_listing


def python_blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(text.count("\n", 0, found.start()) + 1, found[2], frozenset((found[1] or "").split()))
        for found in _FENCE.finditer(text)
    ]


def seed(prefix: str) -> Path | None:
    """Returns the document with this number, if it is available."""
    found = sorted(SEEDS.glob(f"{prefix}_*.txt"))
    return found[0] if found else None
