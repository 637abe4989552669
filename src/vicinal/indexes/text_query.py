"""A keyword query, and how its hits are scored: plain values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from ..errors import InvalidArgument

__all__ = ["Bm25", "Clause", "Idf", "Scorer", "Sign", "TextQuery", "TfIdf", "idf"]

Sign = Literal["", "+", "-"]
Idf = Literal["plus_one", "robertson", "smooth", "plain"]


def _check(right: bool, name: str, value: object, wanted: str) -> None:
    if not right:
        raise InvalidArgument(f"{name} must be {wanted}, got {value!r}", name=name, value=value)


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a query.

    Attributes:
        text: as the user wrote it, without sign and quotes; the analyzer splits it into words.
        sign: "" optional, "+" required, "-" excluded.
        phrase: its words must occur in a row, unchanged. Without a sign, each word is optional, and a row that contains
            all of them in a row gets their scores once more. Text with a sign that splits into several words is a
            phrase.
    """

    text: str
    sign: Sign = ""
    phrase: bool = False


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Which rows to find by keywords.

    A row matches if it contains every required word and phrase, none that is excluded, and at least one of the words
    that are not excluded. So a query of exclusions alone matches nothing.

    Attributes:
        clauses: in the order in which they were written.
        weights: by name of the field, instead of the analyzer's own; a field of weight 0 is not searched at all.
        most: how many words score, or match without a sign: those that can contribute most to a score; None for all.
            Equal words count once, a phrase or a word of several parts as often as it has parts. Required and excluded
            words always apply.
    """

    clauses: tuple[Clause, ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    most: int | None = None

    @classmethod
    def of(cls, *words: str) -> TextQuery:
        """A query of optional words."""
        return cls(tuple(Clause(word) for word in words))


@dataclass(frozen=True, slots=True)
class Bm25:
    """Okapi BM25: for each query term, idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average length)).

    Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), equation 3.15.

    Attributes:
        k1: 0 or more; how much each further occurrence in a text counts.
        b: from 0 to 1; how much long texts are penalized.
        idf: see `idf`.

    Raises:
        InvalidArgument: a value outside these.
    """

    k1: float = 1.2
    b: float = 0.75
    idf: Idf = "plus_one"

    def __post_init__(self) -> None:
        _check(0 <= self.k1 < math.inf, "k1", self.k1, "0 or more")
        _check(0 <= self.b <= 1, "b", self.b, "from 0 to 1")
        _check(self.idf in get_args(Idf), "idf", self.idf, f"one of {', '.join(get_args(Idf))}")


@dataclass(frozen=True, slots=True)
class TfIdf:
    """For each query term, idf * tf * norm. Manning, Raghavan and Schuetze, Introduction to IR (2008), figure 6.15.

    Attributes:
        tf: "raw" tf, "log" 1 + ln tf, or "sqrt" of tf.
        norm: "none" 1, "length" 1 / length, or "sqrt" 1 / sqrt(length); length in terms.
        idf: see `idf`.

    Raises:
        InvalidArgument: a value that is not listed here.
    """

    tf: Literal["raw", "log", "sqrt"] = "log"
    norm: Literal["none", "length", "sqrt"] = "none"
    idf: Idf = "smooth"

    def __post_init__(self) -> None:
        for name, names in (
            ("tf", ("raw", "log", "sqrt")),
            ("norm", ("none", "length", "sqrt")),
            ("idf", get_args(Idf)),
        ):
            _check(getattr(self, name) in names, name, getattr(self, name), f"one of {', '.join(names)}")


Scorer = Bm25 | TfIdf
DEFAULT_SCORER: Final = Bm25()

_IDF: Final[dict[Idf, Callable[[int, int], float]]] = {
    "plus_one": lambda n, df: math.log(1.0 + (n - df + 0.5) / (df + 0.5)),
    "robertson": lambda n, df: math.log((n - df + 0.5) / (df + 0.5)),
    "smooth": lambda n, df: math.log((1.0 + n) / (1.0 + df)) + 1.0,
    "plain": lambda n, df: math.log(n / df),
}


POSITIVE: Final[tuple[Idf, ...]] = ("plus_one", "smooth")  # always above 0, whatever the collection


def idf(variant: Idf, texts: int, having: int) -> float:
    """How significant a term is that `having` of `texts` texts contain, at least one of them.

    "plus_one": ln(1 + (N - df + 0.5) / (df + 0.5)), never negative, as in Lucene. "robertson": the same without 1 +,
    negative for terms in more than half of the texts (Robertson and Sparck Jones 1976). "smooth":
    ln((1 + N) / (1 + df)) + 1, as in scikit-learn. "plain": ln(N / df) (Sparck Jones 1972).
    """
    return _IDF[variant](texts, having)
