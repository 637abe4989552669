"""What every operation on one collection needs to know."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..contract import Durability, EmbeddingStore, Encoder, FloatMatrix
from ..encoders.base import TextEncoder
from ..encoders.cache import CachedEncoder
from ..encoders.custom import CustomEncoder
from ..encoders.identity import EncoderIdentity, check_probe, restore
from ..errors import NoEncoder
from ..indexes.flat import FlatIndex
from ..inputs.vectors import VectorRules
from ..store.registry import Lease
from ..store.state import State
from ..store.store import Store


class CollectionEncoder:
    """The encoder that a collection remembers: found when first needed, probed once, cached.

    Args:
        stored: what the collection remembers.
        given: the encoder that the caller opened it with, already known to say it is the same; or None.
        cache: where vectors of texts may be kept.
    """

    def __init__(
        self, stored: EncoderIdentity, given: Encoder | None, cache: EmbeddingStore | None, collection: str
    ) -> None:
        self.identity = stored
        self._given = given
        self._cache = cache
        self._collection = collection
        self._lock = threading.Lock()
        self._ready: Encoder | None = None

    def encode(self, texts: Sequence[str]) -> FloatMatrix:
        """float32, shape (len(texts), dim).

        Raises:
            EncoderMismatch: the encoder gives other vectors than it did when the collection was made.
            EncoderNotFound, ModelUnavailable, MissingExtra: it cannot be had; nothing else stands in.
        """
        with self._lock:
            if self._ready is None:
                encoder = self._given or restore(self.identity, collection=self._collection)
                check_probe(self.identity, encoder, collection=self._collection)
                self._ready = self._cached(encoder)
        return self._ready.encode(texts)

    def _cached(self, encoder: Encoder) -> Encoder:
        if self._cache is None or not isinstance(encoder, TextEncoder):
            return encoder
        if isinstance(encoder, CustomEncoder) and not encoder.declares_fingerprint:
            return encoder  # two models of one class could not be told apart in the cache
        return CachedEncoder(encoder, self._cache)


@dataclass(frozen=True, slots=True)
class Context:
    """One handle's view of its collection."""

    name: str
    lease: Lease[Store[FlatIndex]]
    encoder: CollectionEncoder | None
    durability: Durability
    timeout: float

    @property
    def store(self) -> Store[FlatIndex]:
        return self.lease.store()

    def rules(self, state: State) -> VectorRules:
        return VectorRules(state.metric, state.dimension, state.setting["zero_vectors"] == "allow")

    def encode(self, texts: Sequence[str]) -> FloatMatrix:
        if self.encoder is None:
            raise NoEncoder(
                f"collection {self.name!r} has no encoder, so a text cannot be compared with its vectors",
                name="encoder",
                value=texts[0] if texts else None,
                remedy="Search by a vector, or make the collection with encoder='minilm'.",
            )
        return self.encoder.encode(texts)


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000
