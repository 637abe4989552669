"""The index: hashes vectors, keeps their buckets in a storage, and finds indices that share buckets with a query."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from vicinal.locks import new_lock
from vicinal.progress import progress

from ..hash.lsh import LSHHasher
from ..io import iter_parquet_vectors, iter_postgres_vectors
from ..numbers import checked_seed, checked_size, checked_threshold
from ..spelling import also_spelt
from ..storage.base import Storage
from ..storage.redis import RedisStorage
from ..utils.br import Strategy, get_optimal_config
from . import query as asking
from . import saving
from .buffer import Buffer
from .checks import (
    check_index_max,
    check_projections,
    check_storage,
    checked_index,
    checked_indices,
    checked_matrix,
    checked_vector,
)

__all__ = ["LSHRS", "lshrs"]

_log = logging.getLogger(__name__)

_NUM_PERM: Final = 128
_FORMATS: Final = {"postgres": "postgres", "pg": "postgres", "parquet": "parquet", "pq": "parquet"}
# The settings that load_from_disk can override. The others decide which bucket a vector is in.
_OVERRIDES: Final = ("buffer_size", "vector_fetch_fn", "storage")


class LSHRS:
    """Locality-sensitive hashing for cosine, with buckets in Redis or another storage.

    Added vectors wait in a buffer until it is full, or until a query, a removal, `save_to_disk`, `flush` or `close`.
    Use one instance per thread, as the document says; `ingest` and `flush` may nevertheless run in many threads at
    once.

    Args:
        dim: components of a vector.
        num_perm: total number of bits of a vector's hash. Default: 128, or num_bands * rows_per_band if both are given.
        num_bands: independent tables; more of them find more.
        rows_per_band: bits of a table's key; with more of them, fewer dissimilar vectors are found.
        similarity_threshold: used if bands and rows are not given: the agreement of bits above which vectors should
            share a bucket. This is not the cosine; `cosine_to_agreement` converts one to the other.
        buffer_size: operations, one per vector and band, that wait before they are sent.
        vector_fetch_fn: returns the vectors (n, dim) of a list of n indices, for `index` without vectors and for
            `topp`.
        storage: where buckets are kept; by default a `RedisStorage` with the next arguments.
        redis_host, redis_port, redis_db, redis_password, redis_prefix, decode_responses: see `RedisStorage`.
        seed: of the projections. Buckets of another seed, dimension or number of rows are meaningless to this index.
        redis_max_connections, redis_options: see `RedisStorage`.
        strategy: "document" chooses bands and rows like the original package, "least_error" chooses better ones.

    Raises:
        ValueError: a number is out of range, or bands times rows is not `num_perm`.
        TypeError: an argument is not a number.
    """

    def __init__(
        self,
        dim: int,
        num_perm: int | None = None,
        num_bands: int | None = None,
        rows_per_band: int | None = None,
        similarity_threshold: float = 0.5,
        buffer_size: int = 10_000,
        vector_fetch_fn: Callable[[list[int]], Any] | None = None,
        storage: Storage | None = None,
        redis_host: str = "localhost",
        redis_port: int = 6379,
        redis_db: int = 0,
        redis_password: str | None = None,
        redis_prefix: str = "lsh",
        decode_responses: bool = False,
        seed: int = 42,
        *,
        redis_max_connections: int = 50,
        redis_options: dict[str, Any] | None = None,
        strategy: Strategy = "document",
    ) -> None:
        dim = checked_size("dim, the dimensionality,", dim)
        buffer_size = checked_size("buffer_size", buffer_size)
        check_storage(storage)
        similarity_threshold = checked_threshold("similarity_threshold", similarity_threshold)
        seed = checked_seed(seed)
        bands, rows = _bands_and_rows(num_perm, num_bands, rows_per_band, similarity_threshold, strategy)
        check_projections(bands, rows, dim)
        self._config: dict[str, Any] = {
            "dim": dim,
            "num_perm": bands * rows,
            "num_bands": bands,
            "rows_per_band": rows,
            "similarity_threshold": similarity_threshold,
            "buffer_size": buffer_size,
            "seed": seed,
        }
        self._redis_config: dict[str, Any] = {
            "host": redis_host,
            "port": redis_port,
            "db": redis_db,
            "password": redis_password,
            "prefix": redis_prefix,
            "decode_responses": decode_responses,
            "max_connections": redis_max_connections,
        }
        self._redis_options = dict(redis_options or {})
        self._start(LSHHasher(bands, rows, dim, seed), storage, vector_fetch_fn)

    def _start(
        self, hasher: LSHHasher, storage: Storage | None, fetch: Callable[[list[int]], Any] | None = None
    ) -> None:
        self._hasher = hasher
        self._buffer = Buffer()
        self._sending = new_lock()
        self._vector_fetch_fn = fetch
        if storage is None:
            storage = RedisStorage(**self._redis_config, **self._redis_options)
        self._storage = storage

    # Writing

    def ingest(self, index: int, vector: ArrayLike) -> None:
        """Adds one vector.

        An index that exists already also stays in its old buckets: delete it first.

        Raises:
            ValueError: the index is negative or too large for the storage, or the vector has another dimension, is
                zero, or has a component that is not finite.
            TypeError: the index is not an integer.
        """
        number = checked_index(index)
        check_index_max([number], self._storage)
        signatures = self._hasher.signatures(checked_vector(vector, self.dim))
        if self._buffer.add([number], signatures) >= self.buffer_size:
            self.flush()

    def index(self, indices: Sequence[int] | np.ndarray[Any, Any], vectors: ArrayLike | None = None) -> None:
        """Adds many vectors and sends them. Nothing is sent unless all are valid.

        Args:
            indices: n of them; with none, nothing happens.
            vectors: shape (n, dim); if not given, `vector_fetch_fn` is called.

        Raises:
            RuntimeError: there are neither vectors nor a `vector_fetch_fn`.
            ValueError, TypeError: as in `ingest`, or the counts differ.
        """
        numbers = checked_indices(indices)
        if not numbers:
            return
        check_index_max(numbers, self._storage)
        if vectors is None:
            vectors = self._fetch("index() without vectors")(numbers)
        matrix = checked_matrix(vectors, len(numbers), self.dim)
        step = max(1, self.buffer_size // self.num_bands)
        for start in range(0, len(numbers), step):
            part = slice(start, start + step)
            if self._buffer.add(numbers[part], self._hasher.signatures(matrix[part])) >= self.buffer_size:
                self.flush()
        self.flush()

    def create_signatures(
        self,
        format: str = "postgres",
        dsn: str | None = None,
        table: str | None = None,
        index_column: str | None = None,
        vector_column: str | None = None,
        batch_size: int = 10_000,
        where_clause: str | None = None,
        connection_factory: Callable[[], Any] | None = None,
        file_path: str | Path | None = None,
        **more: Any,
    ) -> None:
        """Indexes all vectors of a source, batch by batch; on a terminal, a bar shows the progress.

        Args:
            format: "postgres" (or "pg") or "parquet" (or "pq").
            dsn, table, where_clause, connection_factory: see `iter_postgres_vectors`.
            file_path: see `iter_parquet_vectors`.
            index_column, vector_column, batch_size: see either; each has its own defaults for the columns.
            more: further arguments of either; None counts as not given.

        Raises:
            ValueError: the format is unknown, or the source has invalid data. Earlier batches stay indexed.
            TypeError: the source does not have such an argument.
        """
        kind = _FORMATS.get(format.lower() if isinstance(format, str) else "")
        if kind is None:
            raise ValueError(f"Unsupported format {format!r}; there are: {', '.join(_FORMATS)}")
        source = {
            "dsn": dsn,
            "table": table,
            "index_column": index_column,
            "vector_column": vector_column,
            "batch_size": batch_size,
            "where_clause": where_clause,
            "connection_factory": connection_factory,
            "file_path": file_path,
            **more,
        }
        given = {name: value for name, value in source.items() if value is not None}
        iterate: Callable[..., Iterator[tuple[list[int], Any]]]
        iterate = iter_postgres_vectors if kind == "postgres" else iter_parquet_vectors
        batches = iterate(**given)
        with progress(f"Indexing from {kind}", None) as advance:
            for indices, vectors in batches:
                self.index(indices, vectors)
                advance(len(indices))

    def flush(self) -> None:
        """Sends all waiting operations. After an error they wait again, and sending them again is safe."""
        try:
            self._buffer.send(self._storage)
        except Exception as error:
            _log.error("sending buffered operations failed, %d wait again: %s", len(self._buffer), error)
            raise

    _flush_buffer = flush

    # Reading

    @also_spelt(top_k="topk", top_p="topp")
    def query(
        self, vector: ArrayLike, topk: int | None = 10, topp: float | None = None
    ) -> list[int] | list[tuple[int, float]]:
        """Returns the candidates for a vector: indices that share a bucket with it.

        Args:
            vector: shape (dim,).
            topk: at most this many; None for all.
            topp: reranks the candidates by cosine with vectors from `vector_fetch_fn`, and returns this share of them,
                more than 0 and at most 1: `ceil(topp * candidates)`, then at most `topk`.

        Returns:
            Without `topp`: indices, those in most common buckets first, ties by index. With it: pairs of index and
            cosine, best first. An empty list if nothing shares a bucket.

        Raises:
            ValueError: the vector, `topk` or `topp` is invalid, or `vector_fetch_fn` returned another shape.
            TypeError: `topk` is not an integer, or `topp` not a number.
            RuntimeError: `topp` is given without a `vector_fetch_fn`.
        """
        checked = checked_vector(vector, self.dim)
        self.flush()
        found = asking.candidates(self._storage, self._hasher.hash_vector(checked))
        if not found:
            return []
        asking.check_top_k(topk)
        if topp is None:
            return found[:topk]
        asking.check_top_p(topp)
        return asking.reranked(checked, found, self._fetch("a query with topp"), topp, topk)

    @also_spelt(top_k="topk")
    def get_top_k(self, vector: ArrayLike, topk: int = 10) -> list[int]:
        """Returns the `topk` indices that share the most buckets with the vector; see `query`."""
        return [index for index in self.query(vector, topk) if isinstance(index, int)]

    def get_above_p(self, vector: ArrayLike, p: float = 0.95) -> list[tuple[int, float]]:
        """Returns the share `p` of the candidates that are most similar, with their cosines; see `query`."""
        return [pair for pair in self.query(vector, None, p) if isinstance(pair, tuple)]

    def _fetch(self, purpose: str) -> Callable[[list[int]], Any]:
        if self._vector_fetch_fn is None:
            raise RuntimeError(f"{purpose} needs vector_fetch_fn, which gives the vectors of a list of indices")
        return self._vector_fetch_fn

    # Deleting

    def delete(self, indices: int | Sequence[int] | np.ndarray[Any, Any]) -> None:
        """Removes one or many indices from every bucket; unknown ones are ignored."""
        numbers = checked_indices(indices)
        if numbers:
            self.flush()  # otherwise waiting operations would bring them back
            self._storage.remove_indices(numbers)

    def clear(self) -> None:
        """Deletes every key with the prefix, and discards waiting operations.

        This cannot be undone; the projections stay, and indexing can continue.
        """
        try:
            self.flush()
        except Exception:
            self._buffer.discard()  # it would be deleted right away
        self._storage.clear()

    # Saving

    def save_to_disk(self, path: str | Path) -> None:
        """Saves configuration and projections in a directory, but never a password; the buckets stay where they are.

        Raises:
            FileExistsError: the path is a file.
            ValueError: the path is empty.
        """
        if not str(path):
            raise ValueError("path must name a directory, got an empty text")
        self.flush()
        saving.save(path, self._config, self._redis_config, self._hasher.projections)

    @classmethod
    def load_from_disk(cls, path: str | Path, **kwargs: Any) -> LSHRS:
        """Returns the index that was saved there.

        Args:
            path: the directory.
            kwargs: settings to override: those of Redis (`redis_host`, ..., or `redis_config={"host": ...}`),
                `buffer_size`, `vector_fetch_fn`, `storage`. Settings that decide a vector's bucket cannot be changed.

        Raises:
            FileNotFoundError, NotADirectoryError, ValueError: nothing was saved there, or it is damaged.
            TypeError: a setting cannot be overridden.
        """
        config, redis, projections = saving.load(path)
        redis.update(kwargs.pop("redis_config", None) or {})
        options = dict(kwargs.pop("redis_options", None) or {})
        for name in list(kwargs):
            setting = name.removeprefix("redis_")
            if name.startswith("redis_") or name == "decode_responses":
                redis[setting] = kwargs.pop(name)
        if unknown := kwargs.keys() - set(_OVERRIDES):
            raise TypeError(
                f"load_from_disk() cannot override {', '.join(sorted(unknown))}: buckets would not fit. "
                f"It takes the settings of Redis, {', '.join(_OVERRIDES)}"
            )
        buffer_size = checked_size("buffer_size", kwargs.get("buffer_size", config["buffer_size"]))
        check_storage(kwargs.get("storage"))
        loaded = cls.__new__(cls)
        loaded._config = {**config, "buffer_size": buffer_size}
        loaded._redis_config = redis
        loaded._redis_options = options
        loaded._start(LSHHasher.from_projections(projections), kwargs.get("storage"), kwargs.get("vector_fetch_fn"))
        return loaded

    def __getstate__(self) -> dict[str, Any]:
        self.flush()
        redis = {**self._redis_config, "password": None}
        return {"config": self._config, "redis": redis, "projections": self._hasher.projections}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._config, self._redis_config, self._redis_options = state["config"], state["redis"], {}
        self._start(LSHHasher.from_projections(state["projections"]), None)

    # Properties

    @property
    def dim(self) -> int:
        """Components of a vector."""
        return int(self._config["dim"])

    @property
    def num_bands(self) -> int:
        """The number of tables."""
        return int(self._config["num_bands"])

    @property
    def buffer_size(self) -> int:
        """How many operations wait before they are sent."""
        return int(self._config["buffer_size"])

    def stats(self) -> dict[str, Any]:
        """Returns the configuration, and how many operations wait in the buffer; does not ask the server."""
        shown = {name: value for name, value in self._config.items() if name != "seed"}
        return {
            **shown,
            "dimension": self.dim,
            "seed": self._config["seed"],
            "redis_prefix": self._redis_config["prefix"],
            "buffered_operations": len(self._buffer),
        }

    def close(self) -> None:
        """Sends all waiting operations and closes the connections."""
        try:
            self.flush()
        finally:
            self._storage.close()

    def __enter__(self) -> LSHRS:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={self._config[name]}" for name in ("dim", "num_perm", "num_bands", "rows_per_band"))
        return f"LSHRS({shown}, redis_prefix={self._redis_config['prefix']!r})"


lshrs = LSHRS


def _bands_and_rows(
    num_perm: int | None, bands: int | None, rows: int | None, threshold: float, strategy: Strategy
) -> tuple[int, int]:
    num_perm, bands, rows = (
        None if value is None else checked_size(name, value)
        for name, value in (("num_perm", num_perm), ("num_bands", bands), ("rows_per_band", rows))
    )
    if bands is not None and rows is not None:
        if num_perm not in (None, bands * rows):
            raise ValueError(f"num_bands * rows_per_band must equal num_perm, got {bands} * {rows} and {num_perm}")
        return bands, rows
    total = _NUM_PERM if num_perm is None else num_perm
    if bands is None and rows is None:
        return get_optimal_config(total, threshold, strategy)
    given = bands or rows or 1
    if total % given:
        name = "num_bands" if bands else "rows_per_band"
        raise ValueError(f"{name}={given} does not divide num_perm={total}; give num_bands and rows_per_band both")
    return (given, total // given) if bands else (total // given, given)
