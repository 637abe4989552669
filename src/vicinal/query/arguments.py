"""The arguments of a search call: validated and converted to a `Question`."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

import numpy as np

from ..contract import Accuracy, FloatMatrix, FloatVector, Mode
from ..errors import InvalidArgument, InvalidText
from ..filters.tree import Node
from ..indexes.sparse import SparseQuery
from ..indexes.text_query import DEFAULT_SCORER, Bm25, Scorer, TextQuery, TfIdf
from ..inputs.calls import right_name
from ..inputs.containers import entries_in, is_sparse_matrix, sparse_rows
from ..inputs.ids import check_id, is_scalar_id
from ..inputs.names import nearest
from ..inputs.sparse import check_sparse
from ..inputs.unicode import check_unicode
from ..inputs.vectors import VectorRules, check_query, is_plain_query
from ..store.state import State
from ..visible import shown
from .keywords import SYNTAXES, parse
from .question import PARTS, Examples, Fusion, Question
from .shaping import Shaping
from .threshold import METHODS

__all__ = ["SearchArguments", "lists_of", "refuse_unknown"]

SHAPING: Final = ("mmr", "fetch_k", "group_by", "group_size", "rerank")
_NAMES: Final = (
    "query", "k", "where", "id", "vector", "sparse", "mode", "alpha", "fusion", "weights", "scorer", "syntax", "exact",
    "recall", "effort", "offset", "min_score", "select", *SHAPING,
)  # fmt: skip
_MODES: Final = get_args(Mode)
_LEGS: Final = ("dense", "keyword", "sparse")
_ALPHA: Final = 0.5
_NO_PARTS: Final[frozenset[str]] = frozenset()
_PLURALS: Final = {"syntax": "syntaxes"}


@dataclass(slots=True)  # every search creates one, and creating a frozen one takes longer
class SearchArguments:
    """The arguments of `search` or `search_many`, as given.

    Attributes:
        queries: texts and vectors; None for a query that is given by other arguments.
        vectors: in hybrid search, one per query, for the dense leg; or None.
        sparse: one per query, for the sparse leg; or None.
        single: whether there is one query, which messages then do not number.
        shaping: how the best rows are rearranged; None if they are not.
        examples: instead of queries: what hits should be like and unlike, as given.
        is_plain: set by `check`: one query, with no options other than the number of rows and exactness.
    """

    queries: Sequence[Any]
    k: Any = 10
    id: Any = None
    vectors: Sequence[Any] | None = None
    sparse: Sequence[Any] | None = None
    mode: Any = "dense"
    alpha: Any = None
    fusion: Any = None
    weights: Any = None
    scorer: Any = None
    syntax: Any = None
    exact: Any = False
    recall: Any = None
    effort: Any = None
    offset: Any = 0
    min_score: Any = None
    select: Any = None
    single: bool = True
    shaping: Shaping | None = None
    examples: tuple[Sequence[Any], Sequence[Any]] | None = None
    is_plain: bool = False

    @classmethod
    def of(cls, query: Any, k: Any, options: Mapping[str, Any]) -> SearchArguments:
        """A single query, with the arguments of `search` by name.

        Raises:
            InvalidArgument: an argument that search does not have.
        """
        refuse_unknown({name: value for name, value in options.items() if name not in _NAMES})
        given = {name: value for name, value in options.items() if name not in SHAPING}
        for name, ours in (("vector", "vectors"), ("sparse", "sparse")):
            value = given.pop(name, None)
            given[ours] = None if value is None else [value]
        return cls([query], k, shaping=Shaping.of(*map(options.get, SHAPING)), **given)

    def check(self) -> None:
        """Raises InvalidArgument for what no collection could answer, InvalidText for a query that is not text."""
        for given in (self.queries, self.vectors or ()):
            for i, query in enumerate(given):
                if isinstance(query, str):
                    check_unicode(query, "the query", "query", self._place(i), error=InvalidText)
        self.is_plain = self._is_plain()
        if not self.is_plain:
            self._check_options()
            self._check_what()

    def _is_plain(self) -> bool:
        """Whether a quick check shows that the arguments are valid, as for most searches; if not, they may still be."""
        return (
            self.single
            and self.queries[0] is not None
            and type(self.k) is int
            and self.k > 0
            and type(self.mode) is str
            and self.mode == "dense"
            and self.alpha is None
            and self.fusion is None
            and self.id is None
            and self.vectors is None
            and self.sparse is None
            and self.weights is None
            and self.scorer is None
            and self.syntax is None
            and self.recall is None
            and self.effort is None
            and type(self.offset) is int
            and self.offset == 0
            and self.min_score is None
            and self.shaping is None
            and type(self.exact) is bool
            and (self.select is None or self.select == ())
        )

    def _check_options(self) -> None:
        _check_k(self.k)
        _check_offset(self.offset)
        _check_min_score(self.min_score)
        _check_choice("mode", self.mode, _MODES)
        if self.fusion is not None:
            _check_choice("fusion", self.fusion, METHODS)
        if self.syntax is not None:
            _check_choice("syntax", self.syntax, SYNTAXES)
        if self.alpha is not None:
            _check_share("alpha", self.alpha, least_allowed=True)
        if not isinstance(self.exact, (bool, np.bool_)):
            raise InvalidArgument(
                f"exact must be True or False, not {self.exact!r}",
                name="exact",
                value=self.exact,
                remedy="Leave it out, or ask for a share of the true answer by recall=.",
            )
        if self.recall is not None:
            _check_share("recall", self.recall, least_allowed=False)
        if self.effort is not None:
            _check_effort(self.effort)
        _check_weights(self.weights)
        _check_select(self.select)
        if self.shaping is not None:
            self.shaping.check(self.queries[0], int(self.k), int(self.offset))
        if self.scorer is not None and not isinstance(self.scorer, (Bm25, TfIdf)):
            raise InvalidArgument(
                f"scorer must be a Bm25 or TfIdf, not {self.scorer!r}",
                name="scorer",
                value=self.scorer,
                remedy="Write scorer=vicinal.Bm25(k1=1.2, b=0.75).",
            )

    def questions(
        self,
        state: State,
        rules: VectorRules,
        encode: Callable[[Sequence[str]], FloatMatrix],
        now: int,
        where: Node | None,
    ) -> list[Question]:
        """What to search for; more than one question only if the vectors cannot be searched for together.

        Args:
            rules: for vectors.
            encode: encodes texts.
        """
        mode: Mode = self.mode
        k = min(int(self.k) + int(self.offset), _ROWS_MAX)
        if self.id is not None:
            like = check_id(self.id, "id=")
            parts = PARTS if self.select is None else frozenset(self.select)
            return [Question(mode, k, now, where, like=like, accuracy=self._accuracy(), select=parts, **self._cut())]
        if self.examples is not None:
            parts = PARTS if self.select is None else frozenset(self.select)
            aims = Examples(*(tuple(_example(one, rules) for one in some) for some in self.examples))
            accuracy = self._accuracy()
            return [Question(mode, k, now, where, examples=aims, accuracy=accuracy, select=parts, **self._cut())]
        vectors, by_encoder = self._vectors(rules, encode) if mode != "keyword" else (None, False)
        common: dict[str, Any] = {"encoder": state.encoder if by_encoder else None, "metric": state.metric}
        common |= self._cut()
        if self.select is not None:
            common["select"] = frozenset(self.select)
        if self.exact or self.recall is not None or self.effort is not None:
            common["accuracy"] = self._accuracy()
        words, sparse = None, None
        if mode != "dense":
            words, sparse = self._words(), self._sparse()
            common |= {"scorer": cast(Scorer, self.scorer or DEFAULT_SCORER), "fusion": self._fusion()}
        if vectors is None or state.dimension is not None:
            stacked = None if vectors is None else _stacked(vectors)
            return [Question(mode, k, now, where, stacked, words, sparse, **common)]
        # No row has a vector yet, so the vectors may even differ in length.
        return [
            Question(mode, k, now, where, vector[np.newaxis], _only(words, i), _only(sparse, i), **common)
            for i, vector in enumerate(vectors)
        ]

    def plain_question(self, state: State, rules: VectorRules, now: int, where: Node | None) -> Question | None:
        """The question of a call that `is_plain`, if its vector needs no further check; otherwise None.

        It equals the result of `questions`, in less time.
        """
        query = self.queries[0]
        if not is_plain_query(query, rules):
            return None
        vectors = query[np.newaxis].copy()  # the user's array may change during the search
        question = Question("dense", min(self.k, _ROWS_MAX), now, where, vectors)
        question.metric = state.metric
        if self.select is not None:
            question.select = _NO_PARTS
        if self.exact:
            question.accuracy = self._accuracy()
        return question

    def _check_what(self) -> None:
        """Checks that there is something to search for, and that this mode supports it."""
        self._check_what_the_mode_ignores()
        if self.examples is not None:
            return
        if self.id is not None:
            self._check_like()
            return
        for i, query in enumerate(self.queries):
            place = self._place(i)
            if self.mode == "keyword" and not isinstance(query, str):
                raise InvalidArgument(
                    f"a keyword search needs a text, not {type(query).__name__}",
                    name="query",
                    value=query,
                    place=place,
                    remedy="Pass words, or use mode='dense' for a vector.",
                )
            if query is None and self.vectors is None and self.sparse is None:
                raise InvalidArgument(
                    "search needs something to search for",
                    name="query",
                    remedy="Pass a text or a vector as query, or id= of a stored row.",
                )
            if self.vectors is not None and query is not None and not isinstance(query, str):
                raise InvalidArgument(
                    "query is a vector, and vector= is given too",
                    name="vector",
                    place=place,
                    remedy="Pass the text as query and its vector as vector=.",
                )

    def _check_what_the_mode_ignores(self) -> None:
        """Rejects arguments that would have no effect."""
        if self.exact and self.recall is not None and self.recall < 1:
            raise InvalidArgument(
                f"exact=True finds all of the true answer, and recall={self.recall!r} asks for a part of it",
                name="recall",
                value=self.recall,
                remedy="Leave one of them out.",
            )
        if self.effort is not None and (self.exact or self.recall is not None):
            raise InvalidArgument(
                f"effort={self.effort!r} says how far to look, and so does {'exact' if self.exact else 'recall'}=",
                name="effort",
                value=self.effort,
                remedy="Leave one of them out.",
            )
        if self.mode == "hybrid":
            return
        for name, value in (("recall", self.recall), ("effort", self.effort)):
            if self.mode == "keyword" and value is not None:
                raise InvalidArgument(
                    f"{name}= changes nothing in mode 'keyword', which finds every row",
                    name=name,
                    value=value,
                    remedy=f"Leave {name}= out, or add mode='dense' or mode='hybrid'.",
                )
        for name, value in (("vector", self.vectors), ("sparse", self.sparse)):
            if value is not None:
                raise InvalidArgument(
                    f"mode {self.mode!r} takes no {name}=, which is for mode 'hybrid'",
                    name=name,
                    remedy=f"Pass the vector as query, or mode='hybrid' beside {name}=.",
                )
        of_several_legs = {"alpha": self.alpha, "fusion": self.fusion, "weights": self.weights}
        of_words = {"scorer": self.scorer, "syntax": self.syntax} if self.mode == "dense" else {}
        for name, value in (of_several_legs | of_words).items():
            if value is not None:
                modes = "mode='hybrid'" if name in of_several_legs else "mode='hybrid' or mode='keyword'"
                raise InvalidArgument(
                    f"{name}= changes nothing in mode {self.mode!r}",
                    name=name,
                    value=value,
                    remedy=f"Leave {name}= out, or add {modes}.",
                )

    def _check_like(self) -> None:
        if self.queries[0] is not None:
            raise InvalidArgument(
                "query and id= exclude each other",
                name="query",
                remedy="Pass a text or a vector as query, or id= of a stored row.",
            )
        if self.mode != "dense":
            raise InvalidArgument(
                f"id= asks for neighbours, and mode {self.mode!r} asks by words",
                name="mode",
                value=self.mode,
                remedy="Leave mode out.",
            )

    def _vectors(
        self, rules: VectorRules, encode: Callable[[Sequence[str]], FloatMatrix]
    ) -> tuple[list[FloatVector] | None, bool]:
        """One vector per query, and whether texts were encoded for it; None if only sparse vectors are given."""
        given = self.queries if self.vectors is None else self.vectors
        texts = []
        for query in given:
            if query is None:
                return None, False
            if isinstance(query, str):
                texts.append(query)
        encoded = iter(encode(texts) if texts else ())
        vectors = []
        for i, query in enumerate(given):
            vector = next(encoded) if isinstance(query, str) else query
            vectors.append(check_query(vector, rules, self._place(i)))
        return vectors, bool(texts)

    def _words(self) -> tuple[TextQuery, ...] | None:
        """The words to search for: in a hybrid search of many queries, a query without a text has none."""
        if not self._has_words():
            return None
        return tuple(
            parse(query, self.syntax or "plain") if isinstance(query, str) else TextQuery(()) for query in self.queries
        )

    def _sparse(self) -> tuple[SparseQuery, ...] | None:
        if self.sparse is None:
            return None
        return tuple(SparseQuery(*check_sparse(one, self._place(i))) for i, one in enumerate(self.sparse))

    def _fusion(self) -> Fusion:
        method, alpha = self.fusion or METHODS[0], _ALPHA if self.alpha is None else float(self.alpha)
        if self.weights is not None:
            return Fusion(method, {name: float(self.weights.get(name, 0.0)) for name in _LEGS})
        by_words = (self._has_words(), self.sparse is not None)
        share = (1.0 - alpha) / max(1, sum(by_words))
        return Fusion(method, {"dense": alpha, "keyword": share, "sparse": share})

    def _cut(self) -> dict[str, Any]:
        """Which of the best rows are left out, and how the others are rearranged; most searches do neither."""
        if not self.offset and self.min_score is None and self.shaping is None:
            return {}
        shaped: dict[str, Any] = {}
        if self.shaping is not None:
            shaped["arrangement"] = self.shaping.arrangement(int(self.k), int(self.offset))
        return shaped | {"offset": self.offset, "min_score": None if self.min_score is None else float(self.min_score)}

    def _accuracy(self) -> Accuracy:
        recall = None if self.recall is None else float(self.recall)
        return Accuracy(bool(self.exact), recall, None if self.effort is None else int(self.effort))

    def _has_words(self) -> bool:
        return self.mode != "dense" and any(isinstance(query, str) for query in self.queries)

    def _place(self, i: int) -> str:
        return "query" if self.single else f"query {i}"


def _example(given: Any, rules: VectorRules) -> Any:
    """An id, or a checked vector."""
    if is_scalar_id(given):
        return check_id(given, "example")
    if given is None or isinstance(given, (bytes, Mapping)):
        raise InvalidArgument(
            f"an example is the id of a row or a vector, not {shown(given)}", name="positive", value=given
        )
    return check_query(given, rules, "example")


def refuse_unknown(names: Mapping[str, object]) -> None:
    """Raises InvalidArgument for an argument that a search does not have, with the right name if it is known."""
    for name in names:
        raise InvalidArgument(f"search takes no argument {shown(name)}", name=name, remedy=right_name(name, _NAMES))


def lists_of(queries: Any, **beside: Any) -> tuple[list[Any], dict[str, list[Any] | None]]:
    """Many queries, and the arguments given with them, one per query; None for those not given.

    Raises:
        InvalidArgument: an argument is not a list, or has another length.
    """
    asked = _listed("queries", queries) or []
    given = {name: _listed(name, values) for name, values in beside.items()}
    for name, values in given.items():
        if values is not None and len(values) != len(asked):
            raise InvalidArgument(
                f"{name} has {len(values)} entries for {len(asked)} queries", name=name, remedy="Give one per query."
            )
    return asked, given


def _listed(name: str, values: Any) -> list[Any] | None:
    if values is None and name != "queries":
        return None
    is_sparse = name == "sparse" and is_sparse_matrix(values)
    found = None if values is None else sparse_rows(values) if is_sparse else entries_in(values)
    if found is None:
        raise InvalidArgument(
            f"{name} must be a list, not {type(values).__name__}",
            name=name,
            value=values,
            remedy="Use search for one query.",
        )
    return found


def _stacked(vectors: list[FloatVector]) -> FloatMatrix:
    """The vectors in a new C-contiguous array: the user's arrays may change during the search."""
    return vectors[0][np.newaxis].copy() if len(vectors) == 1 else np.stack(vectors)


