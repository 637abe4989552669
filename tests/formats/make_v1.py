"""Creates the collection of format 1 that every later version must open: `python make_v1.py tests/formats/v1`.

Unchanged since the format was released. Run it only to see how the files were created.
"""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import vicinal

ROWS: list[dict[str, Any]] = [
    {"id": 1, "text": "integer one", "vector": [1.0, 0.0, 0.0]},
    {"id": "1", "text": "text one \x00 🦜", "vector": [0.0, 1.0, 0.0]},
    {"id": UUID("12345678-1234-5678-1234-567812345678"), "vector": [0.0, 0.0, 1.0]},
    {"id": "no vector", "text": "only text"},
    {
        "id": "metadata",
        "vector": [1.0, 1.0, 1.0],
        "metadata": {
            "none": None,
            "bool": True,
            "int": 2**70,
            "long int": -(3**2000),
            "float": 0.1,
            "text": "ü",
            "date": date(2024, 5, 1),
            "datetime": datetime(2024, 5, 1, 12, 30, tzinfo=UTC),
            "decimal": Decimal("1.10"),
            "uuid": UUID(int=7),
            "list": [1, [2, {"$date": "no date"}]],
            "$key": {"$$": 1},
        },
    },
]
END = datetime(2200, 1, 1, tzinfo=UTC)


def main(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with vicinal.connect(folder) as db:
        docs = db.collection("Fixture of format 1", metric="l2", auto_ids="integer")
        docs.add(rows=ROWS)
        docs.add(["gone", "moved", "expires"], vectors=[[9, 9, 9], [8, 8, 8], [7, 7, 7]], ttl=[None, None, END])
        docs.delete(["gone"])
        docs.upsert(["moved"], texts=["moved here"], vectors=[[-1, -1, -1]])
        docs.update([1], metadata={"touched": True})
        assert docs.add(texts=["made"]) == [2]
        docs.snapshot("as it was")
        docs._context.store.upkeep.build(always=True)  # a saved index is part of the format too
        encoded = db.collection("encoded", encoder="hashing:8")
        encoded.add(["a", "b"], texts=["some words", "other things"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
