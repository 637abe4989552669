"""Imports only go to lower layers. ARCHITECTURE.md shows the same layers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "vicinal"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# Top to bottom. "vicinal" is the list of public names. Places are reserved for modules that do not exist yet.
LAYERS = (
    {"__main__"},
    {"cli"},
    {"importers"},
    {"compat"},
    {"server", "aio"},
    {"vicinal"},
    {"migration"},
    {"opening"},
    {"remote", "distributed"},
    {"database"},
    {"collection", "rag", "memories", "evaluate", "visualize"},
    {"stores", "collection_settings"},
    {"wire"},
    {"searching"},
    {"records", "query", "rerankers"},
    {"indexes", "encoders", "llm"},
    {"filters", "analyzers"},
    {"store"},
    {"services"},
    {"inputs", "models"},
    {
        "arguments",
        "contract",
        "deadline",
        "duplicates",
        "errors",
        "explanation",
        "groups",
        "logged_query",
        "types",
        "tables",
        "notebook",
        "metadata",
        "locks",
        "shutdown",
        "ownership",
        "progress",
        "settings",
        "version",
        "visible",
        "warn",
    },
)
RANKS = {room: rank for rank, layer in enumerate(LAYERS) for room in layer}
BOTTOM = LAYERS[-1]
NATIVE_IS_IMPORTED_BY = {"vicinal.indexes.kernels": {"vicinal._core", "vicinal._build"}}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in SOURCES}


def room_of(module: str) -> str:
    """`vicinal.store.rows` is in the subpackage `store`."""
    return module.split(".")[1] if "." in module else module


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yields our modules that a file imports, anywhere in it, including imports for the type checker and by name."""
    package = path.relative_to(PACKAGE.parent).parent.parts
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            source = base if node.level else node.module or ""
            found = [source, *(f"{source}.{alias.name}" for alias in node.names)]
            # `from .store import rows` may name a module or an object in it.
            found = [name for name in found[1:] if name in MODULES or "._" in name] or found[:1]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = [node.value] if node.value in MODULES or node.value.startswith("vicinal._") else []
        else:
            continue
        yield from ((name, node.lineno) for name in found if name == "vicinal" or name.startswith("vicinal."))


def is_native(module: str) -> bool:
    return module.startswith("vicinal._")


def problem(importer: str, imported: str) -> str | None:
    """Returns why one module may not import the other, or None if it may."""
    if is_native(imported):
        allowed = imported in NATIVE_IS_IMPORTED_BY.get(importer, ())
        return None if allowed else "the native core has one door"
    above, below = room_of(importer), room_of(imported)
    if above == below or (above in BOTTOM and below in BOTTOM):
        return None
    if RANKS[below] > RANKS[above]:
        return None
    return "a neighbour in the same layer" if RANKS[below] == RANKS[above] else "a layer above"


FACES = Path(__file__).parents[1] / "faces"
FACE_SOURCES = sorted(FACES.glob("*/src/**/*.py"))
# The modules that distributions in faces/ may use. They have names, defaults and errors; the engine does the
# searching.
FOR_FACES = (
    "analyzers",
    "contract",
    "encoders",
    "errors",
    "evaluate",
    "filters.tree",
    "filters.values",
    "indexes.sign_hashing",
    "indexes.text_query",
    "inputs.calls",
    "inputs.checks",
    "llm",
    "locks",
    "ownership",
    "progress",
    "query.fusion",
    "rag",
    "types",
    "version",
    "visible",
)


@pytest.mark.parametrize("path", FACE_SOURCES, ids=lambda path: path.relative_to(FACES).as_posix())
def test_a_face_stands_on_the_public_engine(path: Path) -> None:
    allowed = tuple(f"vicinal.{name}" for name in FOR_FACES)
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name for name in names if node.module != "vicinal" or name in MODULES]  # else a name of its list
        found |= {name for name in names if name.startswith("vicinal.") and not name.startswith(allowed)}
    assert not found


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    importer = module_of(path)
    assert room_of(importer) in RANKS, f"{importer} has no layer: give it one above"
    found = {
        f"line {line} imports {imported}: {why}"
        for imported, line in imports(path)
        if (why := problem(importer, imported))
    }
    assert not found


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("vicinal.store.rows", "vicinal.errors", True),
        ("vicinal.store.rows", "vicinal.store.state", True),
        ("vicinal.types", "vicinal.errors", True),
        ("vicinal.cli.app", "vicinal", True),
        ("vicinal.store.rows", "vicinal.indexes.flat", False),
        ("vicinal.encoders.cache", "vicinal.indexes.flat", False),
        ("vicinal.errors", "vicinal", False),
        ("vicinal.indexes.kernels", "vicinal._core", True),
        ("vicinal.indexes.flat", "vicinal._core", False),
    ],
)
def test_the_rule_itself(importer: str, imported: str, allowed: bool) -> None:
    assert (problem(importer, imported) is None) == allowed


def test_every_way_to_import_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "vicinal" / "store" / "rows.py"
    source.parent.mkdir(parents=True)
    source.write_text(
        "from typing import TYPE_CHECKING\n"
        "import vicinal.errors\n"
        "from ..types import Id\n"
        "from .. import database\n"
        "from . import state\n"
        "if TYPE_CHECKING:\n"
        "    from vicinal.collection import Collection\n"
        "def late():\n"
        "    from ..indexes import flat\n"
        "    importlib.import_module('vicinal._core')\n"
    )
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "vicinal")
    assert [name for name, _ in sorted(imports(source), key=lambda found: found[1])] == [
        "vicinal.errors",
        "vicinal.types",
        "vicinal.database",
        "vicinal.store.state",
        "vicinal.collection",
        "vicinal.indexes.flat",
        "vicinal._core",
    ]
