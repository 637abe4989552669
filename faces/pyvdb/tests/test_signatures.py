"""The signatures and attributes in pyvdb's document are those of the code."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyvdb
from pyvdb.fields import Attributes
from support.documents import Block, python_blocks, seed

OURS = Path(__file__).parent / "document.md"
SEED = seed("000")
DOCUMENTS = [path for path in (SEED, OURS) if path is not None]

# The document's names for the objects whose methods it lists.
OBJECTS = {
    "db": pyvdb.VectorDatabase,
    "ingest": pyvdb.GoldStandardIngest,
    "bm25": pyvdb.BM25Engine,
    "hybrid": pyvdb.HybridSearchEngine,
    "engine": pyvdb.LLMEngine,
    "pyvdb": pyvdb,
}
# A call as listed: optionally assigned, with typed parameters, optionally with a return type.
LISTED = re.compile(r"^(?:\w+ = )?([\w.]+)\(([^()]*(?:\(\)[^()]*)*)\)(?: -> ([\w.\[\]]+))?", re.MULTILINE)
NAMES = {**vars(typing), **vars(pyvdb), "np": np}


def signature_blocks(document: Path) -> list[Block]:
    """Returns the blocks that are not programs, except the one with shell commands."""
    return [block for block in python_blocks(document) if block.tree is None and "pip install" not in block.text]


def listed(block: Block) -> Iterator[tuple[str, ast.arguments, str | None]]:
    text = re.sub(r"#.*", "", block.text)
    for called, parameters, returns in LISTED.findall(text):
        if called == "len":
            continue
        (function,) = ast.parse(f"def f({parameters}): ...").body
        assert isinstance(function, ast.FunctionDef)
        yield called, function.args, returns or None


def found(called: str) -> Any:
    first, *rest = called.split(".")
    value: Any = OBJECTS[first]
    for name in rest:
        value = getattr(value, name)
    return value


def signatures(value: Any) -> list[inspect.Signature]:
    """Returns the overloads of a function, or its signature; without `self`."""
    overloads: list[Callable[..., Any]] = list(typing.get_overloads(value)) if inspect.isfunction(value) else []
    made = [inspect.signature(one, eval_str=True) for one in overloads or [value]]
    return [each.replace(parameters=[p for p in each.parameters.values() if p.name != "self"]) for each in made]


def named(annotation: Any) -> set[str]:
    """Returns the names of the types that an annotation allows, containers as `list[X]`."""
    if annotation is None or annotation is type(None):
        return {"None"}
    if typing.get_origin(annotation) is list:
        (inner,) = typing.get_args(annotation)
        return {f"list[{name}]" for name in named(inner)}
    if typing.get_args(annotation) and typing.get_origin(annotation) is not np.ndarray:
        return {name for part in typing.get_args(annotation) for name in named(part)}
    return {getattr(typing.get_origin(annotation) or annotation, "__name__", str(annotation))}


def allows(ours: Any, theirs: ast.expr | str | None) -> bool:
    """Returns whether our annotation allows everything that the listed one does."""
    if theirs is None:
        return True
    source = theirs if isinstance(theirs, str) else ast.unparse(theirs)
    return named(eval(source, dict(NAMES))) <= named(ours)


def same_default(ours: Any, theirs: ast.expr) -> bool:
    value = eval(ast.unparse(theirs), dict(NAMES))
    return bool(ours == value)


def fits(signature: inspect.Signature, arguments: ast.arguments, returns: str | None) -> bool:
    """Our signature has the listed parameters with their names, order, defaults and types; others are optional."""
    ours, listed_ = list(signature.parameters.values()), arguments.args
    shared, more = ours[: len(listed_)], ours[len(listed_) :]
    if [p.name for p in shared] != [a.arg for a in listed_] or any(p.default is p.empty for p in more):
        return False
    defaults: list[ast.expr | None] = [None] * (len(listed_) - len(arguments.defaults)) + [*arguments.defaults]
    for parameter, argument, default in zip(shared, listed_, defaults, strict=True):
        if not allows(parameter.annotation, argument.annotation):
            return False
        if (
            parameter.default is not parameter.empty
            if default is None
            else not same_default(parameter.default, default)
        ):
            return False
    return returns is None or named(signature.return_annotation) == named(eval(returns, dict(NAMES)))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: "ours" if path == OURS else "document")
def test_there_are_48_blocks_of_signatures(document: Path) -> None:
    blocks = signature_blocks(document)
    assert len(blocks) == 48
    assert all(any(listed(block)) for block in blocks)


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, id=f"{'ours' if path == OURS else 'document'}-{block.line}")
     for path in DOCUMENTS for block in signature_blocks(path)],
)  # fmt: skip
def test_a_listed_signature_is_ours(block: Block) -> None:
    for called, arguments, returns in listed(block):
        ours = signatures(found(called))
        assert any(fits(one, arguments, returns) for one in ours), f"{called}: {ours}"


def test_a_signature_that_differs_is_noticed() -> None:
    wrong = [
        "db.search(query: str, k: int = 11) -> List[QueryResult]",
        "db.search(query: str, n: int = 10) -> List[QueryResult]",
        "db.search(query: str, k: int = 10) -> List[Metadata]",
        "db.search(query: int, k: int = 10) -> List[QueryResult]",
        "db.add_text(text: str, metadata: Metadata, date: str) -> int",
        "bm25.search(query: str, min_score: float = 0.0, k: int = 10) -> List[BM25Result]",
    ]
    for text in wrong:
        ((called, arguments, returns),) = listed(Block(1, text))
        assert not any(fits(one, arguments, returns) for one in signatures(found(called))), text


# Lists of attributes: what is annotated, by the class of the object that they are of.
CLASSES = {
    "config.path": pyvdb.DatabaseConfig, "meta.id": pyvdb.Metadata, "options.k": pyvdb.QueryOptions,
    "result.id": pyvdb.QueryResult, "config.gold_standard_output": pyvdb.IngestConfig,
    "stats.journals_added": pyvdb.IngestStats, "config.model_path": pyvdb.LLMConfig,
    "params.max_tokens": pyvdb.GenerationParams,
}  # fmt: skip
ATTRIBUTE = re.compile(r"^(\w+\.\w+): ([\w\[\]]+) *(?:#.*?\(default: (\w+)\))?", re.MULTILINE)
EXAMPLES: dict[str, Any] = {"str": "x", "int": 7, "float": 1.5, "bool": True, "List[str]": ["x"]}


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, id=f"{'ours' if path == OURS else 'document'}-{block.line}")
     for path in DOCUMENTS for block in python_blocks(path) if block.is_listing],
)  # fmt: skip
def test_listed_attributes_are_there_with_their_defaults_and_types(block: Block) -> None:
    attributes = ATTRIBUTE.findall(block.text)
    assert len(attributes) >= 4
    kind = CLASSES[attributes[0][0]]
    for path, type_, default in attributes:
        name = path.split(".")[1]
        made = kind()
        value = getattr(made, name)
        if default and default != "auto":
            assert str(getattr(value, "name", value)) == default
        if isinstance(made, Attributes) and type_ in EXAMPLES:
            setattr(made, name, EXAMPLES[type_])
            assert getattr(made, name) == EXAMPLES[type_]
        elif not isinstance(made, Attributes):
            with pytest.raises(AttributeError):
                setattr(made, name, value)
