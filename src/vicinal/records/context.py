"""The state that every operation on a collection needs."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence

from ..contract import Durability, EmbeddingStore, Encoder, FloatMatrix
from ..encoders.base import TextEncoder
from ..encoders.cache import CachedEncoder
from ..encoders.identity import EncoderIdentity, check_probe, check_same, restore
from ..errors import EncoderMismatch, NoEncoder
from ..filters.tree import Node
from ..filters.within import joined
from ..indexes.derived import DerivedIndex
from ..inputs.vectors import VectorRules
from ..locks import new_lock
from ..store.registry import Lease
from ..store.state import State
from ..store.store import Store
from ..warn import warn_user


class CollectionEncoder:
    """The encoder that a collection remembers: loaded on first use, probed once, cached.

    Args:
        stored: the identity that the collection stores.
        given: the encoder that the caller opened it with, already known to claim the same identity; or None.
        cache: where vectors of texts may be cached.
    """

    def __init__(
        self, stored: EncoderIdentity, given: Encoder | None, cache: EmbeddingStore | None, collection: str
    ) -> None:
        self.identity = stored
        self._given = given
        self._cache = cache
        self._collection = collection
        self._lock = new_lock()
        self._ready: Encoder | None = None

    def encode(self, texts: Sequence[str]) -> FloatMatrix:
        """The vectors of texts: float32, shape (len(texts), dim).

        Raises:
            EncoderMismatch: the encoder returns other vectors than when the collection was created.
            EncoderNotFound, ModelUnavailable, MissingExtra: the encoder is not available; there is no fallback.
        """
        return self._checked().encode(texts)

    def encode_query(self, texts: Sequence[str]) -> FloatMatrix:
        """The vectors of queries."""
        return self._checked().encode_query(texts)

    def _checked(self) -> Encoder:
        with self._lock:
            if self._ready is None:
                encoder = self._given or restore(self.identity, collection=self._collection)
                check_probe(self.identity, encoder, collection=self._collection)
                self._ready = self._cached(encoder)
            return self._ready

    def _cached(self, encoder: Encoder) -> Encoder:
        if self._cache is None or not isinstance(encoder, TextEncoder):
            return encoder
        if not encoder.declares_fingerprint:
            return encoder  # the cache could not distinguish two models of one class
        return CachedEncoder(encoder, self._cache)


class Context:
    """A handle's view of its collection.

    Args:
        encoder: the encoder that `state` remembers, bound to the one that the caller gave.

    Attributes:
        within: the filter for rows that the handle may see and write; None for all.
    """

    within: Node | None = None

    def __init__(
        self,
        lease: Lease[Store[DerivedIndex]],
        state: State,
        encoder: CollectionEncoder | None,
        *,
        cache: EmbeddingStore,
        durability: Durability,
        timeout: float,
    ) -> None:
        self.name = state.name
        self.lease = lease
        self.cache = cache
        self.durability: Durability = durability
        self.timeout = timeout
        self._lock = new_lock()
        self._warned = False
        self._encoder = (state.encoder, encoder)
        self._rules = (state, _rules_of(state))  # for the latest state that was asked about

    def narrowed(self, within: Node) -> Context:
        """The context of a handle restricted further, to these rows of those that this one sees."""
        narrowed = copy.copy(self)
        narrowed.within = within if self.within is None else joined(self.within, within)
        return narrowed

    @property
    def store(self) -> Store[DerivedIndex]:
        return self.lease.store()

    def encoder(self, state: State) -> CollectionEncoder | None:
        """The encoder that `state` remembers; differs from the one at opening after a `reembed`."""
        with self._lock:
            if self._encoder[0] != state.encoder:
                self._encoder = (state.encoder, remembered(state, None, self.cache))
            return self._encoder[1]

    def warn_of_texts_without_encoder(self) -> None:
        """Warns once per handle: dense search will not find the texts just written."""
        if not self._warned:
            self._warned = True
            warn_user(
                f"collection {self.name!r} has no encoder: its texts are found by words (mode='keyword'), not by "
                "meaning. Make it with encoder='minilm', or call reembed('minilm') at any time."
            )

    @property
    def known(self) -> State:
        """The last state that this handle saw."""
        return self._rules[0]

    def rules(self, state: State) -> VectorRules:
        known, rules = self._rules
        if known is not state:
            rules = _rules_of(state)
            self._rules = (state, rules)
        return rules

    def encode(self, texts: Sequence[str], state: State) -> FloatMatrix:
        """Vectors of `texts` from the encoder that `state` remembers.

        Raises:
            NoEncoder: there is none.
        """
        return self._encoder_for(texts, state).encode(texts)

    def encode_query(self, texts: Sequence[str], state: State) -> FloatMatrix:
        """The same for queries."""
        return self._encoder_for(texts, state).encode_query(texts)

    def _encoder_for(self, texts: Sequence[str], state: State) -> CollectionEncoder:
        encoder = self.encoder(state)
        if encoder is None:
            raise NoEncoder(
                f"collection {self.name!r} has no encoder, so a text cannot be compared with its vectors",
                name="encoder",
                value=texts[0] if texts else None,
                remedy="Search by a vector or with mode='keyword', or give it an encoder: reembed('minilm').",
            )
        return encoder


def remembered(state: State, given: Encoder | None, cache: EmbeddingStore) -> CollectionEncoder | None:
    """The encoder that `state` remembers, bound to the one that the caller gave.

    Raises:
        EncoderMismatch: the caller's encoder is a different one.
    """
    if state.encoder is None:
        if given is not None:
            raise EncoderMismatch(
                f"was made without an encoder, but was opened with {given.name!r}",
                name="encoder",
                value=given.name,
                place=f"collection {state.name!r}",
                remedy="Open it without encoder= and call reembed(), or make a new collection.",
            )
        return None
    stored = EncoderIdentity.from_json(state.encoder)
    if given is not None:
        check_same(stored, given, collection=state.name)
    return CollectionEncoder(stored, given, cache, state.name)


def _rules_of(state: State) -> VectorRules:
    return VectorRules(state.metric, state.dimension, state.setting["zero_vectors"] == "allow")


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000