def _only(parts: tuple[Any, ...] | None, i: int) -> tuple[Any, ...] | None:
    return None if parts is None else parts[i : i + 1]


_ROWS_MAX: Final = 1 << 32  # more than a collection can have; native code accepts no larger k


def _check_k(k: object) -> None:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InvalidArgument(
            f"k must be a whole number of at least 1, not {k!r}", name="k", value=k, remedy="Leave it out for 10."
        )


def _check_offset(offset: object) -> None:
    if isinstance(offset, bool) or not isinstance(offset, (int, np.integer)) or offset < 0:
        raise InvalidArgument(
            f"offset must be a whole number of at least 0, not {shown(offset)}",
            name="offset",
            value=offset,
            remedy="Leave it out to begin with the best.",
        )


def _check_min_score(score: object) -> None:
    is_number = isinstance(score, (int, float, np.number)) and not isinstance(score, bool)
    try:
        is_usable = score is None or (is_number and not math.isnan(float(cast(float, score))))
    except OverflowError:  # an int beyond float64
        is_usable = False
    if not is_usable:
        raise InvalidArgument(
            f"min_score must be a number, not {shown(score)}",
            name="min_score",
            value=score,
            remedy="Scores of hits are in hits.scores; higher is better in every mode and metric.",
        )


def _check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        plural = _PLURALS.get(name, f"{name}s")
        raise InvalidArgument(
            f"there is no {name} {value!r}",
            name=name,
            value=value,
            remedy=f"{nearest(str(value), choices)}{plural.capitalize()} are {', '.join(choices)}.",
        )


