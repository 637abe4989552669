"""A cross-encoder in ONNX: a BERT that reads query and text together and scores how well the text answers the query."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatVector
from ..encoders.onnx_inputs import TextInputs, Tokens
from ..encoders.onnx_model import OnnxModel, told_device
from ..encoders.wordpiece import load_tokenizer, padding_of
from ..errors import InvalidArgument

__all__ = ["CrossEncoder", "cross_encoder_named"]

MAX_TOKENS = 512
VOCABULARY_FILE = "vocab.txt"
SEPARATOR = "::"

# [CLS], a token of the query, [SEP], a token of the text, [SEP].
_LEAST_TOKENS = 5
_TOKENS_PER_BATCH = 4096


class CrossEncoder:
    """A BERT-like model from an .onnx file, with one output per pair, or two of which the second means "relevant".

    The score is the logistic function of the one output, or the softmax of the two: from 0 to 1.

    Args:
        model_path: the .onnx file; inputs as for `OnnxTextEncoder`.
        vocab_path: the WordPiece vocabulary; by default `vocab.txt` beside the model.
        max_tokens: of query and text together; the longer of the two is truncated at its end.
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
        self.name = f"onnx:{model}"
        self._model = OnnxModel(model, device, num_threads)
        self._inputs = TextInputs(self._model)
        self._tokenizer = load_tokenizer(vocabulary, min(max_tokens, self._inputs.length or max_tokens))
        self._padding = padding_of(self._tokenizer)
        self.device = told_device(self._model, device, self.name)

    def rerank(self, query: str, texts: Sequence[str]) -> FloatVector:
        """See `Reranker.rerank`."""
        encodings = self._tokenizer.encode_batch([(query, text) for text in texts])
        pairs = [(np.array(one.ids, np.int64), np.array(one.type_ids, np.int64)) for one in encodings]
        scores = np.empty(len(pairs), dtype=np.float32)
        order = sorted(range(len(pairs)), key=lambda place: len(pairs[place][0]))  # so that batches need little padding
        start = 0
        while start < len(order):
            batch = order[start : start + self._batch(len(pairs[order[start]][0]))]
            scores[batch] = self._scores([pairs[place] for place in batch])
            start += len(batch)
        return scores

    def _batch(self, length: int) -> int:
        if not self._inputs.masked:
            return 1  # padding would change the scores
        return self._inputs.batch or max(1, _TOKENS_PER_BATCH // (self._inputs.length or length))

    def _scores(self, pairs: Sequence[tuple[Tokens, Tokens]]) -> NDArray[np.float64]:
        rows = [*pairs, *[pairs[0]] * ((self._inputs.batch or 0) - len(pairs))]  # filler for a fixed batch
        length = self._inputs.length or max(len(ids) for ids, _ in rows)
        ids = np.full((len(rows), length), self._padding, dtype=np.int64)
        mask, types = np.zeros_like(ids), np.zeros_like(ids)
        for row, (tokens, kinds) in enumerate(rows):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
            types[row, : len(kinds)] = kinds
        output = self._model.run(self._inputs.feeds(ids, mask, types))
        logits = np.asarray(output, dtype=np.float64)
        if logits.ndim == 1:
            logits = logits[:, np.newaxis]
        if logits.ndim != 2 or len(logits) != len(ids) or logits.shape[1] not in (1, 2):
            raise self._model.error(
                f"the model's first output has shape {logits.shape} for {len(ids)} pairs of texts",
                remedy="A cross-encoder's is (pairs, 1), or (pairs, 2) with the second for relevant.",
            )
        margin = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
        return _logistic(margin)[: len(pairs)]


def cross_encoder_named(option: str) -> CrossEncoder:
    """Returns the cross-encoder of "MODEL" or "MODEL::VOCABULARY"."""
    model, _, vocabulary = option.partition(SEPARATOR)
    return CrossEncoder(model, vocabulary or None)


def _logistic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-value)), without overflow."""
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1.0, small) / (1.0 + small)
