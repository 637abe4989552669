"""JSONL: one object a line, {"id": ..., "text": ..., "metadata": {...}}, and "ttl" and "vector" where there are any."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import InvalidInput
from ...metadata import loads
from ...types import Record
from .rows import BAD_JSON, Columns, SourceRow, bad, json_member, json_members, numbered_lines, source_row


def read(path: Path, columns: Columns, ids: Path | None) -> Iterator[SourceRow]:
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            values = loads(line)
        except BAD_JSON as error:
            raise bad(place, f"the line is not a JSON object: {_reason(error)}") from None
        yield source_row(values, columns, place)


def _reason(error: Exception) -> str:
    if isinstance(error, InvalidInput):
        return "it is another value"
    return str(error).partition("\n")[0] or type(error).__name__


def write(path: Path, records: Sequence[Record], ids: Path | None) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            members = [json_members(record.id, record.text, record.metadata)]
            if record.expires_at is not None:
                members.append(json_member("ttl", record.expires_at))
            if record.vector is not None:
                members.append(f'"vector":{json.dumps(record.vector.tolist())}')
            file.write(f"{{{','.join(members)}}}\n")
