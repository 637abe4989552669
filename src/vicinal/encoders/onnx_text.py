"""Any text model in ONNX, such as BERT or the text tower of CLIP: tokens in, one unit vector per text out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix
from ..errors import InvalidArgument
from .base import TextEncoder, check_texts
from .custom import PROBE_TEXT
from .onnx_inputs import TextInputs, Tokens
from .onnx_model import OnnxModel, digest, digest_of_model, told_device, unit_rows
from .wordpiece import count_tokens, counting, load_tokenizer, padding_of

MAX_TOKENS = 256
VOCABULARY_FILE = "vocab.txt"
# Separates the parts of a name: "onnx:MODEL::VOCABULARY::TOKENS".
SEPARATOR = "::"

# [CLS], one token, [SEP].
_LEAST_TOKENS = 3
# Tokens per run, padding included: enough work for the matrix products, a few megabytes per layer.
_TOKENS_PER_BATCH = 4096
# Texts that are tokenised and sorted by length together: bounds memory for long lists.
_TEXTS_PER_WINDOW = 4096


class OnnxTextEncoder(TextEncoder):
    """A text model from an .onnx file and its vocabulary.

    Its inputs are ids, attention mask and token types, recognised by name or otherwise taken in this order; the last
    one or two may be missing. Their length may be free or fixed. The first output is either one vector per token, which
    are averaged over the tokens of the text, or already one vector per text.

    Args:
        model_path: the .onnx file.
        vocab_path: the WordPiece vocabulary, or a tokenizer.json of any kind, as CLIP has; by default `vocab.txt`
            beside the model.
        max_tokens: longer texts are truncated; a model of fixed length truncates at that length, too.
        device: "cpu", "cuda" or "directml"; falls back to "cpu" with a warning if unavailable.
        num_threads: threads of onnxruntime; 0 lets it decide.

    Raises:
        MissingExtra: onnxruntime or tokenizers is not installed.
        ModelUnavailable: a file does not exist, is not such a model, or is not such a vocabulary.
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str],
        vocab_path: str | os.PathLike[str] | None = None,
        *,
        max_tokens: int = MAX_TOKENS,
        device: str = "cpu",
        num_threads: int = 0,
    ) -> None:
        if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < _LEAST_TOKENS:
            raise InvalidArgument(
                f"max_tokens must be a whole number of at least {_LEAST_TOKENS}", name="max_tokens", value=max_tokens
            )
        model = Path(os.path.abspath(os.path.expanduser(model_path)))
        vocabulary = (
            Path(os.path.abspath(os.path.expanduser(vocab_path))) if vocab_path else model.with_name(VOCABULARY_FILE)
        )
        self.name = _name(model, vocabulary, max_tokens)
        self._model = OnnxModel(model, device, num_threads)
        self._inputs = TextInputs(self._model)
        length = min(max_tokens, self._inputs.length or max_tokens)
        self._tokenizer = load_tokenizer(vocabulary, length)
        self._counting = counting(self._tokenizer)
        self.max_tokens = length - self._counting.num_special_tokens_to_add(is_pair=False)
        self._padding = padding_of(self._tokenizer)
        weights = self._model.digest()
        self.fingerprint = f"onnx/{weights}/{digest(vocabulary)}/mean/{length}"
        self.version = weights[:12]
        self.device = told_device(self._model, device, self.name)
        self.dim = self._pooled(self._tokenize([PROBE_TEXT])).shape[1]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, however long, without [CLS] and [SEP]."""
        return count_tokens(self._counting, check_texts(texts))

    def _encode(self, texts: list[str]) -> FloatMatrix:
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS_PER_WINDOW):
            tokens = self._tokenize(texts[start : start + _TEXTS_PER_WINDOW])
            for batch in self._batches(tokens):
                rows = self._pooled([tokens[index] for index in batch])
                vectors[[start + index for index in batch]] = unit_rows(rows, self.name)
        return vectors

    def _tokenize(self, texts: list[str]) -> list[Tokens]:
        encodings = self._tokenizer.encode_batch_fast(texts)
        return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]

    def _batches(self, tokens: list[Tokens]) -> Iterator[list[int]]:
        """Groups texts of similar length, so that there is little padding.

        If the model takes no mask, their lengths are equal, since padding would change its vectors.
        """
        batch: list[int] = []
        for index in sorted(range(len(tokens)), key=lambda index: len(tokens[index])):
            length = self._inputs.length or len(tokens[index])
            full = len(batch) >= (self._inputs.batch or max(1, _TOKENS_PER_BATCH // length))
            longer = bool(batch) and len(tokens[batch[0]]) < len(tokens[index])
            if batch and (full or (longer and not self._inputs.masked)):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _pooled(self, tokens: list[Tokens]) -> NDArray[Any]:
        """Returns one vector per text, of any length, shape (len(tokens), dim)."""
        ids, mask = self._padded(tokens)
        output = self._model.run(self._inputs.feeds(ids, mask))
        if output.ndim == 2 and len(output) == len(ids):
            return output[: len(tokens)]
        if output.shape[:-1] != ids.shape:
            raise self._model.error(
                f"the model's first output has shape {output.shape} for {len(ids)} texts of {ids.shape[1]} tokens",
                remedy="It must be (texts, tokens, dimensions) or (texts, dimensions).",
            )
        weights = (mask / mask.sum(axis=1, keepdims=True)).astype(np.float32)
        means: NDArray[Any] = np.einsum("ijk,ij->ik", output.astype(np.float32, copy=False), weights)
        return means[: len(tokens)]

    def _padded(self, tokens: list[Tokens]) -> tuple[Tokens, Tokens]:
        """Returns ids and mask; rows that only fill a fixed batch are copies of the first."""
        rows = tokens + [tokens[0]] * ((self._inputs.batch or 0) - len(tokens))
        length = self._inputs.length or max(map(len, rows))
        ids = np.full((len(rows), length), self._padding, dtype=np.int64)
        mask = np.zeros((len(rows), length), dtype=np.int64)
        for row, text in enumerate(rows):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1
        return ids, mask


def encoder_named(option: str) -> OnnxTextEncoder:
    """Returns the encoder of "MODEL", "MODEL::VOCABULARY" or "MODEL::VOCABULARY::TOKENS"."""
    model, vocabulary, max_tokens = _files_and_tokens(option)
    return OnnxTextEncoder(model, vocabulary, max_tokens=max_tokens)


def are_files_of(option: str, fingerprint: str) -> bool:
    """Whether the files in an option match a fingerprint, or one does not exist. Does not run the model."""
    model, vocabulary, _ = _files_and_tokens(option)
    weights = Path(model)
    words = Path(vocabulary) if vocabulary else weights.with_name(VOCABULARY_FILE)
    if not weights.exists() or not words.exists():
        return True
    if not weights.is_file() or not words.is_file():
        return False  # reading from a device may never end
    return f"onnx/{digest_of_model(weights)}/{digest(words)}/" in fingerprint


def _files_and_tokens(option: str) -> tuple[str, str | None, int]:
    """Splits "MODEL", "MODEL::VOCABULARY" or "MODEL::VOCABULARY::TOKENS"."""
    model, *rest = option.split(SEPARATOR)
    if not model or len(rest) > 2 or (len(rest) == 2 and not (rest[1].isascii() and rest[1].isdigit())):
        raise InvalidArgument(
            f"the option of encoder 'onnx' is a model and its vocabulary, not {option!r}",
            name="encoder",
            value=option,
            remedy="Write for example 'onnx:model.onnx' or 'onnx:model.onnx::vocab.txt'.",
        )
    return model, rest[0] if rest else None, int(rest[1]) if len(rest) == 2 else MAX_TOKENS


def _name(model: Path, vocabulary: Path, max_tokens: int) -> str:
    """The shortest name by which `encoder_named` finds the same files and options."""
    parts = [str(model)]
    if max_tokens != MAX_TOKENS:
        parts += [str(vocabulary), str(max_tokens)]
    elif vocabulary != model.with_name(VOCABULARY_FILE):
        parts += [str(vocabulary)]
    return f"onnx:{SEPARATOR.join(parts)}"
