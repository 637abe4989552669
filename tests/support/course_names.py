"""The names in a folder of course programs: classes, functions, their parameters and defaults, as plain values.

    python tests/support/course_names.py

writes `tests/course/names.json` from the course's document, if it is available.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

SAVED = Path(__file__).parents[1] / "course" / "names.json"

_FILE = re.compile(r"#\s*(\w+)\.py\b")

Names = dict[str, dict[str, list[list[Any]]]]
"""By file and by callable or class: name and default of each parameter or field; None is none."""


def of_document(document: Path) -> Names:
    """Returns the names of every fenced block that begins with the name of its file."""
    blocks = re.findall(r"^```python\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    named = {found[1]: block for block in blocks if (found := _FILE.match(block))}
    return {name: of_source(_parsed(block)) for name, block in named.items()}


def of_folder(folder: Path) -> Names:
    """Returns the names of every program in the folder."""
    return {path.stem: of_source(ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.py"))}


def of_source(tree: ast.Module) -> dict[str, list[list[Any]]]:
    """Returns functions, and methods as CLASS.METHOD; for a class its fields. Leaves out names with one underscore."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found: dict[str, list[list[Any]]] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found |= _function("", node)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found[node.name] = [
                [one.target.id, one.value and ast.unparse(one.value)]
                for one in node.body
                if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
            ]
            found |= _methods(f"{node.name}.", node, classes)
    return found


def _methods(prefix: str, node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> dict[str, list[list[Any]]]:
    """Includes those of base classes in the same file."""
    found: dict[str, list[list[Any]]] = {}
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            found |= _methods(prefix, classes[base.id], classes)
    for method in node.body:
        if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found |= _function(prefix, method)
    return found


def _function(prefix: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, list[list[Any]]]:
    if node.name.startswith("_") and node.name != "__init__":
        return {}
    kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    plain = [*node.args.posonlyargs, *node.args.args]
    defaults = [None] * (len(plain) - len(node.args.defaults)) + [ast.unparse(one) for one in node.args.defaults]
    named = [ast.unparse(one) if one else None for one in node.args.kw_defaults]
    pairs = [*zip(plain, defaults), *zip(node.args.kwonlyargs, named)]
    return {f"{kind}{prefix}{node.name}": [[one.arg, default] for one, default in pairs]}


def _parsed(block: str) -> ast.Module:
    """In the document, the last lines of one block are indented by one blank too many."""
    try:
        return ast.parse(block)
    except IndentationError:
        return ast.parse(re.sub(r"^ ((?:    )+)(?=\S)", r"\1", block, flags=re.MULTILINE))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from support.documents import seed

    document = seed("002")
    assert document is not None, "the course's document is not beside this tree"
    SAVED.write_text(json.dumps(of_document(document), indent=1) + "\n", encoding="utf-8")
