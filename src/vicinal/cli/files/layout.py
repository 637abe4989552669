"""The columns of an imported file, so that an export can restore them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from ...types import Record

__all__ = ["STANDARD_LAYOUT", "TEXTS_BETWEEN", "Layout", "joined_texts"]

# Separates the texts of several columns.
TEXTS_BETWEEN: Final = "\n\n"


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of columns, and whether metadata has separate columns.

    Attributes:
        texts: several columns from which the text was made; they are metadata too.
        is_flat: whether metadata had columns beside the others, rather than one column or the prefix `metadata.`.
        names: of all columns, in the order of the file.
    """

    id: str = "id"
    text: str = "text"
    vector: str = "vector"
    texts: tuple[str, ...] = ()
    is_flat: bool = False
    names: tuple[str, ...] = ()

    @property
    def is_standard(self) -> bool:
        return self == Layout(names=self.names)

    def to_note(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_note(cls, note: bytes | None) -> Layout:
        """Restores the output of `to_note`; the default layout if there is none."""
        try:
            found = json.loads(note or b"{}")
            roles = {role: str(found[role]) for role in ("id", "text", "vector") if role in found}
            texts, names = (tuple(map(str, found.get(name, ()))) for name in ("texts", "names"))
            return cls(**roles, texts=texts, names=names, is_flat=bool(found.get("is_flat", False)))
        except (ValueError, TypeError, AttributeError):
            return STANDARD_LAYOUT

    def fits(self, records: Iterable[Record]) -> bool:
        """Whether the texts still equal those of the columns from which they were made."""
        return not self.texts or all(record.text == self.joined(record) for record in records)

    def joined(self, record: Record) -> str | None:
        values = [record.metadata.get(name) for name in self.texts]
        return joined_texts(values)

    def may_be_flat(self, key: str) -> bool:
        """Whether metadata with this key can have a column of that name that no reader misinterprets."""
        roles = ["id", "_id", "_source", "vector", "ttl", "sparse", "metadata", self.id, self.vector]
        if not self.texts:
            roles += ["text", self.text]
        return (
            bool(key.strip())
            and key.strip().casefold() not in {role.strip().casefold() for role in roles}
            and (not key.startswith("metadata."))
        )

    def options(self, *, has_vectors: bool) -> str:
        """The layout as command line options; empty if it is the default."""
        told = [("id", self.id)] if self.id != "id" else []
        told += [("text", name) for name in self.texts or ([self.text] if self.text != "text" else [])]
        told += [("vector", self.vector)] if has_vectors and self.vector != "vector" else []
        return " ".join(f"--{role}-column {name}" for role, name in told)

    def ordered(self, names: Sequence[str]) -> list[str]:
        """The names: those of the file in its order, the others where they were."""
        places = {name: at for at, name in enumerate(self.names)}
        known = iter(sorted((name for name in names if name in places), key=places.__getitem__))
        return [next(known) if name in places else name for name in names]


def joined_texts(values: Iterable[object]) -> str | None:
    """Joins the texts of several columns; skips missing ones."""
    parts = [str(value) for value in values if value is not None and str(value)]
    return TEXTS_BETWEEN.join(parts) if parts else None


STANDARD_LAYOUT: Final = Layout()
