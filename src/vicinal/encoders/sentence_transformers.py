"""Models of the package sentence-transformers, which the program must install: it needs torch, so no extra has it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from ..contract import FloatMatrix
from ..errors import InvalidArgument, ModelUnavailable
from ..warn import warn_user
from .base import TextEncoder

__all__ = ["SentenceTransformerEncoder"]


class SentenceTransformerEncoder(TextEncoder):
    """`encoder="sentence-transformers:all-mpnet-base-v2"`. The model is loaded on construction.

    If a model has a prompt for queries, it is put before each query.

    Args:
        model: a name on the model hub or a folder; the package downloads what is missing.
        device: "cpu", "cuda", "cuda:1", "mps"; falls back to the CPU with a warning if unavailable.
        batch_size: texts that are encoded at once.

    Raises:
        ModelUnavailable: the package is not installed, or has no such model.
    """

    def __init__(self, model: str, *, device: str = "cpu", batch_size: int = 32) -> None:
        if not isinstance(model, str) or not model:
            raise InvalidArgument(f"model must be a text, not {model!r:.80}", name="model", value=model)
        package = _package()
        self._model, self.device = _loaded(package, model, device)
        self._batch_size = batch_size
        self.name = f"sentence-transformers:{model}"
        self.version = str(getattr(package, "__version__", ""))
        self.dim = int(self._model.get_sentence_embedding_dimension())
        self.fingerprint = _fingerprint(model, self._model)
        prompts = getattr(self._model, "prompts", None) or {}
        self.query_differs = bool(prompts.get("query") or prompts.get("document"))
        self.max_tokens = int(getattr(self._model, "max_seq_length", None) or 512)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, without those that the model puts around it."""
        found = self._model.tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []
        return [len(tokens) for tokens in found]

    def _encode(self, texts: list[str]) -> FloatMatrix:
        return self._vectors("encode_document", texts)

    def _encode_query(self, texts: list[str]) -> FloatMatrix:
        return self._vectors("encode_query", texts)

    def _vectors(self, method: str, texts: list[str]) -> FloatMatrix:
        """Calls the method for queries or for texts; versions before 5 have neither, so a prompt is named."""
        encode = getattr(self._model, method, None)
        named = {"prompt_name": "query"} if encode is None and method == "encode_query" and self.query_differs else {}
        vectors = (encode or self._model.encode)(
            texts, batch_size=self._batch_size, convert_to_numpy=True, show_progress_bar=False, **named
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)


def _package() -> Any:
    try:
        import sentence_transformers
    except ImportError:
        raise ModelUnavailable(
            "the package sentence-transformers is not installed",
            name="encoder",
            value="sentence-transformers",
            remedy="Install it with: pip install sentence-transformers",
        ) from None
    return sentence_transformers


def _loaded(package: Any, model: str, device: str) -> tuple[Any, str]:
    """Returns the model and its device."""
    try:
        return package.SentenceTransformer(model, device=device), device
    except (RuntimeError, AssertionError) as error:  # torch raises these if a device does not exist
        if device == "cpu":
            raise _unavailable(model, error) from error
        warn_user(f"device {device!r} is not available to {model!r}, which runs on the CPU: {error}", RuntimeWarning)
        return package.SentenceTransformer(model, device="cpu"), "cpu"
    except (OSError, ValueError) as error:  # its loader raises these if the model does not exist
        raise _unavailable(model, error) from error


def _unavailable(model: str, error: Exception) -> ModelUnavailable:
    return ModelUnavailable(
        f"sentence-transformers cannot load {model!r}: {error}",
        name="encoder",
        value=model,
        remedy="Check the model's name, and that it is on this machine or can be fetched.",
    )


def _fingerprint(name: str, model: Any) -> str:
    """A hash of the model's name, the shapes of its parts and, if known, the commit that it was loaded from."""
    card = getattr(model, "model_card_data", None)
    revision = getattr(card, "base_model_revision", None) or getattr(model, "_model_config", None)
    parts = [name, str(model.get_sentence_embedding_dimension()), str(revision), str(getattr(model, "prompts", None))]
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
