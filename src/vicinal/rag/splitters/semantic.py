"""Splits where the subject changes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...encoders import as_encoder, resolve
from ...errors import InvalidArgument
from ...inputs.calls import for_users
from ..chunk import Chunk
from .base import TextSplitter
from .breaks import ListedBreaks, separators
from .cut import Cutter
from .measure import CharactersOfSentences
from .sentence import sentence_ends

__all__ = ["SemanticTextSplitter"]


@for_users
class SemanticTextSplitter(TextSplitter):
    """Cuts between sentences where the meaning changes, and never joins two subjects.

    Sentences are encoded together with their neighbours. Where two consecutive groups are further apart than most, the
    subject changes. Source of the idea: M. Hearst, "TextTiling: segmenting text into multi-paragraph subtopic
    passages", Computational Linguistics 23(1), 1997, with vectors of an encoder instead of word counts.

    Args:
        encoder: the name of an encoder, or an encoder.
        chunk_size: maximum size of a chunk, in characters; longer passages are cut between sentences, and only
            their parts overlap, by whole sentences.
        percentile: distances above this percentile of all count as a change.
        neighbours: how many sentences before and after are encoded together with one.
    """

    def __init__(
        self,
        encoder: Any,
        chunk_size: int,
        chunk_overlap: int = 0,
        *,
        percentile: float = 90.0,
        neighbours: int = 1,
    ) -> None:
        super().__init__(chunk_size, chunk_overlap)
        if not 0 <= percentile <= 100:
            raise InvalidArgument(
                f"percentile must be from 0 to 100, not {percentile!r}", name="percentile", value=percentile
            )
        if isinstance(neighbours, bool) or not isinstance(neighbours, int) or neighbours < 0:
            raise InvalidArgument(
                f"neighbours must be a whole number of at least 0, not {neighbours!r}",
                name="neighbours",
                value=neighbours,
            )
        self._encoder = resolve(encoder) if isinstance(encoder, str) else as_encoder(encoder)
        self._percentile = percentile
        self._neighbours = neighbours

    def _split(self, text: str) -> list[Chunk]:
        ends = sentence_ends(text)
        cutter = Cutter(text, CharactersOfSentences(ends), self.chunk_size, self.chunk_overlap)
        kinds = [ListedBreaks(ends), *separators(text, ("\n", " "))]
        bounds = [0, *self._changes(text, ends), len(text)]
        return [chunk for start, end in pairwise(bounds) for chunk in cutter.chunks(start, end, kinds)]

    def _changes(self, text: str, ends: list[int]) -> list[int]:
        """Returns the ends of sentences after which the subject changes."""
        bounds = [0, *ends, len(text)]
        count = len(bounds) - 1
        if count < 3:
            return []
        groups = [
            text[bounds[max(0, i - self._neighbours)] : bounds[min(count, i + self._neighbours + 1)]]
            for i in range(count)
        ]
        distances = _distances(self._encoder.encode(groups))
        threshold = np.percentile(distances, self._percentile)
        return [end for end, distance in zip(ends, distances.tolist()) if distance > threshold]


def _distances(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """1 - cosine of each vector and the next, shape (n - 1,); 1 if either vector has length zero."""
    rows = vectors.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths > 0, lengths, 1.0)
    return np.asarray(1.0 - np.einsum("ij,ij->i", rows[:-1], rows[1:]))
