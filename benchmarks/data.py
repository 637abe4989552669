"""Vectors, texts and metadata to measure with, and the exact hits."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .contract import Rows, Vectors
from .readers import read_vectors

WORDNET = Path(__file__).parents[2] / "shared" / "data" / "wordnet"
QUERIES = 500
NOISE = 0.3
PARTS = 1000  # metadata has `part`, a whole number below this, for filters of any selectivity
_CENTRES = 256
_BLOCK = 16_384


@dataclass(frozen=True, slots=True)
class Data:
    """The data of one suite.

    Attributes:
        name: its source.
        vectors, queries: float32, normalized; no query is among the vectors.
        texts, metadata: one per row.
    """

    name: str
    vectors: Vectors
    queries: Vectors
    texts: list[str]
    metadata: list[dict[str, Any]]

    def save(self, folder: Path) -> None:
        np.save(folder / "vectors.npy", self.vectors)
        np.save(folder / "queries.npy", self.queries)
        rows = {"name": self.name, "texts": self.texts, "metadata": self.metadata}
        (folder / "rows.json").write_text(json.dumps(rows))

    @classmethod
    def load(cls, folder: Path) -> Data:
        """Loads what `save` wrote; vectors are memory-mapped, so that processes share them."""
        vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        rows = json.loads((folder / "rows.json").read_text())
        return cls(rows["name"], vectors, np.load(folder / "queries.npy"), rows["texts"], rows["metadata"])

    def batches(self, count: int, size: int, *, bare: bool = False) -> Iterator[Rows]:
        """Yields the first `count` rows, `size` at a time; `bare` leaves out texts and metadata."""
        for start in range(0, count, size):
            part = slice(start, min(start + size, count))
            vectors = np.ascontiguousarray(self.vectors[part], np.float32)
            yield Rows(start, vectors) if bare else Rows(start, vectors, self.texts[part], self.metadata[part])


def make(source: str, rows: int, dimension: int = 384) -> Data:
    """Returns `rows` rows from "wordnet", "generated" or a file.

    500 random rows are removed and used as queries, unless a file has its own. If a source has too few rows, copies of
    its rows are added, with Gaussian noise of 0.3 of their length.

    Raises:
        Unreadable: the file is invalid.
        FileNotFoundError: WordNet is not available.
    """
    random = np.random.default_rng(0)
    texts: list[str] | None = None
    queries = None
    if source == "wordnet":
        vectors, texts = _wordnet()
    elif source == "generated":
        vectors = clustered(rows + QUERIES, dimension, random)
    else:
        vectors, queries = read_vectors(Path(source))
    order = random.permutation(len(vectors))
    if queries is None:
        held_out = min(QUERIES, len(vectors) // 2)
        queries, order = vectors[order[:held_out]], order[held_out:]
    order = order[:rows]
    kept = vectors[order]
    if len(kept) < rows:
        kept = _filled_up(kept, rows, random)
    own = [texts[i] for i in order] if texts is not None else None
    name = source if source in ("wordnet", "generated") else Path(source).name
    return Data(name, _unit(kept), _unit(queries[:QUERIES]), *_rows(rows, own, random))


def default_source() -> str:
    return "wordnet" if WORDNET.exists() else "generated"


def clustered(rows: int, dimension: int, random: np.random.Generator) -> Vectors:
    """Returns Gaussian clusters of different weights, because embeddings are not spread evenly either."""
    centres = random.standard_normal((_CENTRES, dimension), dtype=np.float32)
    weights = random.dirichlet(np.full(_CENTRES, 0.5))
    vectors = random.standard_normal((rows, dimension), dtype=np.float32)
    vectors += centres[random.choice(_CENTRES, rows, p=weights)]
    return vectors


def true_best(data: Data, count: int, k: int, below: int | None = None) -> tuple[list[list[int]], list[float]]:
    """Returns the best `k` numbers for the first `count` queries, by float64 scores, and the score of the last.

    Args:
        below: only rows whose `part` is below it.
    """
    wide = data.queries[:count].astype(np.float64)
    allowed = None if below is None else np.array([row["part"] < below for row in data.metadata])
    best = np.full((len(wide), 0), 0.0)
    numbers = np.zeros((len(wide), 0), np.int64)
    for start in range(0, len(data.vectors), _BLOCK):
        block = data.vectors[start : start + _BLOCK].astype(np.float64)
        scores = wide @ block.T
        if allowed is not None:
            scores[:, ~allowed[start : start + _BLOCK]] = -np.inf
        best = np.concatenate([best, scores], axis=1)
        own = np.broadcast_to(np.arange(start, start + len(block)), scores.shape)
        numbers = np.concatenate([numbers, own], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :k]
        best, numbers = np.take_along_axis(best, order, 1), np.take_along_axis(numbers, order, 1)
    found = [[int(n) for n, score in zip(*row) if score > -np.inf] for row in zip(numbers, best)]
    return found, [float(row[len(ids) - 1]) if ids else -np.inf for row, ids in zip(best, found)]


def _wordnet() -> tuple[Vectors, list[str]]:
    vectors = np.load(WORDNET / "vectors.f16.npy").astype(np.float32)
    with gzip.open(WORDNET / "texts.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    return vectors, texts


def _filled_up(vectors: Vectors, rows: int, random: np.random.Generator) -> Vectors:
    copied = vectors[np.arange(rows - len(vectors)) % len(vectors)]
    noise = random.standard_normal(copied.shape, dtype=np.float32)
    noise *= NOISE * np.linalg.norm(copied, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    return np.concatenate([vectors, copied + noise])


def _unit(vectors: Vectors) -> Vectors:
    vectors = np.ascontiguousarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, lengths, out=vectors.copy(), where=lengths > 0)
    return unit


def _rows(count: int, texts: list[str] | None, random: np.random.Generator) -> tuple[list[str], list[dict[str, Any]]]:
    """Returns texts, generated if missing, and metadata. Of every thousand rows, one has each value of `part`."""
    own = texts or []
    parts = random.permutation(count) * PARTS // count
    made = [own[i] if i < len(own) else f"copy of row {i}" if own else f"row {i} of {count}" for i in range(count)]
    groups = random.integers(0, 20, count)
    metadata = [
        {"part": int(part), "group": f"group {group}", "length": len(text)}
        for part, group, text in zip(parts, groups, made, strict=True)
    ]
    return made, metadata
