"""Options for reading a file, and what was found out about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args

from ...errors import InvalidArgument, InvalidInput
from .layout import Layout

__all__ = ["ON_ERROR", "ColumnNames", "OnError", "Reading", "bad", "bad_file", "clean"]

T = TypeVar("T")
OnError = Literal["stop", "skip", "replace"]
ON_ERROR: Final = get_args(OnError)

_MEND: Final = "Fix the file and import it again"
_ROLES: Final = ("id", "text", "vector", "ttl", "sparse")
_OTHER_IDS: Final = ("_id",)  # used by MongoDB and Elasticsearch


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """Names of the columns that are not metadata.

    Attributes:
        texts: several columns that make the text, instead of `text`; they are metadata too.
        required: those that the user named, so they must exist.
    """

    id: str = "id"
    text: str = "text"
    vector: str = "vector"
    ttl: str = "ttl"
    sparse: str = "sparse"
    texts: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()

    @property
    def special(self) -> frozenset[str]:
        return frozenset((self.id, *self.text_columns, self.vector, self.ttl, self.sparse, "metadata"))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """All columns that contain texts."""
        return self.texts or (self.text,)

    def among(self, names: Sequence[str]) -> ColumnNames:
        """The same names in the spelling of a file with these columns: case and surrounding blanks do not matter."""
        folded = {name.strip().casefold(): name for name in reversed(names)}
        found: dict[str, str] = {}
        for role in _ROLES:
            name: str = getattr(self, role)
            found[role] = name if name in names else folded.get(name.strip().casefold(), name)
        if self.id not in self.required and found["id"] not in names:
            found["id"] = next((name for name in _OTHER_IDS if name in names), found["id"])
        texts = tuple(name if name in names else folded.get(name.strip().casefold(), name) for name in self.texts)
        required = frozenset(found[role] for role in _ROLES if getattr(self, role) in self.required)
        return ColumnNames(**found, texts=texts, required=required.union(texts))

    def check(self, names: Sequence[str], place: str) -> None:
        """Raises InvalidInput if the file lacks a named column, or has nothing that a search would find."""
        missing = self.required.difference(names)
        if missing or not {*self.text_columns, self.vector, self.sparse} & set(names):
            wanted = sorted(missing) or [self.text, self.vector]
            raise InvalidInput(
                f"there is no column {' or '.join(map(repr, wanted))}",
                name="columns",
                place=place,
                remedy=f"There are {', '.join(map(repr, names))}; name the right ones with "
                "--id-column, --text-column and --vector-column.",
            )


@dataclass(slots=True)
class Reading:
    """The user's options, and the findings.

    Attributes:
        ids: a file with the ids, for formats that cannot store them.
        delimiter, encoding: None to detect them.
        types: of columns, by name, as in `cells.TYPES`.
        table: of a database.
        on_error: for invalid input: "stop", "skip", or "replace" invalid characters.
        notes: findings, one line each.
        problems: what was skipped or replaced, place and reason.
        layout: the columns of the file; None before they are known.
        total: number of rows, if known before they are read.
        wants_total: whether to count them even if that requires reading the file.
        ids_found: "int" or "text" if the ids of a text file were found to be such; "" if it is explicit about their
            type.
    """

    columns: ColumnNames = field(default_factory=ColumnNames)
    ids: Path | None = None
    delimiter: str | None = None
    encoding: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    table: str | None = None
    on_error: OnError = "stop"
    notes: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    ids_found: str = ""
    layout: Layout | None = None
    total: int | None = None
    wants_total: bool = False

    def note(self, text: str) -> None:
        self.notes.append(text)

    def saw(self, names: Sequence[str], columns: ColumnNames) -> None:
        """Stores the names of the file's columns."""
        is_flat = not any(name == "metadata" or name.startswith("metadata.") for name in names)
        self.layout = Layout(columns.id, columns.text, columns.vector, columns.texts, is_flat, tuple(names))

    def refuse(self, error: InvalidInput) -> None:
        """Raises the error, unless invalid input is to be skipped."""
        if self.on_error != "skip":
            raise error
        self.problems.append((error.place, error.message))

    def attempt(self, place: str, make: Callable[[], T]) -> T | None:
        """Returns the result of `make`; None if its input is invalid and skipped."""
        try:
            return make()
        except InvalidInput as error:
            self.refuse(error)
        except ValueError as error:
            self.refuse(bad(place, str(error)))
        return None

    def replaced(self, place: str) -> None:
        self.problems.append((place, "invalid characters were replaced"))

    def check_types(self, names: Sequence[str]) -> None:
        """Raises InvalidArgument for a type of a column that does not exist."""
        unknown = next((name for name in self.types if name not in names), None)
        if unknown is not None:
            raise InvalidArgument(
                f"there is no column {unknown!r} to have the type {self.types[unknown]}",
                name="--types",
                value=unknown,
                remedy=f"There are {', '.join(map(repr, names))}.",
            )


def bad(place: str, problem: str) -> InvalidInput:
    """The error of one line or row, which can be skipped."""
    return InvalidInput(problem, name="FILE", place=place, remedy=f"{_MEND}, or skip such lines with --on-error skip.")


def bad_file(place: str, problem: str, remedy: str = f"{_MEND}.") -> InvalidInput:
    """The error of a whole file, which cannot be skipped."""
    return InvalidInput(problem, name="FILE", place=place, remedy=remedy)


def clean(value: Any) -> Any:
    """The value with U+FFFD instead of lone surrogates, at any depth."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [clean(one) for one in value]
    if isinstance(value, dict):
        return {clean(key): clean(one) for key, one in value.items()}
    return value
