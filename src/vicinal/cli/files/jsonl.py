"""JSONL: one object per line, {"id": ..., "text": ..., "metadata": {...}}, optionally with "ttl", "vector" and
"sparse".

Also reads output of mongoexport, dumps of Elasticsearch, whose documents are in `_source`, and one array of objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from ...errors import InvalidInput
from ...metadata import dumps
from ...types import Record
from .extended_json import loads, reason
from .layout import Layout
from .lines import encoding_of, has_bad_bytes, mended, text_lines
from .reading import ColumnNames, Reading, bad, bad_file, clean
from .rows import BAD_JSON, SourceRow, json_member, source_row, typed_texts
from .source import kind_of


def read(path: Path, reading: Reading) -> Iterator[SourceRow]:
    is_first = True
    for place, found in _objects(path, reading):
        values, columns = _document(found, reading.columns)
        if is_first and columns.id == "_id" != reading.columns.id:
            reading.note(f"{path}: '_id' holds the ids" + (", '_source' the rows" if "_source" in found else ""))
        if is_first:
            reading.saw(list(values), columns)
        is_first = False
        row = reading.attempt(place, partial(_row, values, columns, reading, place))
        if row is not None:
            yield row


def _row(values: dict[str, Any], columns: ColumnNames, reading: Reading, place: str) -> SourceRow:
    columns.check(list(values), place)
    return source_row(typed_texts(values, reading), columns, place)


def _document(found: dict[str, Any], columns: ColumnNames) -> tuple[dict[str, Any], ColumnNames]:
    """The values of a row; of Elasticsearch those within `_source`. Its `_id` is the id if there is no other."""
    source = found.get("_source")
    values = {"_id": found["_id"], **source} if isinstance(source, dict) and "_id" in found else dict(found)
    return values, columns.among(list(values)) if "_id" in values else columns


def _objects(path: Path, reading: Reading) -> Iterator[tuple[str, dict[str, Any]]]:
    encoding = encoding_of(path, reading, old_allowed=False)
    if kind_of(path) == ".json":
        text = "".join(text_lines(path, encoding))
        if text.lstrip().startswith("["):
            yield from _array(text, path, reading)
            return
    if reading.wants_total:
        reading.total = sum(1 for line in text_lines(path, encoding) if line.strip())
    for number, line in enumerate(text_lines(path, encoding), 1):
        found = _object(line, f"{path}:{number}", reading) if line.strip() else None
        if found is not None:
            yield f"{path}:{number}", found


def _array(text: str, path: Path, reading: Reading) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        if has_bad_bytes(text) and reading.on_error != "replace":
            raise bad_file(
                str(path), "the file is not UTF-8", "Say its encoding by --encoding, or use --on-error replace."
            )
        rows = loads(_unescaped(text, str(path), reading))
    except BAD_JSON as error:
        raise bad_file(str(path), f"the file is not JSON: {reason(error)}") from None
    reading.total = len(rows)
    for number, row in enumerate(rows):
        place = f"{path}: row {number}"
        if isinstance(row, dict):
            yield place, _whole(row, place, reading)
        else:
            reading.refuse(bad(place, "the row is not a JSON object"))


def _object(line: str, place: str, reading: Reading) -> dict[str, Any] | None:
    """The object of a line; None if it is skipped."""
    try:
        found = loads(_unescaped(line, place, reading))
        if not isinstance(found, dict):
            raise TypeError("it is not an object")
        return _whole(found, place, reading)
    except InvalidInput as error:
        reading.refuse(error)
    except BAD_JSON as error:
        reading.refuse(bad(place, f"the line is not a JSON object: {reason(error)}"))
    return None


def _unescaped(text: str, place: str, reading: Reading) -> str:
    """The text; bytes that are not UTF-8 are rejected or replaced."""
    if not has_bad_bytes(text):
        return text
    if reading.on_error != "replace":
        raise bad(place, "the line is not UTF-8")
    reading.replaced(place)
    return mended(text)


def _whole(values: dict[str, Any], place: str, reading: Reading) -> dict[str, Any]:
    """The values; replaces lone surrogates, which JSON can contain as \\ud800 and the like."""
    if reading.on_error != "replace":
        return values  # the collection rejects them and says why
    cleaned: dict[str, Any] = clean(values)
    if cleaned != values:
        reading.replaced(place)
    return cleaned


def write(file: IO[bytes], records: Sequence[Record], ids: IO[bytes] | None, layout: Layout) -> None:
    for record in records:
        flat = {key: value for key, value in record.metadata.items() if layout.is_flat and layout.may_be_flat(key)}
        rest = {key: value for key, value in record.metadata.items() if key not in flat}
        members = {layout.id: json_member(layout.id, record.id)}
        if not layout.texts:
            members[layout.text] = f"{_json(layout.text)}:{_json(record.text)}"
        if rest or not layout.is_flat:
            members["metadata"] = f'"metadata":{dumps(rest)}'
        members |= {key: json_member(key, value) for key, value in flat.items()}
        if record.expires_at is not None:
            members["ttl"] = json_member("ttl", record.expires_at)
        if record.vector is not None:
            members[layout.vector] = f"{_json(layout.vector)}:{json.dumps(record.vector.tolist())}"
        if record.sparse is not None:
            members["sparse"] = json_member("sparse", {str(at): weight for at, weight in record.sparse.items()})
        line = ",".join(members[name] for name in layout.ordered(list(members)))
        file.write(f"{{{line}}}\n".encode())


def _json(value: str | None) -> str:
    return json.dumps(value, ensure_ascii=False)
