"""An ONNX file in onnxruntime: opened on a device, described, hashed, run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix
from ..errors import InvalidArgument, InvalidVector, MissingExtra, ModelUnavailable
from ..warn import warn_user

if TYPE_CHECKING:
    import onnxruntime

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "directml": "DmlExecutionProvider"}
DTYPES = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}
# Weights beyond 2 GB are beside the model, under one of these names by convention of the exporters.
_WEIGHT_SUFFIXES = ("_data", ".data")
_ERRORS_ONLY = 3


class OnnxModel:
    """An onnxruntime session; threads may share it.

    Args:
        path: the .onnx file.
        device: "cpu", "cuda" or "directml".
        num_threads: threads within an operation; 0 lets onnxruntime decide.

    Attributes:
        device: where it actually runs: "cpu" if the requested device is unavailable.
        inputs: its inputs, each with `name`, `shape` (numbers, or names where the size is free) and `type`.

    Raises:
        MissingExtra: onnxruntime is not installed.
        ModelUnavailable: the file does not exist or is not a model.
    """

    def __init__(self, path: str | os.PathLike[str], device: str = "cpu", num_threads: int = 0) -> None:
        self.path = Path(os.path.abspath(os.path.expanduser(path)))
        self._session = _open(self.path, device, num_threads)
        provider = self._session.get_providers()[0]
        self.device = next((name for name, found in PROVIDERS.items() if found == provider), provider)
        self.inputs = self._session.get_inputs()
        self._first_output = self._session.get_outputs()[0].name

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Returns the first output for these inputs, given by name."""
        try:
            output = self._session.run([self._first_output], dict(feeds))[0]
        except Exception as error:  # onnxruntime has no common base class for its errors
            shapes = ", ".join(f"{name} {array.shape}" for name, array in feeds.items())
            raise self.error(f"the model failed on {shapes} ({_reason(error)})") from error
        return np.asarray(output)

    def digest(self) -> str:
        """SHA-256 of the file and the weights beside it, 32 hexadecimal digits. Reads the files."""
        return digest_of_model(self.path)

    def error(self, message: str, remedy: str = "") -> ModelUnavailable:
        return ModelUnavailable(message, name="model_path", value=str(self.path), place=str(self.path), remedy=remedy)

    def describe_inputs(self) -> str:
        """A description for errors: "ids tensor(int64) [1, 256]"."""
        return ", ".join(f"{given.name} {given.type} {given.shape}" for given in self.inputs) or "none"


def digest_of_model(path: Path) -> str:
    """SHA-256 of the file and the weights beside it, 32 hexadecimal digits."""
    beside = [path.with_name(path.name + suffix) for suffix in _WEIGHT_SUFFIXES]
    return digest(path, *(weights for weights in beside if weights.is_file()))


def digest(*paths: Path) -> str:
    """SHA-256 over the contents of the files in order, 32 hexadecimal digits."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:32]


def told_device(model: OnnxModel, asked: str, name: str) -> str:
    """Returns the device of the model; warns if it is not the requested one."""
    if model.device != asked:
        warn_user(
            f"device={asked!r} is not available to onnxruntime here; encoder {name!r} runs on {model.device!r}",
            RuntimeWarning,
        )
    return model.device


def unit_rows(vectors: NDArray[Any], name: str) -> FloatMatrix:
    """Scales rows to unit length, float32; a zero row becomes the diagonal, since no encoder returns a zero vector."""
    rows = np.array(vectors, dtype=np.float64)
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise InvalidVector(f"encoder {name!r} returned NaN or infinity", name="encoder", value=rows[row])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    zero = lengths[:, 0] == 0
    rows[zero] = 1.0
    lengths[zero] = np.sqrt(rows.shape[1])
    return np.ascontiguousarray(rows / lengths, dtype=np.float32)


def _open(path: Path, device: str, num_threads: int) -> onnxruntime.InferenceSession:
    if device not in PROVIDERS:
        known = ", ".join(repr(name) for name in PROVIDERS)
        raise InvalidArgument(f"device must be one of {known}", name="device", value=device)
    if isinstance(num_threads, bool) or not isinstance(num_threads, int) or num_threads < 0:
        raise InvalidArgument("num_threads must be a whole number of at least 0", name="num_threads", value=num_threads)
    if find_spec("onnxruntime") is None:
        raise MissingExtra("onnxruntime", "onnx", "an ONNX model")
    if not path.is_file():
        raise ModelUnavailable("there is no such file", name="model_path", value=str(path), place=str(path))
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # otherwise Windows builds send telemetry to Microsoft
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.log_severity_level = _ERRORS_ONLY
    wanted = [PROVIDERS[device], PROVIDERS["cpu"]]
    if device == "directml":
        options.enable_mem_pattern = False  # not supported by DirectML
    available = onnxruntime.get_available_providers()
    providers = [name for name in dict.fromkeys(wanted) if name in available]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime has no common base class for its errors
        raise ModelUnavailable(
            f"the file is not a model that onnxruntime can run ({_reason(error)})",
            name="model_path",
            value=str(path),
            place=str(path),
        ) from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
