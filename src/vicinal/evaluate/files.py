"""Query sets and judgements in JSONL files, one object per line; the format is in docs/evaluate.md.

Ids are typed as everywhere in Vicinal: the number 1 and the string "1" are two ids, a UUID is {"$uuid": "..."}.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InvalidArgument, InvalidInput
from ..inputs.ids import check_id
from ..metadata import dumps, loads
from ..types import Id
from .grades import check_grade

__all__ = ["Judged", "Queries", "read_judgements", "read_queries", "write_judgements", "write_queries"]

# Query ids to queries: a text, or a vector of shape (dim,).
Queries = Mapping[Id, Any]
# Query ids to the grades of rows.
Judged = Mapping[Id, Mapping[Id, float]]

_BAD_JSON = (ValueError, TypeError, ArithmeticError, RecursionError)
_AnyPath = str | os.PathLike[str]
_REMEDY = "Mend that line."


def read_queries(path: _AnyPath) -> dict[Id, Any]:
    """Reads queries by id, in the order of the file: lines {"id": "q1", "text": "..."}, or "vector": [...] instead of
    "text".

    Returns:
        str for a text, a float32 array of shape (dim,) for a vector.

    Raises:
        InvalidInput: the file has an invalid line; the error names file and line.
    """
    found: dict[Id, Any] = {}
    for place, line in _objects(path, {"id", "text", "vector"}):
        query = _id(line, "id", place)
        if query in found:
            raise _bad(place, f"the query {query!r} already occurred on an earlier line")
        found[query] = _question(line, place)
    return found


def write_queries(path: _AnyPath, queries: Queries) -> None:
    """Writes a file for `read_queries`."""
    lines = []
    for query, asked in queries.items():
        text = isinstance(asked, str)
        value = json.dumps(asked, ensure_ascii=False) if text else json.dumps(np.asarray(asked, np.float64).tolist())
        lines.append(f'{{{_member("id", query)},"{"text" if text else "vector"}":{value}}}\n')
    _write(path, lines)


def read_judgements(path: _AnyPath) -> dict[Id, dict[Id, float]]:
    """Reads grades by query and row: lines {"query": "q1", "id": "a", "grade": 2}; "grade" defaults to 1.

    Raises:
        InvalidInput: the file has an invalid line; the error names file and line.
    """
    found: dict[Id, dict[Id, float]] = {}
    for place, line in _objects(path, {"query", "id", "grade"}):
        query, row = _id(line, "query", place), _id(line, "id", place)
        grades = found.setdefault(query, {})
        if row in grades:
            raise _bad(place, f"the row {row!r} was already judged for the query {query!r} on an earlier line")
        grades[row] = check_grade(line.get("grade", 1), place, name="path", remedy=_REMEDY)
    return found


def write_judgements(path: _AnyPath, judgements: Judged) -> None:
    """Writes a file for `read_judgements`."""
    _write(
        path,
        [
            f'{{{_member("query", query)},{_member("id", row)},"grade":{json.dumps(grade)}}}\n'
            for query, grades in judgements.items()
            for row, grade in grades.items()
        ],
    )


def _objects(path: _AnyPath, known: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the place and the members of each line. Reads bytes, so that a line that is not UTF-8 has a number."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise InvalidArgument(f"there is no file {str(file)!r}", name="path", value=path, remedy="Check the path.")
    with file.open("rb") as opened:
        for number, raw in enumerate(opened, 1):
            place = f"{file}:{number}"
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise _bad(place, "the line is not UTF-8") from None
            if not text.strip():
                continue
            try:
                members = loads(text)
            except InvalidInput:
                raise _bad(place, "the line is not a JSON object but another value") from None
            except _BAD_JSON as error:
                raise _bad(place, f"the line is not a JSON object: {str(error).partition(chr(10))[0]}") from None
            if unknown := members.keys() - known:
                raise _bad(place, f"there is no member {min(unknown)!r}; the members are {', '.join(sorted(known))}")
            yield place, members


def _id(line: Mapping[str, Any], member: str, place: str) -> Id:
    if member not in line:
        raise _bad(place, f"the member {member!r} is missing")
    return check_id(line[member], f"{place}, {member}")


def _question(line: Mapping[str, Any], place: str) -> Any:
    text, vector = line.get("text"), line.get("vector")
    if (text is None) == (vector is None):
        raise _bad(place, "a query has either a text or a vector")
    if text is not None:
        if not isinstance(text, str):
            raise _bad(place, f"text must be a string, not {type(text).__name__}")
        return text
    try:
        array = np.asarray(vector, dtype=np.float32)
    except _BAD_JSON:
        array = np.empty((0, 0), dtype=np.float32)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise _bad(place, "vector must be a list of finite numbers")
    return array


def _member(name: str, id_: Id) -> str:
    return dumps({name: check_id(id_, name)})[1:-1]


def _write(path: _AnyPath, lines: list[str]) -> None:
    with Path(path).expanduser().open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)


def _bad(place: str, problem: str) -> InvalidInput:
    return InvalidInput(problem, name="path", place=place, remedy=_REMEDY)
