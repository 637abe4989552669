"""Models by the names that clients use; the settings map each to an encoder or reranker of Vicinal."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, OrderedDict
from typing import Any, Final

from ...contract import FloatMatrix, Reranker
from ...encoders.base import TextEncoder
from ...encoders.image_base import ImageEncoder
from ...encoders.image_registry import resolve_image
from ...encoders.registry import resolve
from ...inputs.sparse import DIMENSION_MAX
from ...locks import new_lock
from ...rerankers.registry import reranker_of
from ..settings import ServerSettings
from .answers import invalid, missing
from .pictures import opened
from .schema import DIMENSION_MAX as VECTOR_MAX

__all__ = ["Models", "hashed", "sparse_of"]

_HELD_MAX: Final = 16
_IMAGE: Final = "image:"
_RERANK: Final = "rerank:"


class Models:
    """The models of one worker. Thread-safe."""

    def __init__(self, settings: ServerSettings) -> None:
        self._specs = dict(one.split("=", 1) for one in settings.models)
        self._lock = new_lock()
        self._held: OrderedDict[str, Any] = OrderedDict()

    def has(self, model: str) -> bool:
        return model in self._specs

    def encoder_name(self, model: str, dim: int | None) -> str:
        """Returns the engine's name of a model's text encoder. Raises Refusal if there is none."""
        spec = self._spec(model)
        if spec.startswith((_IMAGE, _RERANK)):
            raise invalid(f"the model {model!r:.80} takes no texts", "model", model)
        if dim is None or self._text(spec).dim == dim:
            return spec
        if not 1 <= dim <= VECTOR_MAX:
            raise invalid(f"dim is from 1 to {VECTOR_MAX:,}", "dim", dim)
        return f"projected:{dim}:{spec}"

    def text(self, model: str, dim: int | None = None) -> TextEncoder:
        return self._text(self.encoder_name(model, dim))

    def image(self, model: str, dim: int | None = None) -> ImageEncoder:
        """Raises Refusal if the model does not accept images."""
        spec = self._spec(model)
        if not spec.startswith(_IMAGE):
            raise invalid(f"the model {model!r:.80} takes no images", "model", model)
        name = spec.removeprefix(_IMAGE)
        encoder: ImageEncoder = self._get(spec, lambda: resolve_image(name))
        if dim is None or encoder.dim == dim:
            return encoder
        if not 1 <= dim <= VECTOR_MAX:
            raise invalid(f"dim is from 1 to {VECTOR_MAX:,}", "dim", dim)
        projected = f"projected:{dim}:{name}"
        return self._get(_IMAGE + projected, lambda: resolve_image(projected))  # type: ignore[no-any-return]

    def picture(self, model: str, dim: int | None, image: Any) -> FloatMatrix:
        """Returns the vector of one picture, shape (1, dim)."""
        encoder = self.image(model, dim)
        with opened(image) as picture:
            return encoder.encode_images([picture])

    def reranker(self, model: str | None) -> Reranker:
        if model is None:
            raise missing("model_name")
        spec = self._spec(model)
        if not spec.startswith(_RERANK):
            raise invalid(f"the model {model!r:.80} is not a reranker", "model_name", model)
        found: Reranker = self._get(spec, lambda: reranker_of(spec.removeprefix(_RERANK)))
        return found

    def _spec(self, model: str) -> str:
        found = self._specs.get(model)
        if found is None:
            raise invalid(
                f"this server has no model {model!r:.80}",
                "model",
                model,
                f"It has {', '.join(sorted(self._specs)) or 'none'}; more are named in models of the server.",
            )
        return found

    def _text(self, spec: str) -> TextEncoder:
        found: TextEncoder = self._get(spec, lambda: resolve(spec))
        return found

    def _get(self, spec: str, make: Any) -> Any:
        with self._lock:
            if spec not in self._held:
                self._held[spec] = make()
                while len(self._held) > _HELD_MAX:
                    self._held.popitem(last=False)
            self._held.move_to_end(spec)
            return self._held[spec]


def hashed(sparse: dict[str, float]) -> dict[int, float]:
    """Converts a map of tokens to a sparse vector of the engine, whose dimensions are numbers: 32 bits of BLAKE2b."""
    found: dict[int, float] = {}
    for token, weight in sparse.items():
        digest = hashlib.blake2b(token.encode(), digest_size=8).digest()
        dimension = int.from_bytes(digest, "little") % (DIMENSION_MAX + 1)
        found[dimension] = found.get(dimension, 0.0) + weight
    return found


def sparse_of(text: str) -> dict[str, float]:
    """Words with weights 1 + ln(count), scaled to unit length: a substitute for a model's sparse vector."""
    counts = Counter(text.lower().split())
    weights = {word: 1.0 + math.log(count) for word, count in counts.items()}
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {word: weight / length for word, weight in weights.items()}