def _check_share(name: str, value: object, *, least_allowed: bool) -> None:
    """Checks for a number up to 1."""
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not is_number or not (0 <= cast(float, value) <= 1) or (value == 0 and not least_allowed):
        wanted = "from 0 to 1" if least_allowed else "above 0 and at most 1"
        raise InvalidArgument(
            f"{name} must be {wanted}, not {value!r}",
            name=name,
            value=value,
            remedy="Leave it out, or write exact=True for the true answer."
            if name == "recall"
            else "Leave it out for 0.5.",
        )


def _check_effort(effort: object) -> None:
    if not isinstance(effort, (int, np.integer)) or isinstance(effort, bool) or effort < 1:
        raise InvalidArgument(
            f"effort must be a whole number of at least 1, not {shown(effort)}",
            name="effort",
            value=effort,
            remedy="It is what ef_search, nprobe or probes of an index says; recall=0.95 says it by what is found.",
        )


def _check_select(select: object) -> None:
    if select is None:
        return
    if isinstance(select, str) or not isinstance(select, (Sequence, Set)):
        raise InvalidArgument(
            f"select must be a tuple of parts of a row, not {select!r}",
            name="select",
            value=select,
            remedy="Write select=() for ids and scores only, or leave it out for all.",
        )
    for part in select:
        _check_choice("part", part, sorted(PARTS))


def _check_weights(weights: object) -> None:
    if weights is None:
        return
    if not isinstance(weights, Mapping) or not weights:
        raise InvalidArgument(
            f"weights must be a dict of legs, not {weights!r}",
            name="weights",
            value=weights,
            remedy="Write weights={'dense': 0.7, 'keyword': 0.3}.",
        )
    for name, weight in weights.items():
        _check_choice("leg", name, _LEGS)
        is_number = isinstance(weight, (int, float, np.number)) and not isinstance(weight, bool)
        if not is_number or not 0 <= weight <= sys.float_info.max:  # an int may be too large for a float
            raise InvalidArgument(
                f"the weight of {name!r} must be a number of at least 0, not {shown(weight)}",
                name="weights",
                value=weight,
                remedy="Weights count relative to one another.",
            )
    if not any(weights.values()):
        raise InvalidArgument("all weights are 0", name="weights", value=weights, remedy="Give one leg a weight.")
