"""`Metadata`: the data of an entry besides its vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vicinal.inputs import checks

from .enums import DocumentType
from .fields import Attributes, Field
from .names import TEXT_NAMES, TYPES_BY_NAME, document_type

PRICES = ("gold_price", "silver_price", "gsr", "dxy", "vix", "yield_10y")
_TEXTS = ("date", "source_file", "asset", "bias")
# Further fields of a row, which users do not see: where its vector came from, its source file, the digest of the file.
KIND, ORIGIN, DIGEST, EXTRA = "kind", "origin", "digest", "extra"

_price = checks.optional(checks.number)


class Metadata(Attributes):
    """Metadata of an entry. Only the Python types are validated: a date is any text.

    Attributes:
        id: of the entry; set by the database in what it returns.
        type: kind of document.
        date, source_file, asset, bias: texts, "" if unknown.
        gold_price, silver_price: dollars, or None.
        gsr: gold price divided by silver price, or None.
        dxy, vix: index points, or None.
        yield_10y: per cent (4.17 means 4.17 %), or None.
    """

    __slots__ = ()

    id = Field[int](checks.unsigned, 0)
    type = Field[DocumentType](checks.member(DocumentType), DocumentType.Unknown)
    date = Field[str](checks.text, "")
    source_file = Field[str](checks.text, "")
    asset = Field[str](checks.text, "")
    bias = Field[str](checks.text, "")
    gold_price = Field[float | None](_price, None)
    silver_price = Field[float | None](_price, None)
    gsr = Field[float | None](_price, None)
    dxy = Field[float | None](_price, None)
    vix = Field[float | None](_price, None)
    yield_10y = Field[float | None](_price, None)

    def __repr__(self) -> str:
        return f"<Metadata id={self.id} type={TEXT_NAMES[self.type]} date={self.date!r}>"


def row_metadata(
    given: Metadata | Mapping[str, Any], kind: str, *, origin: str = "", digest: str = ""
) -> dict[str, Any]:
    """Returns what the engine stores: every text field in every row, prices if set."""
    metadata, extra = (given, {}) if isinstance(given, Metadata) else read_mapping(given)
    row: dict[str, Any] = {"type": TEXT_NAMES[metadata.type], KIND: kind, ORIGIN: origin, DIGEST: digest}
    row.update((name, getattr(metadata, name)) for name in _TEXTS)
    row.update((name, value) for name in PRICES if (value := getattr(metadata, name)) is not None)
    if extra:
        row[EXTRA] = extra
    return row


def read_mapping(given: Any) -> tuple[Metadata, dict[str, Any]]:
    """Returns a mapping as metadata, and the keys that metadata does not have.

    Raises:
        TypeError: it is not a mapping, or a value has the wrong type.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"metadata must be a Metadata or a dict, not {type(given).__name__}")
    metadata, extra = Metadata(), {}
    for name, value in given.items():
        if name == "type":
            metadata.type = document_type(value)
        elif name in Metadata._fields:
            setattr(metadata, name, value)
        else:
            extra[name] = value
    return metadata, extra


def from_row(id_: int, row: Mapping[str, Any]) -> Metadata:
    """Returns a new object for what the engine stored."""
    values: dict[str, Any] = {"id": id_, "type": TYPES_BY_NAME[row["type"]]}
    values.update((name, row[name]) for name in _TEXTS)
    values.update((name, row.get(name)) for name in PRICES)
    return Metadata._of(values)
