"""A cache in front of an encoder, which encodes each text only once; the vectors are kept in a given store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from ..contract import EmbeddingStore, FloatMatrix, FloatVector, TokenCounter
from ..errors import InvalidArgument
from ..locks import new_lock
from .base import TextEncoder
from .registry import as_encoder

# Long enough that no two texts collide by accident; half the bytes of the default digest.
_KEY_BYTES = 32

Encode = Callable[[Sequence[str]], FloatMatrix]


class CachedEncoder(TextEncoder):
    """Returns the vectors of `encoder`, and calls it only for texts that `store` does not hold.

    The key is a hash of the encoder's fingerprint (weights and options) and the text, so encoders may share a store.

    Args:
        encoder: anything that `as_encoder` accepts; a custom object must declare a fingerprint.
        store: where vectors are kept.
    """

    def __init__(self, encoder: Any, store: EmbeddingStore) -> None:
        inner = as_encoder(encoder)
        # Two models of one class would share keys and get each other's vectors.
        if not inner.declares_fingerprint:
            raise InvalidArgument(
                f"encoder {inner.name!r} declares no fingerprint, so its vectors cannot be cached",
                name="encoder",
                value=encoder,
                remedy="Give it an attribute `fingerprint` that changes with the model and its options.",
            )
        self._encoder = inner
        self._store = store
        self.name = inner.name
        self.version = inner.version
        self.dim = inner.dim
        self.fingerprint = inner.fingerprint
        self.device = inner.device
        self.query_differs = inner.query_differs

    def token_counter(self) -> TokenCounter | None:
        return self._encoder.token_counter()

    def _encode(self, texts: list[str]) -> FloatMatrix:
        return self._through_store(texts, self._encoder.encode, self.fingerprint)

    def _encode_query(self, texts: list[str]) -> FloatMatrix:
        if not self.query_differs:
            return self._encode(texts)
        return self._through_store(texts, self._encoder.encode_query, f"{self.fingerprint}/query")

    def _through_store(self, texts: list[str], encode: Encode, made_by: str) -> FloatMatrix:
        keys = _keys(made_by, texts)
        unique = dict(zip(keys, texts, strict=True))
        vectors = self._known(list(unique))
        missing = [key for key in unique if key not in vectors]
        if missing:
            encoded = encode([unique[key] for key in missing])
            self._store.put_many(missing, encoded)
            vectors.update(zip(missing, encoded, strict=True))
        return np.stack([vectors[key] for key in keys])

    def _known(self, keys: list[bytes]) -> dict[bytes, FloatVector]:
        found = zip(keys, self._store.get_many(keys), strict=True)
        return {key: vector for key, vector in found if vector is not None}


def _keys(made_by: str, texts: list[str]) -> list[bytes]:
    raw = made_by.encode()
    prefix = blake2b(len(raw).to_bytes(8, "little") + raw, digest_size=_KEY_BYTES)
    return [_digest(prefix, text) for text in texts]


def _digest(prefix: blake2b, text: str) -> bytes:
    hasher = prefix.copy()
    hasher.update(text.encode())
    return hasher.digest()


class MemoryStore:
    """An in-memory `EmbeddingStore` that evicts the least recently used vectors. Thread-safe.

    Args:
        max_bytes: limit for keys, vectors and their overhead in Python.
    """

    # Measured: an array header, a bytes header and an OrderedDict entry take some 300 bytes.
    _OVERHEAD = 300

    def __init__(self, max_bytes: int = 64 * 2**20) -> None:
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 0:
            raise InvalidArgument("max_bytes must be a whole number of at least 0", name="max_bytes", value=max_bytes)
        self._max_bytes = max_bytes
        self._bytes = 0
        self._vectors: OrderedDict[bytes, FloatVector] = OrderedDict()
        self._lock = new_lock()

    def get_many(self, keys: Sequence[bytes]) -> list[FloatVector | None]:
        with self._lock:
            return [self._get(key) for key in keys]

    def put_many(self, keys: Sequence[bytes], vectors: FloatMatrix) -> None:
        with self._lock:
            for key, vector in zip(keys, vectors, strict=True):
                self._put(key, vector)

    def clear(self) -> None:
        with self._lock:
            self._vectors.clear()
            self._bytes = 0

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def used_bytes(self) -> int:
        return self._bytes

    def _get(self, key: bytes) -> FloatVector | None:
        vector = self._vectors.get(key)
        if vector is not None:
            self._vectors.move_to_end(key)
        return vector

    def _put(self, key: bytes, vector: FloatVector) -> None:
        self._drop(key)
        kept = vector.copy()  # a view would keep the whole batch alive
        kept.flags.writeable = False
        self._vectors[key] = kept
        self._bytes += self._size(key, kept)
        while self._bytes > self._max_bytes and self._vectors:  # an interrupt may have left one uncounted
            self._drop(next(iter(self._vectors)))

    def _drop(self, key: bytes) -> None:
        vector = self._vectors.pop(key, None)
        if vector is not None:
            self._bytes -= self._size(key, vector)

    def _size(self, key: bytes, vector: FloatVector) -> int:
        return len(key) + vector.nbytes + self._OVERHEAD
