"""A validated search request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, get_args

from ..contract import AS_USUAL, Accuracy, FloatMatrix, FloatVector, Metric, Mode, Part
from ..errors import DimensionMismatch
from ..filters.tree import Node, Path
from ..indexes.sparse import SparseQuery
from ..indexes.text_query import DEFAULT_SCORER, Scorer, TextQuery
from ..store.state import State
from ..types import Id


@dataclass(frozen=True, slots=True)
class Fusion:
    """How a hybrid search combines its rankings; see `threshold.fuse`.

    Attributes:
        weights: by name of the leg.
    """

    method: str = "weighted"
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mmr:
    """Selects, of the best rows, those that are relevant and unlike each other; see `mmr.choose`.

    Attributes:
        weight: of relevance, from 0 to 1.
        pool: how many of the best rows to choose from.
    """

    weight: float
    pool: int


@dataclass(frozen=True, slots=True)
class Grouping:
    """The best rows of each group, a group being the rows with equal values of a field.

    Rows without a value form a group; a list or dict does not count as a value. `k` and `offset` count groups.

    Attributes:
        path: the field.
        size: the number of rows per group.
    """

    path: Path
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Rows and vectors that hits should be like, or unlike.

    Attributes:
        positive, negative: ids of rows, or vectors, float32, shape (dim,).
    """

    positive: tuple[Id | FloatVector, ...]
    negative: tuple[Id | FloatVector, ...]


PARTS: Final[frozenset[str]] = frozenset(get_args(Part))


@dataclass(slots=True)  # every search creates one, and creating a frozen one takes longer
class Question:
    """One question, or many of the same kind.

    Attributes:
        now: microseconds since 1970; rows that expire by then are not visible.
        where: only rows that match it; None for no filter.
        vectors: float32, shape (questions, dim), or None if no leg needs them.
        words: one per question, or None.
        sparse: one per question, or None.
        like: instead of vectors, the row whose neighbours to search for; it is not its own neighbour.
        examples: instead of vectors; rows among them cannot be hits.
        encoder: the encoder that encoded the texts, as in the collection's state; otherwise None.
        metric: the metric by which the vectors were checked: under cosine, a zero vector may be invalid.
        offset: how many of the best `k` to skip.
        min_score: hits with a lower score are left out.
        accuracy: how exact the nearest vectors must be.
        select: which of `PARTS` hits have.
        within: the filter of a restricted handle; None for all rows.
        arrangement: how the ranking is rearranged; None if it is not. Only for a single question.
    """

    mode: Mode
    k: int
    now: int
    where: Node | None = None
    vectors: FloatMatrix | None = None
    words: tuple[TextQuery, ...] | None = None
    sparse: tuple[SparseQuery, ...] | None = None
    like: Id | None = None
    examples: Examples | None = None
    encoder: str | None = None
    metric: Metric | None = None
    scorer: Scorer = DEFAULT_SCORER
    fusion: Fusion = Fusion()
    offset: int = 0
    min_score: float | None = None
    accuracy: Accuracy = AS_USUAL
    select: frozenset[str] = PARTS
    within: Node | None = None
    arrangement: Mmr | Grouping | None = None

    @property
    def has_vectors(self) -> bool:
        """Whether some leg compares vectors."""
        return self.vectors is not None or self.like is not None or self.examples is not None

    def __len__(self) -> int:
        given = next(part for part in (self.vectors, self.words, self.sparse) if part is not None)
        return len(given)


def check_dimension(vectors: FloatMatrix, state: State) -> None:
    """Checks the dimension again: another process may have set it since the query was checked."""
    if state.dimension is not None and vectors.shape[1] != state.dimension:
        raise DimensionMismatch(
            f"the vector has {vectors.shape[1]} components, this collection's have {state.dimension}",
            name="query",
            value=vectors.shape[1],
            place="query",
            remedy=f"Pass a vector of dimension {state.dimension}.",
        )
