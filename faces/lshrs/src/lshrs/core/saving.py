"""An index's configuration and projections in a directory; its buckets stay in the storage.

metadata.json     version, config, redis_config; never a password
projections.npz   one float32 array a band, without pickle
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["REDACTED", "load", "save"]

REDACTED: Final = "<REDACTED>"
_METADATA: Final = "metadata.json"
_PROJECTIONS: Final = "projections.npz"
_CONFIG: Final = ("dim", "num_perm", "num_bands", "rows_per_band", "similarity_threshold", "buffer_size", "seed")


def save(
    path: str | Path, config: Mapping[str, Any], redis: Mapping[str, Any], projections: Sequence[NDArray[np.float32]]
) -> None:
    """Writes the directory, each file whole or not at all.

    Raises:
        FileExistsError: the path is a file.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"version": 1, "config": dict(config), "redis_config": {**redis, "password": REDACTED}}
    text = json.dumps(metadata, indent=2)
    _replace(folder / _PROJECTIONS, lambda file: np.savez_compressed(file, *projections))
    _replace(folder / _METADATA, lambda file: file.write(text.encode()))


def _replace(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: str | Path) -> tuple[dict[str, Any], dict[str, Any], list[NDArray[np.float32]]]:
    """Configuration, Redis settings and projections; runs nothing that the files say.

    Raises:
        FileNotFoundError: no such directory, or a file of it is missing.
        NotADirectoryError: the path is a file.
        ValueError: the files are damaged, or do not belong together.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is a file; an index is saved as a directory")
    for name in (_METADATA, _PROJECTIONS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"there is no {name} in {str(folder)!r}")
    config, redis = _metadata(folder / _METADATA)
    return config, redis, _projections(folder / _PROJECTIONS, config)


def _metadata(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        metadata = json.loads(path.read_bytes())
        config = {name: metadata["config"][name] for name in _CONFIG}
        redis = dict(metadata["redis_config"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path.name} is damaged: {type(error).__name__} {error}") from error
    whole = [name for name in _CONFIG if name not in ("similarity_threshold", "seed")]
    for name in whole:
        if type(config[name]) is not int or config[name] < 1:
            raise ValueError(f"{path.name} is damaged: {name} is {config[name]!r}")
    if redis.get("password") == REDACTED:
        redis["password"] = None
    return config, redis


def _projections(path: Path, config: Mapping[str, Any]) -> list[NDArray[np.float32]]:
    bands, shape = config["num_bands"], (config["rows_per_band"], config["dim"])
    names = [f"arr_{band}" for band in range(bands)]
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            if sorted(file.files) != sorted(names):
                raise ValueError(f"{path.name} has {len(file.files)} matrices, the configuration says {bands}")
            matrices = [np.asarray(file[name]) for name in names]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from error
    for band, matrix in enumerate(matrices):
        if matrix.dtype != np.float32 or matrix.shape != shape or not np.isfinite(matrix).all():
            raise ValueError(
                f"{path.name}: the matrix of band {band} is {matrix.dtype} {matrix.shape}, expected float32 {shape}"
            )
    return matrices
