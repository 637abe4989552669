"""Opens or creates the collection behind a database, and remembers its configuration.

The engine itself remembers dimension, metric and text encoder; the rest of the configuration is a note beside the rows.
"""

from __future__ import annotations

import copy
import json
import os
import warnings
from typing import Any

import vicinal
from vicinal.contract import Metric
from vicinal.encoders.base import TextEncoder
from vicinal.encoders.default import choose_text_encoder
from vicinal.encoders.projected import Projected
from vicinal.encoders.registry import resolve
from vicinal.errors import EncoderMismatch, EncoderNotFound, Unsupported

from .config import DatabaseConfig
from .entries import Entries
from .enums import DistanceMetric

COLLECTION = "entries"
NOTES = "pyvdb"
_CONFIG = "config"
_DIMENSION_MAX = 65_536
_KEPT = ("hnsw_m", "hnsw_ef_construction", "hnsw_ef_search", "max_elements")
_PATHS = ("text_model_path", "vocab_path", "image_model_path")

METRICS: dict[DistanceMetric, Metric] = {
    DistanceMetric.Cosine: "cosine",
    DistanceMetric.L2: "l2",
    DistanceMetric.DotProduct: "ip",
}


def open_entries(config: DatabaseConfig) -> Entries:
    """Returns the entries of the database that `config` names, created if it does not exist.

    Raises:
        RuntimeError: the path is empty, the dimension is 0, or an existing database has another dimension.
        VicinalError: the engine cannot open or create it.
    """
    db = _connect(config)
    try:
        if COLLECTION in db:
            return _open(db, config)
        return _create(db, config)
    except BaseException:
        db.close()
        raise


def config_at(path: str) -> DatabaseConfig:
    """Returns the configuration of the database at `path`.

    Raises:
        RuntimeError: there is none.
    """
    config = DatabaseConfig()
    config.path = path
    with _connect(config) as db:
        if COLLECTION not in db:
            raise RuntimeError(f"there is no database at {path!r}. create_gold_standard_db() makes one.")
        entries = db.collection(COLLECTION)
        stored = json.loads(entries.notes(NOTES).get(_CONFIG, b"{}"))
        return _in_force(config, entries, stored)


def _connect(config: DatabaseConfig) -> vicinal.Database:
    if config.memory_only:
        return vicinal.connect(":memory:")
    path = os.fspath(config.path)
    if not path:
        raise RuntimeError("the configuration has no path. Set config.path, or config.memory_only = True.")
    if "\0" in path:
        raise RuntimeError(f"{path!r} is no path: it holds a character that no file name can have")
    return vicinal.connect(os.path.join(path, "") if path == ":memory:" else path)


def _create(db: vicinal.Database, config: DatabaseConfig) -> Entries:
    if not 1 <= config.dimension <= _DIMENSION_MAX:
        raise RuntimeError(f"dimension must be from 1 to {_DIMENSION_MAX}, not {config.dimension}")
    rows = db.collection(
        COLLECTION,
        encoder=_chosen_encoder(config),
        metric=METRICS[config.metric],
        durability=_durability(config),
        auto_ids="integer",
        zero_vectors="allow",
    )
    kept = copy.copy(config)
    kept.text_model_path = _model_told(config.text_model_path, rows)
    rows.notes(NOTES).setdefault(_CONFIG, _note_of(kept))
    return Entries(db, rows, kept)


def _open(db: vicinal.Database, config: DatabaseConfig) -> Entries:
    rows = db.collection(COLLECTION, durability=_durability(config))
    stored = json.loads(_remembered(rows, config))
    kept = _in_force(config, rows, stored)
    if kept.dimension != config.dimension:
        raise RuntimeError(
            f"the database at {config.path!s} has dimension {kept.dimension}, the configuration says "
            f"{config.dimension}. Set config.dimension = {kept.dimension}, or use another path."
        )
    differences = _differences(kept, config)
    if differences:
        _warn(f"the database at {config.path!s} was made with {differences}: what it was made with stays")
    encoder = _encoder_of_files(kept)
    if encoder is not None:
        try:
            rows = db.collection(COLLECTION, durability=_durability(config), encoder=encoder)
        except EncoderMismatch as error:
            kept.text_model_path = _model_in_use(rows)[0]
            _warn(f"{error.message}: texts are encoded as they were when the database was made")
    kept.text_model_path = _model_told(kept.text_model_path, rows)
    return Entries(db, rows, kept)


