"""The inputs of a text model in ONNX: the role, size and type of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .onnx_model import DTYPES, OnnxModel

_ROLES = ("ids", "mask", "types")
_INTEGERS = ("tensor(int64)", "tensor(int32)")

Tokens = NDArray[np.int64]


class TextInputs:
    """The inputs of `model` as ids, attention mask and token types.

    Attributes:
        length: number of tokens that every text must have, or None if the model accepts any number.
        batch: number of texts that every run must have, or None.
        masked: whether the model receives an attention mask.

    Raises:
        ModelUnavailable: the inputs are not one to three matrices of whole numbers.
    """

    def __init__(self, model: OnnxModel) -> None:
        inputs = model.inputs
        matrices = all(given.type in _INTEGERS and len(given.shape) in (0, 2) for given in inputs)
        if not matrices or not 1 <= len(inputs) <= len(_ROLES):
            raise model.error(
                f"a text model takes token ids, attention mask and token types, this one {model.describe_inputs()}",
                remedy="Give the .onnx file of a BERT-like text model.",
            )
        self._roles = {given.name: role for given, role in zip(inputs, _roles([given.name for given in inputs]))}
        self._dtypes = {given.name: DTYPES[given.type] for given in inputs}
        self.batch = _fixed([given.shape for given in inputs], 0)
        self.length = _fixed([given.shape for given in inputs], 1)
        self.masked = "mask" in self._roles.values()

    def feeds(self, ids: Tokens, mask: Tokens, types: Tokens | None = None) -> dict[str, NDArray[Any]]:
        """Returns the feeds for `OnnxModel.run`.

        Args:
            types: 0 for tokens of a first text, 1 for those of a second; omitted if there is only one.
        """
        arrays = {"ids": ids, "mask": mask, "types": np.zeros_like(ids) if types is None else types}
        return {name: arrays[role].astype(self._dtypes[name]) for name, role in self._roles.items()}


def _roles(names: list[str]) -> list[str]:
    """By name if every name reveals its role, else by position."""
    found = [_role(name.lower()) for name in names]
    if len(set(found)) == len(found) and "ids" in found and None not in found:
        return [role for role in found if role]
    return list(_ROLES[: len(names)])


def _role(name: str) -> str | None:
    if "mask" in name:
        return "mask"
    if "type" in name or "segment" in name:
        return "types"
    return "ids" if "ids" in name else None


def _fixed(shapes: list[list[Any]], axis: int) -> int | None:
    sizes = [shape[axis] for shape in shapes if shape and isinstance(shape[axis], int) and shape[axis] > 0]
    return sizes[0] if sizes else None
