"""The forward pass of a BERT encoder in NumPy: token ids in, one mean vector per text out.

Texts are not padded. All tokens of a batch lie one after the other in one matrix, `runs` says where
each text is, and every layer but attention sees only that matrix; attention works on runs of texts of
equal length. So no mask is needed, and no time goes into padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix, FloatVector
from .gelu import double_gelu

Weights = Mapping[str, NDArray[np.float32]]
TokenIds = NDArray[np.int32]

_EPSILON = np.float32(1e-12)

# Attention is many small products. OpenBLAS shares one out among threads from 2**18 multiplications
# on, and then waiting for the threads costs more than the product; heads of 32 stay below with this.
_SCORES_PER_PRODUCT = 1 << 13


@dataclass(frozen=True, slots=True)
class Run:
    """`count` texts of `length` tokens each, the first token in row `start`."""

    start: int
    count: int
    length: int

    @property
    def rows(self) -> slice:
        return slice(self.start, self.start + self.count * self.length)


@dataclass(frozen=True, slots=True)
class Affine:
    """x @ weight + bias, with the weight laid out (in, out): faster than its transpose for few rows."""

    weight: FloatMatrix
    bias: FloatVector

    def __call__(self, x: FloatMatrix) -> FloatMatrix:
        result = x @ self.weight
        result += self.bias
        return result


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Rows to mean 0 and variance 1, then scaled and shifted; in place."""

    gain: FloatVector
    bias: FloatVector

    def apply(self, x: FloatMatrix) -> None:
        x -= x.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", x, x) / np.float32(x.shape[1])
        x *= (1 / np.sqrt(variance + _EPSILON))[:, None]
        x *= self.gain
        x += self.bias


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer; `project` gives query, key and value side by side in one product."""

    heads: int
    project: Affine
    attended: Affine
    attended_norm: LayerNorm
    widen: Affine
    narrow: Affine
    norm: LayerNorm

    def apply(self, x: FloatMatrix, runs: Sequence[Run]) -> FloatMatrix:
        mixed = self.attended(self._attend(self.project(x), runs))
        mixed += x
        self.attended_norm.apply(mixed)
        wide = self.widen(mixed)
        double_gelu(wide)
        result = self.narrow(wide)
        result += mixed
        self.norm.apply(result)
        return result

    def _attend(self, projected: FloatMatrix, runs: Sequence[Run]) -> FloatMatrix:
        context = np.empty((len(projected), projected.shape[1] // 3), dtype=np.float32)
        for run in runs:
            shape = (run.count, run.length, 3, self.heads, -1)
            query, key, value = projected[run.rows].reshape(shape).transpose(2, 0, 3, 1, 4)
            out = context[run.rows].reshape(run.count, run.length, self.heads, -1).transpose(0, 2, 1, 3)
            step = max(1, _SCORES_PER_PRODUCT // run.length)
            for start in range(0, run.length, step):
                rows = slice(start, start + step)
                scores = query[:, :, rows] @ key.swapaxes(2, 3)
                _softmax(scores)
                out[:, :, rows] = scores @ value
        return context


def _softmax(scores: FloatMatrix) -> None:
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)


class Bert:
    """The weights, arranged for speed, and the pass through them.

    Args:
        weights: the tensors of a `BertModel` under their published names.
        heads: attention heads per layer; the only thing that the shapes do not tell.
    """

    def __init__(self, weights: Weights, heads: int) -> None:
        self._words = weights["embeddings.word_embeddings.weight"]
        # Every token is of type 0 where there is only one sentence, so its vector joins the positions.
        first_type = weights["embeddings.token_type_embeddings.weight"][0]
        self._positions = weights["embeddings.position_embeddings.weight"] + first_type
        self._norm = _layer_norm(weights, "embeddings.LayerNorm")
        self._layers = [_layer(weights, prefix, heads) for prefix in _layer_prefixes(weights)]

    def means(self, texts: Sequence[TokenIds]) -> FloatMatrix:
        """The mean of the last layer over the tokens of each text; texts ascend or descend in length."""
        runs = list(_runs(texts))
        x = self._embed(texts)
        for layer in self._layers:
            x = layer.apply(x, runs)
        return np.concatenate([x[run.rows].reshape(run.count, run.length, -1).mean(axis=1) for run in runs])

    def _embed(self, texts: Sequence[TokenIds]) -> FloatMatrix:
        x = self._words[np.concatenate(texts)]
        x += np.concatenate([self._positions[: len(text)] for text in texts])
        self._norm.apply(x)
        return x


def _runs(texts: Sequence[TokenIds]) -> Iterator[Run]:
    start = 0
    for length, group in groupby(texts, key=len):
        run = Run(start, sum(1 for _ in group), length)
        yield run
        start = run.rows.stop


def _layer_prefixes(weights: Weights) -> Iterator[str]:
    number = 0
    while f"encoder.layer.{number}.output.dense.weight" in weights:
        yield f"encoder.layer.{number}"
        number += 1


def _layer(weights: Weights, prefix: str, heads: int) -> Layer:
    return Layer(
        heads=heads,
        project=_projection(weights, f"{prefix}.attention.self", heads),
        attended=_affine(weights, f"{prefix}.attention.output.dense"),
        attended_norm=_layer_norm(weights, f"{prefix}.attention.output.LayerNorm"),
        widen=_affine(weights, f"{prefix}.intermediate.dense"),
        narrow=_affine(weights, f"{prefix}.output.dense", scale=0.5),  # undoes the 2 of double_gelu
        norm=_layer_norm(weights, f"{prefix}.output.LayerNorm"),
    )


def _projection(weights: Weights, prefix: str, heads: int) -> Affine:
    """Query, key and value as one product; the query carries the 1 / sqrt(head width) of the scores."""
    parts = [_affine(weights, f"{prefix}.{part}") for part in ("query", "key", "value")]
    scale = np.float32((len(parts[0].bias) / heads) ** -0.5)
    scales = (scale, np.float32(1), np.float32(1))
    return Affine(
        np.concatenate([part.weight * factor for part, factor in zip(parts, scales, strict=True)], axis=1),
        np.concatenate([part.bias * factor for part, factor in zip(parts, scales, strict=True)]),
    )


def _affine(weights: Weights, prefix: str, scale: float = 1.0) -> Affine:
    weight = np.ascontiguousarray(weights[f"{prefix}.weight"].T) * np.float32(scale)
    return Affine(weight, weights[f"{prefix}.bias"])


def _layer_norm(weights: Weights, prefix: str) -> LayerNorm:
    return LayerNorm(weights[f"{prefix}.weight"], weights[f"{prefix}.bias"])
