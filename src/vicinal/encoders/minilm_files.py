"""Finds the files of MiniLM and verifies that they are the published ones."""

from __future__ import annotations

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtra, ModelUnavailable
from ..models.cached import folder_of, is_complete
from ..models.catalogue import MINILM

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_MODEL, _TOKENIZER = MINILM.files
MODEL_SHA256, TOKENIZER_SHA256 = _MODEL.sha256, _TOKENIZER.sha256
MODEL_FILE, TOKENIZER_FILE = _MODEL.name, _TOKENIZER.name
PATH_VARIABLE = "VICINAL_MINILM_PATH"

_REMEDY = (
    "Fetch them once with: vicinal models add minilm (in Python: vicinal.models.add('minilm')), "
    f"or give the folder of {MODEL_FILE} and {TOKENIZER_FILE} as path= or in {PATH_VARIABLE}."
)


def require_packages() -> None:
    """Raises `MissingExtra` unless the optional packages can be imported."""
    for package in ("tokenizers", "safetensors"):
        if find_spec(package) is None:
            raise MissingExtra(package, "minilm", "encoder 'minilm'")


def find_folder(path: Path | None) -> Path:
    """Returns `path`, else the folder in the environment, else that of `models.add`, else the installed package's.

    A folder that is named but empty is an error: searching further would find other files than intended.
    """
    if path is not None:
        return path
    named = os.environ.get(PATH_VARIABLE)
    if named:
        return Path(named)
    cached = folder_of(MINILM)
    if is_complete(MINILM, cached):
        return cached
    package, _, inside = MINILM.folder.partition("/")
    spec = find_spec(package)  # finds without importing: the package's code must not run
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(
            "the weights of encoder 'minilm' are not on this machine", name="minilm", place=str(cached), remedy=_REMEDY
        )
    return Path(spec.submodule_search_locations[0], inside)


def weights_elsewhere() -> Path | None:
    """Where the encoder finds weights not downloaded by `models.add`: a named folder, or the package's."""
    try:
        folder = find_folder(None)
    except ModelUnavailable:
        return None
    return None if folder == folder_of(MINILM) or not is_complete(MINILM, folder) else folder


def load_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the tensors of `model.safetensors`."""
    from safetensors.numpy import load

    return load(_read_published(folder / MODEL_FILE, MODEL_SHA256))


def load_tokenizer(folder: Path) -> Tokenizer:
    """Returns the tokenizer of `tokenizer.json`."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(_read_published(folder / TOKENIZER_FILE, TOKENIZER_SHA256).decode())


def _read_published(file: Path, sha256: str) -> bytes:
    """Returns the bytes of `file`, hashed and then parsed: the file is not read twice."""
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
