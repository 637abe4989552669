"""Enumerations of the API. They are equal only to members of the same enumeration, and convert with `int()`."""

from __future__ import annotations

import enum

__all__ = ["Device", "DistanceMetric", "DocumentType", "FusionMethod", "Role"]


class _Numbered(enum.Enum):
    """A member prints as `DocumentType.Journal` and converts to its number, but is not a number."""

    def __int__(self) -> int:
        return int(self.value)

    def __index__(self) -> int:
        return int(self.value)


class DistanceMetric(_Numbered):
    """How the distance of two vectors is computed."""

    Cosine = 0
    L2 = 1
    DotProduct = 2


class DocumentType(_Numbered):
    """The kind of document of an entry. The numbers are those of pyvdb, which has a 9 that it does not expose."""

    Journal = 0
    Chart = 1
    CatalystWatchlist = 2
    InstitutionalMatrix = 3
    EconomicCalendar = 4
    WeeklyRundown = 5
    ThreeMonthReport = 6
    OneYearReport = 7
    MonthlyReport = 8
    PreMarket = 10
    Unknown = 11


class FusionMethod(_Numbered):
    """How `HybridSearchEngine.combine` fuses two lists."""

    WeightedSum = 0
    RRF = 1
    CombSUM = 2
    CombMNZ = 3
    Borda = 4


class Device(_Numbered):
    """Where onnxruntime runs a model."""

    CPU = 0
    CUDA = 1
    DirectML = 2


class Role(_Numbered):
    """The author of a message in a chat."""

    System = 0
    User = 1
    Assistant = 2
