"""An index's configuration and projections in a directory; its buckets stay in the storage.

metadata.json     version, config, redis_config; never a password
projections.npz   one float32 array per band, without pickle
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from .checks import check_projections

__all__ = ["REDACTED", "load", "save"]

REDACTED: Final = "<REDACTED>"
_VERSION: Final = 1
_METADATA: Final = "metadata.json"
_PROJECTIONS: Final = "projections.npz"
_CONFIG: Final = ("dim", "num_perm", "num_bands", "rows_per_band", "similarity_threshold", "buffer_size", "seed")


_REDIS: Final = {
    "host": str,
    "port": int,
    "db": int,
    "password": str,
    "prefix": str,
    "decode_responses": bool,
    "max_connections": int,
}


def save(
    path: str | Path, config: Mapping[str, Any], redis: Mapping[str, Any], projections: Sequence[NDArray[np.float32]]
) -> None:
    """Writes the directory, each file atomically.

    Raises:
        FileExistsError: the path is a file.
    """
    folder = Path(path).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"version": _VERSION, "config": dict(config), "redis_config": {**redis, "password": REDACTED}}
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
    """Returns configuration, Redis settings and projections; executes nothing from the files.

    Raises:
        FileNotFoundError: the directory, or a file in it, does not exist.
        NotADirectoryError: the path is a file.
        ValueError: the files are damaged, or do not belong together.
    """
    folder = Path(path).expanduser()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is a file; an index is saved as a directory")
    for name in (_METADATA, _PROJECTIONS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"there is no {name} in {str(folder)!r}")
    config, redis = _metadata(folder / _METADATA)
    return config, redis, _projections(folder / _PROJECTIONS, config)


def _metadata(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        metadata = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
        config = {name: metadata["config"][name] for name in _CONFIG}
        redis = dict(metadata["redis_config"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path.name} is damaged: {type(error).__name__} {error}") from error
    whole = [name for name in _CONFIG if name not in ("similarity_threshold", "seed")]
    for name in whole:
        if type(config[name]) is not int or config[name] < 1:
            raise ValueError(f"{path.name} is damaged: {name} is {config[name]!r}")
    if config["num_perm"] != config["num_bands"] * config["rows_per_band"]:
        raise ValueError(f"{path.name} is damaged: num_perm is not num_bands * rows_per_band")
    threshold = config["similarity_threshold"]
    if not isinstance(threshold, float | int):
        raise ValueError(f"{path.name} is damaged: similarity_threshold is {threshold!r}")  # noqa: TRY004  # of a file
    if isinstance(metadata.get("version"), int) and metadata["version"] > _VERSION:
        raise ValueError(f"{path.name} was written by a newer version, whose format is {metadata['version']}")
    _check_redis(path.name, redis)
    if redis.get("password") == REDACTED:
        redis["password"] = None
    return config, redis


def _check_redis(file: str, redis: Mapping[str, Any]) -> None:
    """Rejects unknown settings, which would be passed to the client unchecked."""
    for name, value in redis.items():
        wanted = _REDIS.get(name)
        if wanted is None:
            raise ValueError(f"{file} is damaged: there is no setting {name!r} of Redis")
        if type(value) is not wanted and not (name == "password" and value is None):
            raise ValueError(f"{file} is damaged: {name} of Redis is {value!r}")


def _projections(path: Path, config: Mapping[str, Any]) -> list[NDArray[np.float32]]:
    bands, shape = config["num_bands"], (config["rows_per_band"], config["dim"])
    try:
        check_projections(bands, *shape)
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            names = [f"arr_{band}" for band in range(bands if len(file.files) == bands else 0)]
            if sorted(file.files) != sorted(names):
                raise ValueError(f"{path.name} has {len(file.files)} matrices, the configuration says {bands}")
            for name in names:
                _check_header(file, name, shape)
            matrices = [np.asarray(file[name]) for name in names]
    except (MemoryError, OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from error
    for band, matrix in enumerate(matrices):
        if not np.isfinite(matrix).all() or not matrix.any(axis=1).all():
            raise ValueError(f"{path.name} is damaged: the matrix of band {band} has rows of zeros or no numbers")
    return matrices


def _check_header(file: Any, name: str, shape: tuple[int, int]) -> None:
    """Checks before anything is read: a header with a false shape would have its memory allocated."""
    with file.zip.open(f"{name}.npy") as member:
        major, _ = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        found, _, dtype = read(member)
    if found != shape or dtype != np.float32:
        raise ValueError(f"the matrix {name} is {dtype} {found}, expected float32 {shape}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