def _remembered(rows: vicinal.Collection, config: DatabaseConfig) -> bytes:
    """Returns the note with the configuration, written only if it is missing: a reader waits for no writer."""
    notes = rows.notes(NOTES)
    found = notes.get(_CONFIG)
    if found is not None:
        return found
    try:
        return notes.setdefault(_CONFIG, _note_of(config))
    except Unsupported:  # on a read-only medium
        return _note_of(config)


def _in_force(config: DatabaseConfig, rows: vicinal.Collection, stored: dict[str, Any]) -> DatabaseConfig:
    """Returns `config` with the settings that were fixed when the database was created."""
    kept = copy.copy(config)
    stats = rows.stats()
    kept.dimension = stats.dimension or config.dimension
    kept.metric = next(metric for metric, name in METRICS.items() if name == stats.metric)
    kept.hnsw_m = stored.get("hnsw_m", config.hnsw_m)
    kept.hnsw_ef_construction = stored.get("hnsw_ef_construction", config.hnsw_ef_construction)
    for name in _PATHS:
        if not os.fspath(getattr(config, name)):
            setattr(kept, name, stored.get(name, ""))
    return kept


def _model_told(given: str | os.PathLike[str], rows: vicinal.Collection) -> str:
    """Returns the text model for the configuration: as given, unless texts are encoded by another one."""
    name, (used, is_file) = os.fspath(given), _model_in_use(rows)
    if not name or not used or used.partition(":")[0] == name or (is_file and os.path.exists(name)):
        return name  # a file with another model is noticed when it is loaded
    return used


def _model_in_use(rows: vicinal.Collection) -> tuple[str, bool]:
    """Returns the encoder as for `text_model_path`, and whether it is a file; "" if there is none."""
    stats = rows.stats()
    name = (stats.encoder or "").removeprefix(f"projected:{stats.dimension}:")
    path = name.removeprefix("onnx:")
    return path.partition("::")[0] if path != name else name, path != name


def _differences(kept: DatabaseConfig, config: DatabaseConfig) -> str:
    differing = [name for name in ("metric", "hnsw_m") if getattr(kept, name) != getattr(config, name)]
    return "; ".join(f"{name} {getattr(kept, name)}, not {getattr(config, name)}" for name in differing)


def _chosen_encoder(config: DatabaseConfig) -> TextEncoder:
    """Returns the encoder of the model files, the named one, or the engine's default."""
    name = os.fspath(config.text_model_path)
    if name and not os.path.exists(name):
        try:
            encoder = resolve(name)
        except EncoderNotFound:
            pass  # a path that does not exist is ignored
        else:
            return encoder if encoder.dim == config.dimension else Projected(encoder, config.dimension)
    return choose_text_encoder(
        config.text_model_path, config.vocab_path, config.dimension, config.device.name.lower(), config.num_threads
    )


def _encoder_of_files(config: DatabaseConfig) -> TextEncoder | None:
    """Returns the encoder of the model files, or None if they do not exist or are not named."""
    files = [os.fspath(path) for path in (config.text_model_path, config.vocab_path)]
    if not files[0] or not all(os.path.isfile(path) for path in files if path):
        return None
    return _chosen_encoder(config)


def _durability(config: DatabaseConfig) -> Any:
    return "full" if config.auto_sync else "process"


def _note_of(config: DatabaseConfig) -> bytes:
    kept = {name: getattr(config, name) for name in _KEPT}
    # Absolute, because the next program may run in another folder. The name of an encoder stays as it is.
    paths = {name: _absolute(os.fspath(getattr(config, name))) for name in _PATHS}
    return json.dumps({"version": 1, **kept, **paths}, sort_keys=True).encode()


def _absolute(path: str) -> str:
    return os.path.abspath(path) if os.path.exists(path) else path


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=5)  # the caller of init()
