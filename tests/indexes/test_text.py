"""The text index compared with a plain-Python search; native postings compared with their reference implementation."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vicinal.analyzers.base import Field, Group, QueryWord, Terms
from vicinal.errors import InvalidArgument
from vicinal.indexes import kernels as module
from vicinal.indexes.kernels import NumpyKernels
from vicinal.indexes.text import TextIndex
from vicinal.indexes.text_query import Bm25, Clause, Scorer, TextQuery, TfIdf

KERNELS = {"numpy": NumpyKernels(), **({"native": module._native} if module._native else {})}


class Analyzer:
    """Stems drop a final s. Parts of a word joined by _ are in sequence, and must be to be found."""

    fields = (Field("stems", 0.9, alone=0.5), Field("surface", 0.1))
    name = "test"
    fingerprint = "test/1"

    def split(self, text: str) -> list[str]:
        return re.findall(r"\w+", text)

    def terms(self, word: str) -> Terms:
        parts = word.lower().split("_")
        surface = tuple((part, place) for place, part in enumerate(parts))
        return Terms((tuple((part.removesuffix("s"), place) for part, place in surface), surface), len(parts))

    def query(self, text: str) -> tuple[QueryWord, ...]:
        return tuple([self.word(word) for word in self.split(text)])

    def word(self, word: str) -> QueryWord:
        stems, surface = self.terms(word).fields
        groups = (Group(0, stems, 0.75), Group(1, surface))
        return QueryWord(word, groups, tuple(map(self.word, word.split("_"))) if len(stems) > 1 else ())

    def phrase(self, text: str) -> QueryWord | None:
        terms = self.terms("_".join(self.split(text)))
        return QueryWord(text, (Group(1, terms.fields[1]),)) if self.split(text) else None


class OneField(Analyzer):
    fields = (Field("surface", 1.0),)
    fingerprint = "test/one"

    def terms(self, word: str) -> Terms:
        terms = super().terms(word)
        return Terms(terms.fields[1:], terms.width)

    def word(self, word: str) -> QueryWord:
        return QueryWord(word, (Group(0, self.terms(word).fields[0]),))

    def phrase(self, text: str) -> QueryWord | None:
        return self.word("_".join(self.split(text))) if self.split(text) else None


@dataclass
class World:
    """Texts by slot, and search by scanning each."""

    analyzer: Analyzer
    texts: list[str | None] = field(default_factory=list)

    def tokens(self, slot: int, number: int) -> list[tuple[str, int]]:
        place, found = 0, []
        for word in self.analyzer.split(self.texts[slot] or ""):
            terms = self.analyzer.terms(word)
            found += [(term, place + offset) for term, offset in terms.fields[number]]
            place += terms.width
        return found

    def length(self, slot: int) -> int:
        return sum(self.analyzer.terms(word).width for word in self.analyzer.split(self.texts[slot] or ""))

    def live(self) -> list[int]:
        return [slot for slot, text in enumerate(self.texts) if text is not None]

    def has_group(self, slot: int, group: Group, weights: Mapping[str, float]) -> bool:
        if weights.get(self.analyzer.fields[group.field].name) == 0:
            return False
        tokens = set(self.tokens(slot, group.field))
        return any(all((term, start + offset) in tokens for term, offset in group.terms) for _, start in tokens)

    def has(self, slot: int, words: Sequence[QueryWord], weights: Mapping[str, float]) -> bool:
        return any(self.has_group(slot, group, weights) for word in words for group in word.groups)

    def found(self, words: Sequence[QueryWord], weights: Mapping[str, float]) -> list[QueryWord]:
        """Returns the words with replacements for those that no text has."""
        found: list[QueryWord] = []
        for word in words:
            absent = word.otherwise and not any(self.has(slot, [word], weights) for slot in self.live())
            found += self.found(word.otherwise, weights) if absent else [word]
        return found

    def telling(self, query: TextQuery) -> list[tuple[Group, ...]]:
        """Returns the words that `query.most` leaves, by what they match."""
        counts: dict[tuple[Group, ...], int] = {}

        def count(words: Sequence[QueryWord]) -> None:
            for word in words:
                if not any(self.possible(group, query.weights) for group in word.groups):
                    count(word.otherwise)
                else:
                    counts[word.groups] = counts.get(word.groups, 0) + 1

        scoring = [word for clause in query.clauses if clause.sign != "-" for word in self.asked(clause)]
        count(scoring)
        worth = {groups: n * self.worth(groups, query, alone=len(scoring) == 1) for groups, n in counts.items()}
        left, telling = query.most or 0, []
        for groups in sorted(worth, key=lambda groups: -worth[groups]):
            size = max(len(group.terms) for group in groups)
            if size <= left:
                left -= size
                telling.append(groups)
        return telling

    def possible(self, group: Group, weights: Mapping[str, float]) -> bool:
        in_use = weights.get(self.analyzer.fields[group.field].name) != 0
        return in_use and all(self.having(group.field, term) for term, _ in group.terms)

    def having(self, number: int, term: str) -> int:
        return sum(any(term == found for found, _ in self.tokens(slot, number)) for slot in self.live())

    def worth(self, groups: tuple[Group, ...], query: TextQuery, *, alone: bool) -> float:
        total, n = 0.0, len(self.live())
        for group in groups:
            if self.possible(group, query.weights):
                some = self.analyzer.fields[group.field]
                own = some.alone if some.alone is not None and alone else some.weight
                weight = query.weights.get(some.name, own) * group.weight
                dfs = [self.having(group.field, term) for term, _ in group.terms]
                total += sum([weight * math.log(1 + (n - df + 0.5) / (df + 0.5)) for df in dfs])
        return total / max(len(group.terms) for group in groups)

    def kept(self, words: Sequence[QueryWord], query: TextQuery) -> list[QueryWord]:
        """Returns the words that score or match, with replacements for words that no text has."""
        if query.most is None:
            return self.found(words, query.weights)
        telling, kept = self.telling(query), []
        for word in words:
            if not any(self.possible(group, query.weights) for group in word.groups):
                kept += self.kept(word.otherwise, query)
            elif word.groups in telling:
                kept += self.found([word], query.weights)
        return kept

    def matches(self, slot: int, query: TextQuery) -> bool:
        optional: list[QueryWord] = []
        needed = []
        for clause in query.clauses:
            words = self.analyzer.query(clause.text)
            phrase = self.analyzer.phrase(clause.text)
            in_a_row = phrase is not None and (clause.phrase or (clause.sign != "" and len(words) > 1))
            if clause.sign == "-":
                if self.has(slot, [phrase] if phrase and in_a_row else words, query.weights):
                    return False
            elif clause.sign == "+":
                needed.append([phrase] if phrase and in_a_row else words)
            else:
                optional += self.kept(words, query)
        if needed:
            return all(self.has(slot, words, query.weights) for words in needed)
        return self.has(slot, optional, query.weights)

    def asked(self, clause: Clause) -> list[QueryWord]:
        words = list(self.analyzer.query(clause.text))
        phrase = self.analyzer.phrase(clause.text)
        raises = clause.phrase and not clause.sign and len(words) > 1 and phrase is not None
        return [*words, phrase] if raises and phrase else words

    def score(self, slot: int, query: TextQuery, scorer: Scorer) -> float:
        live = self.live()
        average = sum(map(self.length, live)) / len(live)
        words = [word for clause in query.clauses if clause.sign != "-" for word in self.asked(clause)]
        total = 0.0
        for word in self.kept(words, query):
            for group in word.groups:
                some = self.analyzer.fields[group.field]
                own = some.alone if some.alone is not None and len(words) == 1 else some.weight
                for term, _ in group.terms if self.has_group(slot, group, query.weights) else ():
                    tf = [found for found, _ in self.tokens(slot, group.field)].count(term)
                    df = self.having(group.field, term)
                    weight = query.weights.get(some.name, own) * group.weight
                    total += weight * self.formula(scorer, tf, df, self.length(slot), average, len(live))
        return total

    def formula(self, scorer: Scorer, tf: int, df: int, length: int, average: float, n: int) -> float:
        idf = {
            "plus_one": math.log(1 + (n - df + 0.5) / (df + 0.5)),
            "robertson": math.log((n - df + 0.5) / (df + 0.5)),
            "smooth": math.log((1 + n) / (1 + df)) + 1,
            "plain": math.log(n / df),
        }[scorer.idf]
        if isinstance(scorer, Bm25):
            return idf * tf * (scorer.k1 + 1) / (tf + scorer.k1 * (1 - scorer.b + scorer.b * length / average))
        heights = {"raw": tf, "log": 1 + math.log(tf), "sqrt": math.sqrt(tf)}
        norms = {"none": 1, "length": 1 / length, "sqrt": 1 / math.sqrt(length)}
        return idf * heights[scorer.tf] * norms[scorer.norm]


WORDS = st.sampled_from(["a", "as", "b", "bs", "c", "C", "d", "a_b", "bs_c", "rare", "unseen"])
TEXTS = st.none() | st.lists(WORDS, max_size=12).map(" ".join)
CLAUSES = st.builds(
    Clause,
    st.lists(WORDS, min_size=1, max_size=3).map(" ".join),
    st.sampled_from(["", "", "", "+", "-"]),
    st.booleans(),
)
WEIGHTS = st.just({}) | st.just({}) | st.sampled_from([{"surface": 2.0}, {"surface": 0.0}])
QUERIES = st.builds(TextQuery, st.lists(CLAUSES, max_size=5).map(tuple), WEIGHTS, st.none() | st.integers(1, 9))
WORD_QUERIES = st.lists(WORDS, max_size=6).map(lambda words: TextQuery.of(*words))
SCORERS: st.SearchStrategy[Scorer] = st.one_of(
    st.builds(Bm25, st.sampled_from([0.0, 1.2, 3.0]), st.sampled_from([0.0, 0.75, 1.0])),
    st.just(Bm25(idf="robertson")),
    st.builds(
        TfIdf,
        st.sampled_from(["raw", "log", "sqrt"]),
        st.sampled_from(["none", "length", "sqrt"]),
        st.sampled_from(["smooth", "plain"]),
    ),
)
SEARCHES = st.tuples(QUERIES | WORD_QUERIES, st.integers(0, 9), SCORERS, st.none() | st.integers())
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(TEXTS, max_size=8)),
        st.tuples(st.just("hole"), st.integers(1, 3)),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 30), max_size=6)),
        st.tuples(st.just("save"), st.just(None)),
        st.tuples(st.just("reload"), st.just(None)),
        st.tuples(
            st.just("search"), st.tuples(QUERIES | WORD_QUERIES, st.integers(0, 9), SCORERS, st.none() | st.integers())
        ),
    ),
    max_size=20,
)


def bitmap(chosen: Sequence[int], count: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    words = np.zeros(-(-count // 64), np.uint64)
    for slot in chosen:
        words[slot // 64] |= np.uint64(1 << (slot % 64))
    return words


def unpacked(words: np.ndarray[Any, Any], count: int) -> list[int]:
    return [slot for slot in range(count) if int(words[slot // 64]) >> (slot % 64) & 1]


def slots(*numbers: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    return np.array(numbers, np.uint32)


def read_only(arrays: dict[str, Any]) -> dict[str, Any]:
    copies = {name: array.copy() for name, array in arrays.items()}
    for array in copies.values():
        array.flags.writeable = False
    return copies


def check(index: TextIndex, world: World, query: TextQuery, k: int, scorer: Scorer, seed: int | None) -> None:
    count = len(world.texts)
    let_in = set(range(count)) if seed is None else {slot for slot in range(count) if hash((seed, slot)) % 2}
    allowed = None if seed is None else bitmap(sorted(let_in), count)
    wanted = [slot for slot in sorted(let_in) if world.texts[slot] is not None and world.matches(slot, query)]
    assert unpacked(index.matches(query, allowed), count) == wanted
    scores = {slot: world.score(slot, query, scorer) for slot in wanted}
    found, found_scores = index.search(query, k, allowed, scorer=scorer)
    assert found.dtype == np.uint32
    assert found_scores.dtype == np.float32
    assert len(found) == min(k, len(wanted))
    assert set(found.tolist()) <= set(wanted)
    np.testing.assert_allclose(found_scores, [scores[slot] for slot in found.tolist()], rtol=1e-6, atol=1e-6)
    assert sorted(zip((-found_scores).tolist(), found.tolist())) == list(zip((-found_scores).tolist(), found.tolist()))
    worst = min(found_scores.tolist(), default=-math.inf)
    left = [score for slot, score in scores.items() if slot not in found.tolist()]
    assert k == 0 or all(score <= worst + 1e-5 for score in left)
    assert index.score(query, found, scorer=scorer).tobytes() == found_scores.tobytes()
    every = index.score(query, np.array(wanted, np.uint32), scorer=scorer)
    order = np.lexsort((wanted, -every))[:k] if wanted else np.zeros(0, np.int64)
    assert found.tolist() == [wanted[i] for i in order.tolist()]
    for slot, score in zip(found.tolist(), found_scores.tolist()):
        parts = index.explain(query, slot, scorer=scorer)
        assert sum(part.score for part in parts) == pytest.approx(score, abs=1e-5)


def play(steps: list[tuple[str, Any]], analyzer: Analyzer, name: str) -> None:
    index, world = TextIndex(analyzer, KERNELS[name]), World(analyzer)
    for step, value in steps:
        start = len(world.texts)
        if step == "add":
            world.texts += value
            index.add(np.arange(start, start + len(value), dtype=np.uint32), value)
        elif step == "hole":
            world.texts += [None] * value
            index.add(slots(), [], start + value)
        elif step == "remove":
            index.remove(np.array(value, np.uint32))
            for slot in value:
                if slot < start:
                    world.texts[slot] = None
        elif step == "save":
            index.save()
        elif step == "reload":
            arrays = read_only(index.save())
            index = TextIndex(analyzer, KERNELS[sorted(KERNELS)[start % len(KERNELS)]])
            index.load(arrays)
        else:
            check(index, world, *value)
        assert index.slot_count == len(world.texts)
    check(index, world, TextQuery.of("a", "rare", "C", "a"), 5, Bm25(), None)


@pytest.mark.parametrize("name", KERNELS)
@given(steps=STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_finds_what_a_look_at_every_text_finds(name: str, steps: list[tuple[str, Any]]) -> None:
    play(steps, Analyzer(), name)


@pytest.mark.parametrize("name", KERNELS)
@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_so_does_an_index_of_one_field(name: str, steps: list[tuple[str, Any]]) -> None:
    play(steps, OneField(), name)


BOUNDED = st.builds(TextQuery, st.lists(CLAUSES, max_size=8).map(tuple), WEIGHTS, st.integers(1, 6))
SOME_TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=9)


@given(texts=SOME_TEXTS, query=BOUNDED, scorer=SCORERS)
@settings(max_examples=150, deadline=None)
def test_of_too_many_words_those_score_that_tell_most(texts: list[str], query: TextQuery, scorer: Scorer) -> None:
    for kernels in KERNELS.values():
        index, world = TextIndex(Analyzer(), kernels), World(Analyzer(), list(texts))
        index.add(np.arange(len(texts), dtype=np.uint32), texts)
        check(index, world, query, 9, scorer, None)


@pytest.fixture(params=KERNELS)
def index(request: pytest.FixtureRequest) -> TextIndex:
    return TextIndex(Analyzer(), KERNELS[request.param])


def test_a_long_text_asks_for_so_many_words_and_no_more(index: TextIndex) -> None:
    words = [f"w{number}x{number % 7}" for number in range(4_000)]
    index.add(np.arange(2, dtype=np.uint32), [" ".join(words), " ".join(words[:2_000])])
    query = TextQuery((*map(Clause, words), Clause(" ".join(words[2_500:2_600]), phrase=True)), most=64)
    assert index.matched_terms(query, 0) == [*words[2_500:2_564]]  # each occurs twice in the query
    assert index.search(query, 9)[0].tolist() == [0]
    joined = TextQuery.of(*(f"{first}_{second}" for first, second in zip(words, words[2:])))
    with mock.patch.object(index._postings, "search", wraps=index._postings.search) as asked:
        index.search(replace(joined, most=64), 9)
    assert 1 < len(asked.call_args_list) <= 64 // 2 + 1  # whether a text has two words in a row is a search


def test_a_phrase_is_words_as_they_stand(index: TextIndex) -> None:
    index.add(np.arange(4, dtype=np.uint32), ["red cars here", "red car here", "cars red", "red_cars"])
    assert index.search(TextQuery((Clause("Red cars", "+", phrase=True),)), 9)[0].tolist() == [3, 0]
    assert (
        index.search(TextQuery((Clause("car"),)), 9)[0].tolist() == [3, 2, 1, 0]
        or len(index.search(TextQuery((Clause("car"),)), 9)[0]) == 4
    )


def test_only_exclusions_match_nothing(index: TextIndex) -> None:
    index.add(slots(0), ["a"])
    assert not len(index.search(TextQuery((Clause("b", "-"),)), 5)[0])
    assert not len(index.search(TextQuery(()), 5)[0])


def test_equal_scores_go_by_slot(index: TextIndex) -> None:
    index.add(np.arange(300, dtype=np.uint32), ["same words"] * 300)
    found, scores = index.search(TextQuery.of("words"), 7)
    assert found.tolist() == list(range(7))
    assert len(set(scores.tolist())) == 1


def test_many_occurrences_count(index: TextIndex) -> None:
    texts = ["a " * 254, "a " * 255, "a " * 256, "a " * 100_000 + "b c"]
    index.add(np.arange(4, dtype=np.uint32), texts)
    for _ in range(2):
        assert index.search(TextQuery.of("a"), 9, scorer=TfIdf("raw", "none", "smooth"))[0].tolist() == [3, 2, 1, 0]
        assert [part.count for part in index.explain(TextQuery.of("a"), 3)] == [100_000, 100_000]
        assert index.search(TextQuery((Clause("a b c", "+", phrase=True),)), 9)[0].tolist() == [3]
        index.save()


def test_slots_only_grow(index: TextIndex) -> None:
    index.add(slots(2, 5), ["a", "b"])
    for wrong in ([5], [7, 7], [8, 6]):
        with pytest.raises(ValueError, match="ascend"):
            index.add(slots(*wrong), ["x"] * len(wrong))
    with pytest.raises(ValueError, match="ascend"):
        index.add(slots(9), ["x"], 9)
    assert index.slot_count == 6
    index.add(slots(), [], 3)
    index.add(slots(), [], 6)
    assert index.slot_count == 6
    index.add(slots(), [], 64)
    assert index.slot_count == 64
    assert index.search(TextQuery.of("a"), 3)[0].tolist() == [2]


def test_a_short_bitmap_lets_no_later_slot_in(index: TextIndex) -> None:
    index.add(np.arange(130, dtype=np.uint32), ["a"] * 130)
    every = np.full(1, 2**64 - 1, np.uint64)
    assert len(index.search(TextQuery.of("a"), 999, every)[0]) == 64
    assert len(index.search(TextQuery.of("a"), 999, np.full(9, 2**64 - 1, np.uint64))[0]) == 130


def test_weights_of_a_query(index: TextIndex) -> None:
    index.add(np.arange(2, dtype=np.uint32), ["cars", "car"])
    assert len(index.search(TextQuery((Clause("car"),)), 9)[0]) == 2
    assert index.search(TextQuery((Clause("car"),), {"stems": 0}), 9)[0].tolist() == [1]
    with pytest.raises(InvalidArgument, match="no field 'title'"):
        index.search(TextQuery((Clause("car"),), {"title": 1}), 9)
    with pytest.raises(InvalidArgument, match="0 or more"):
        index.search(TextQuery((Clause("car"),), {"stems": -1}), 9)


def test_another_analyzer_is_refused(index: TextIndex) -> None:
    other = TextIndex(OneField(), NumpyKernels())
    with pytest.raises(ValueError, match="test/1"):
        other.load(index.save())
    damaged = index.save()
    damaged["slots"] = damaged["slots"][:-1] if len(damaged["slots"]) else np.zeros(1, np.uint32)
    with pytest.raises(ValueError, match="do not fit"):
        index.load(damaged)


def test_removed_texts_leave_nothing_in_what_is_saved(index: TextIndex) -> None:
    index.add(np.arange(3, dtype=np.uint32), ["public", "secretword public", "other"])
    index.remove(slots(1))
    saved = index.save()
    assert b"secretword" not in b"".join(array.tobytes() for array in saved.values())
    assert b"public" in saved["term_bytes"].tobytes()


def test_compacts_by_itself_when_most_texts_are_removed(index: TextIndex) -> None:
    index.add(np.arange(12_000, dtype=np.uint32), ["a b" if slot % 3 else "a b c" for slot in range(12_000)])
    index.remove(np.array([slot for slot in range(12_000) if slot % 7], np.uint32))
    found, _ = index.search(TextQuery.of("c"), 3)
    assert found.tolist() == [0, 21, 42]
    index.add(slots(12_000), ["c d"])
    assert 12_000 in index.search(TextQuery.of("d", "c"), 3)[0].tolist()


@pytest.mark.parametrize("value", [{"k1": -1}, {"b": 1.5}, {"idf": "log"}, {"k1": math.nan}])
def test_what_bm25_refuses(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(value))):
        Bm25(**value)


@pytest.mark.parametrize("value", [{"tf": "log2"}, {"norm": "l2"}, {"idf": "none"}])
def test_what_tf_idf_refuses(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(value))):
        TfIdf(**value)
