"""The result of `migrate`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from .. import notebook

__all__ = ["MigratedCollection", "MigrationReceipt"]


@dataclass(frozen=True, slots=True)
class MigratedCollection:
    """One collection of a `MigrationReceipt`.

    Attributes:
        name: in both databases.
        rows: rows of the source.
        written: rows that this run wrote; the others were in the target already. With `dry_run=True` the rows that it
            would write.
        compared: rows that were read from both after writing and were bit-identical.
        neighbours: rows whose nearest neighbours were the same in both, with the same scores.
        seconds: duration.
        left_behind: what is not migrated, one sentence each.
    """

    name: str
    rows: int
    written: int
    compared: int = 0
    neighbours: int = 0
    seconds: float = 0.0
    left_behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MigrationReceipt:
    """What `migrate` did; with `dry_run=True`, what it would do.

    Attributes:
        source: the database that was read.
        target: the database that was written to.
        dry_run: whether nothing was changed.
        collections: one entry each, in the order of their names.
    """

    source: str
    target: str
    dry_run: bool
    collections: tuple[MigratedCollection, ...] = field(default=())

    @property
    def rows(self) -> int:
        """Rows of all collections."""
        return sum(one.rows for one in self.collections)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        found = asdict(self)
        found["collections"] = [{**one, "left_behind": list(one["left_behind"])} for one in found["collections"]]
        return found

    def to_json(self) -> str:
        """`to_dict()` as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def _repr_html_(self) -> str:
        """The receipt for notebooks."""
        title = notebook.joined("Migration to ", notebook.code(self.target))
        values = {"from": self.source, "dry run": "yes: nothing was changed" if self.dry_run else None}
        lists = {
            one.name: [f"{one.rows:,} rows, {one.written:,} written", *one.left_behind] for one in self.collections
        }
        return notebook.card(title, values, lists)
