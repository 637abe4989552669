"""Words in lower case, and scripts without spaces by characters or pairs: one field, no stemming.

`standard` and `zh` are named in VikingDB's interface, which does not specify them. `standard` follows the usual meaning
in search engines (words by Unicode, one per ideograph); `zh` finds Chinese words by pairs, which needs no dictionary.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator

from . import characters, unspaced
from .base import Group, Placed, QueryWord, Terms
from .folding import lowered
from .plain import PlainAnalyzer, bounded, from_zero, placed


class CharacterwiseAnalyzer(PlainAnalyzer):
    """The common part of both: a query word is a sequence of adjacent raw words, found in a row."""

    def query(self, text: str) -> tuple[QueryWord, ...]:
        return tuple(word for cluster in _clusters(text) for word in self._words(cluster))

    def phrase(self, text: str) -> QueryWord | None:
        terms = self._placed([run for cluster in _clusters(text) for run in cluster])
        return QueryWord(text, (Group(0, from_zero(terms)),)) if terms else None

    def _asked(self, run: str) -> Placed:
        """The terms of a document that contains the run."""
        raise NotImplementedError

    def _placed(self, runs: Iterable[str]) -> Placed:
        words = (
            Terms((self._asked(run),), len(run)) if unspaced.is_unspaced(run[0]) else Terms((((_lower(run), 0),),), 1)
            for run in runs
        )
        return tuple(placed(words))

    def _words(self, cluster: list[str]) -> Iterator[QueryWord]:
        cost = sum(unspaced.cost(run) if unspaced.is_unspaced(run[0]) else unspaced.SPACED_COST for run in cluster)
        if len(cluster) == 1 and not unspaced.is_unspaced(cluster[0][0]):
            yield QueryWord(cluster[0], (Group(0, ((_lower(cluster[0]), 0),)),))
            return
        pieces = tuple(self._pieces(cluster))
        if cost > unspaced.WORD_MAX:
            yield from pieces
        else:
            group = Group(0, from_zero(self._placed(cluster)))
            yield QueryWord("".join(cluster), (group,), pieces if len(pieces) > 1 else ())

    def _pieces(self, cluster: list[str]) -> Iterator[QueryWord]:
        for run in cluster:
            for piece in unspaced.pieces(run) if unspaced.is_unspaced(run[0]) else (run,):
                yield QueryWord(piece, (Group(0, from_zero(self._placed([piece]))),))


class StandardAnalyzer(CharacterwiseAnalyzer):
    """Words of letters, digits and marks, in lower case; each character of a script without spaces is a word."""

    name = "standard"

    def split(self, text: str) -> list[str]:
        return [word for cluster in _clusters(text) for run in cluster for word in _single(run)]

    def terms(self, word: str) -> Terms:
        return super().terms(_lower(word))

    def _asked(self, run: str) -> Placed:
        return tuple((character, offset) for offset, character in enumerate(run))


class ZhAnalyzer(CharacterwiseAnalyzer):
    """Words in lower case; in scripts without spaces, each character and each pair of neighbours."""

    name = "zh"

    def split(self, text: str) -> list[str]:
        return [word for cluster in _clusters(text) for run in cluster for word in _paired(run)]

    def terms(self, word: str) -> Terms:
        if not word or not unspaced.is_unspaced(word[0]):
            return super().terms(_lower(word))
        return Terms((tuple(unspaced.pairs(word, whole=False)),), max(1, len(word) - 1))

    def _asked(self, run: str) -> Placed:
        return unspaced.asked(run)


def _lower(word: str) -> str:
    return bounded(lowered(word, ""))


def _single(run: str) -> Iterable[str]:
    return run if unspaced.is_unspaced(run[0]) else (run,)


def _paired(run: str) -> Iterable[str]:
    return characters.paired(run) if unspaced.is_unspaced(run[0]) else (run,)


@functools.cache
def _pieces() -> re.Pattern[str]:
    found = characters.classes()
    return re.compile(rf"{found.piece}|{found.eojeol}|{found.unspaced}")


def _clusters(text: str) -> Iterator[list[str]]:
    """Words and runs, in lists of adjacent ones."""
    cluster: list[str] = []
    end = -1
    for found in _pieces().finditer(characters.normalise(text)):
        if cluster and found.start() != end:
            yield cluster
            cluster = []
        cluster.append(found[0])
        end = found.end()
    if cluster:
        yield cluster
