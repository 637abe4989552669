"""The models stored on this machine: where they are, which exist, and how one is removed."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .catalogue import MODELS, Model, model_named

FOLDER_VARIABLE: Final = "VICINAL_MODELS_PATH"


@dataclass(frozen=True, slots=True)
class Cached:
    """A model in the cache folder.

    Attributes:
        name: the encoder that needs it.
        title: the name under which the model was published.
        folder: folder of its files.
        bytes_on_disk: size of its files together.
    """

    name: str
    title: str
    folder: Path
    bytes_on_disk: int


def models_folder() -> Path:
    """The folder of models: VICINAL_MODELS_PATH, else a folder within the cache folder of this system and user."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        return cache / "vicinal/Cache/models"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches/vicinal/models"
    # The XDG base directory specification says to ignore a relative path in this variable.
    named = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(named) if os.path.isabs(named) else Path.home() / ".cache"
    return cache / "vicinal/models"


def folder_of(model: Model) -> Path:
    """The folder of the files of `model`, whether it exists or not."""
    return models_folder() / model.name


def is_complete(model: Model, folder: Path) -> bool:
    """Whether all files of `model` are in `folder`. Only checks their sizes: they are hashed when loaded."""
    try:
        return all((folder / file.name).stat().st_size == file.size for file in model.files)
    except OSError:
        return False


def list_models() -> list[Cached]:
    """Returns the models in the cache folder, by name."""
    return [
        Cached(name, model.title, folder_of(model), model.size)
        for name, model in sorted(MODELS.items())
        if is_complete(model, folder_of(model))
    ]


def remove(name: str) -> bool:
    """Deletes the files of a model from the cache folder; False if there were none.

    Raises:
        InvalidArgument: no such model exists.
        OSError: they cannot be deleted.
    """
    folder = folder_of(model_named(name))
    if not folder.is_dir():
        return False
    shutil.rmtree(folder)
    return True
