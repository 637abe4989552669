"""What a collection remembers of its encoder, and how it detects a different one.

What an encoder declares is compared when the collection opens, which costs nothing. The vector of a fixed probe text is
compared before the first use, since a model may have changed under the same name.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ..contract import Encoder, FloatMatrix, FloatVector
from ..errors import Damaged, EncoderMismatch, EncoderNotFound
from .custom import PROBE_TEXT
from .onnx_text import are_files_of
from .registry import SERVED, resolve

# Below this cosine two probe vectors come from different models. Float16 storage, another BLAS and 8-bit weights all
# stay above 0.9995; two trained models of one shape do not come near it.
SAME_PROBE = 0.999
_SAME_LENGTH = 0.02  # relative; changes that keep the direction change the length by less


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """The identity of an encoder, as stored in a collection.

    Attributes:
        probe: the vector of `PROBE_TEXT`, scaled to unit length: little-endian float16, in base64.
        query_probe: the same for `PROBE_TEXT` as a query; empty if queries are encoded like texts.
        probe_length, query_probe_length: lengths of these vectors before scaling, which matter under L2 and inner
            product; 0 if unknown, as in collections of earlier versions.
    """

    name: str
    version: str
    dim: int
    fingerprint: str
    probe: str
    query_probe: str = ""
    probe_length: float = 0.0
    query_probe_length: float = 0.0

    def describe(self) -> str:
        """A description for people: "minilm (version 2, 384 dimensions)"."""
        return _describe(self)

    def to_json(self) -> str:
        fields = asdict(self)
        for field in ("query_probe", "probe_length", "query_probe_length"):
            if not fields[field]:
                del fields[field]
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> EncoderIdentity:
        """Reads the identity that `to_json` wrote; anything else raises `Damaged`."""
        try:
            identity = cls(**json.loads(text))
            identity.check_types()
        except (ValueError, TypeError) as error:
            raise Damaged(
                "the stored identity of the encoder cannot be read",
                name="encoder",
                value=text,
                remedy="Restore the collection from a backup.",
            ) from error
        return identity

    def check_types(self) -> None:
        """Raises ValueError unless every field has its declared type, the probe included."""
        texts = (self.name, self.version, self.fingerprint, self.probe, self.query_probe)
        if not all(isinstance(text, str) for text in texts) or type(self.dim) is not int:
            raise ValueError("a field of the identity has another type")
        if not all(type(length) in (int, float) and length >= 0 for length in self._lengths):
            raise ValueError("the length of a probe is none")
        for probe in filter(None, (self.probe, self.query_probe)):
            if _vector_from(probe).shape != (self.dim,):
                raise ValueError("the probe has another dimension than the identity")

    def matches(self, other: EncoderIdentity) -> bool:
        """Whether both describe the same encoder and their probe vectors agree."""
        probes = ((self.probe, other.probe), (self._of_query, other._of_query))
        agree = all(_agree(_vector_from(one), _vector_from(two)) for one, two in probes)
        alike = all(map(_alike, self._lengths, other._lengths))
        return _differences(self, other) == [] and agree and alike

    @property
    def _lengths(self) -> tuple[float, float]:
        return self.probe_length, self.query_probe_length

    @property
    def _of_query(self) -> str:
        return self.query_probe or self.probe


def identity_of(encoder: Encoder) -> EncoderIdentity:
    """Returns the identity of `encoder` to store. Encodes the probe text, so weights are loaded."""
    probe, length = _probe(encoder.encode)
    query_probe, query_length = _probe(encoder.encode_query) if encoder.query_differs else (None, 0.0)
    return EncoderIdentity(
        name=encoder.name,
        version=encoder.version,
        dim=encoder.dim,
        fingerprint=encoder.fingerprint,
        probe=_text_from(probe),
        query_probe="" if query_probe is None else _text_from(query_probe),
        probe_length=length,
        query_probe_length=query_length,
    )


def check_same(stored: EncoderIdentity, encoder: Encoder, *, collection: str) -> None:
    """Raises `EncoderMismatch` if `encoder` declares another identity than the stored one. Encodes nothing."""
    differing = _differences(stored, encoder)
    if differing:
        raise _mismatch(stored, encoder, collection, f"they differ in {', '.join(differing)}")


def check_probe(stored: EncoderIdentity, encoder: Encoder, *, collection: str) -> None:
    """Raises `EncoderMismatch` if `encoder` returns other vectors than the stored one did; once per opening."""
    vector, length = _probe(encoder.encode)
    if not _agree(_vector_from(stored.probe), vector) or not _alike(stored.probe_length, length):
        raise _mismatch(stored, encoder, collection, "they give different vectors for the same text")
    if not encoder.query_differs and not stored.query_probe:
        return
    vector, length = _probe(encoder.encode_query)
    wanted = stored.query_probe_length if stored.query_probe else stored.probe_length
    if not _agree(_vector_from(stored.query_probe or stored.probe), vector) or not _alike(wanted, length):
        raise _mismatch(stored, encoder, collection, "they give different vectors for the same query")


def restore(stored: EncoderIdentity, *, collection: str) -> Encoder:
    """Returns the registered encoder that `stored` names, checked; weights are loaded at its first use."""
    *outer, option = _parts(stored.name)
    if SERVED.intersection(outer):  # the contents of a file must not make a program send its texts anywhere
        raise EncoderNotFound(
            f"collection {collection!r} was made with encoder {stored.describe()}, which sends texts to a server",
            name="encoder",
            value=stored.name,
            remedy=f"Say that it may: open the collection with encoder={stored.name!r}.",
        )
    if "onnx" in outer and not are_files_of(option, stored.fingerprint):
        raise EncoderMismatch(
            f"collection {collection!r} was made with other files than those at {option!r}",
            name="encoder",
            value=stored.name,
            remedy="Put the files back, or open it with encoder=... made from those that it was made with.",
        )
    try:
        encoder = resolve(stored.name)
    except EncoderNotFound as error:
        raise EncoderNotFound(
            f"collection {collection!r} was made with encoder {stored.describe()}, which is not registered",
            name="encoder",
            value=stored.name,
            remedy="Open it with encoder=..., or register(name, factory) it first.",
        ) from error
    check_same(stored, encoder, collection=collection)
    return encoder


def _describe(encoder: Encoder | EncoderIdentity) -> str:
    return f"{encoder.name} (version {encoder.version}, {encoder.dim} dimensions)"


def _differences(stored: EncoderIdentity, other: Encoder | EncoderIdentity) -> list[str]:
    fields = ("name", "version", "dim", "fingerprint")
    differing = [field for field in fields if getattr(stored, field) != getattr(other, field)]
    # Files may move; the fingerprint of their contents proves that they are the same.
    if differing == ["name"] and _without_place(stored.name) == _without_place(other.name):
        return []
    return differing


def _without_place(name: str) -> list[str]:
    """The parts of a name, such as "projected:512:onnx", without the files that follow "onnx"."""
    parts = _parts(name)
    return parts[:-1] if "onnx" in parts[:-1] else parts


def _parts(name: str) -> list[str]:
    """The parts of a name; everything after "onnx" is one part, because a path may contain colons."""
    parts = name.split(":")
    if "onnx" not in parts[:-1]:
        return parts
    end = parts.index("onnx") + 1
    return [*parts[:end], ":".join(parts[end:])]


def _mismatch(stored: EncoderIdentity, encoder: Encoder, collection: str, reason: str) -> EncoderMismatch:
    return EncoderMismatch(
        f"collection {collection!r} was made with encoder {stored.describe()}, not with {_describe(encoder)}: {reason}",
        name="encoder",
        value=encoder,
        remedy="Open it with the encoder it was made with, or make a new collection and add the texts again.",
    )


def _probe(encode: Callable[[Sequence[str]], FloatMatrix]) -> tuple[FloatVector, float]:
    """The unit vector of the probe text, which fits float16 whatever its scale, and its original length."""
    vector = encode([PROBE_TEXT])[0].astype(np.float64)
    length = float(np.linalg.norm(vector))
    unit: FloatVector = (vector / (length or 1.0)).astype(np.float32)
    return unit, length


def _alike(one: float, other: float) -> bool:
    """Whether two lengths may belong to vectors of one encoder; a length of 0 means unknown."""
    return not one or not other or abs(one - other) <= _SAME_LENGTH * max(one, other)


def _agree(one: FloatVector, other: FloatVector) -> bool:
    if one.shape != other.shape:
        return False
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    if norms == 0:  # a custom encoder may know no word of the probe
        return not one.any() and not other.any()
    return float(one @ other) >= SAME_PROBE * norms


def _text_from(vector: FloatVector) -> str:
    return base64.b64encode(vector.astype("<f2").tobytes()).decode("ascii")


def _vector_from(text: str) -> FloatVector:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("the probe is not base64") from error
    return np.frombuffer(raw, dtype="<f2").astype(np.float32)
