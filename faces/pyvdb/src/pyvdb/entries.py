"""An open database: the collection of the engine, and the image encoder that it remembers."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

import vicinal
from vicinal import VicinalError
from vicinal.encoders.default import choose_image_encoder
from vicinal.encoders.image_base import ImageEncoder
from vicinal.encoders.image_registry import resolve_image
from vicinal.locks import new_lock

from .config import DatabaseConfig

NOTES = "pyvdb"
TEXT, IMAGE, VECTOR = "text", "image", "vector"
_IMAGE_ENCODER = "image_encoder"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to add: a text, which the engine encodes, or a vector; and the metadata of the row."""

    metadata: dict[str, Any]
    text: str | None = None
    vector: NDArray[np.float32] | None = None


class Entries:
    """The rows of a database, and how images become vectors. Thread-safe.

    Args:
        db: kept open as long as this object lives.
        rows: the collection.
        config: the effective one.
    """

    def __init__(self, db: vicinal.Database, rows: vicinal.Collection, config: DatabaseConfig) -> None:
        self.db = db
        self.rows = rows
        self.config = config
        self._lock = new_lock()
        self._images: ImageEncoder | None = None

    def add(self, entries: Sequence[NewEntry]) -> list[int]:
        """Adds the entries in one commit; returns their ids."""
        if not entries:
            return []
        return cast(list[int], self.rows.add(**_columns(entries)))

    def replace(self, ids: Sequence[int], entries: Sequence[NewEntry]) -> None:
        """Replaces the rows with these ids by the entries, in one commit."""
        if entries:
            self.rows.upsert(list(ids), **_columns(entries))

    def encode_images(self, paths: Sequence[str]) -> NDArray[np.float32]:
        """Returns the vectors of images, shape (len(paths), dimension)."""
        with self._lock:
            if self._images is None:
                self._images = self._image_encoder()
        return self._images.encode_images(list(paths))

    def _image_encoder(self) -> ImageEncoder:
        """Returns the image encoder, chosen with the first image and the same from then on."""
        notes = self.rows.notes(NOTES)
        found = notes.get(_IMAGE_ENCODER)
        known = None if found is None else json.loads(found)
        encoder = self._remembered(known) if known is not None else self._chosen()
        if known is None:
            identity = {"name": encoder.name, "fingerprint": encoder.fingerprint}
            known = json.loads(notes.setdefault(_IMAGE_ENCODER, json.dumps(identity, sort_keys=True).encode()))
            if known["fingerprint"] != encoder.fingerprint:  # another process was first
                encoder = self._remembered(known)
        return encoder

    def _chosen(self) -> ImageEncoder:
        config = self.config
        return choose_image_encoder(
            config.image_model_path, config.dimension, config.device.name.lower(), config.num_threads
        )

    def _remembered(self, known: dict[str, str]) -> ImageEncoder:
        """Returns the encoder of the first image.

        Raises:
            RuntimeError: it is not available; vectors of another one could not be compared.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing files are reported below
            chosen = self._chosen()
        if chosen.fingerprint == known["fingerprint"]:
            return chosen
        with contextlib.suppress(VicinalError):  # its file has been moved or deleted
            encoder = resolve_image(known["name"])
            if encoder.fingerprint == known["fingerprint"]:
                return encoder
        raise RuntimeError(
            f"the pictures of this database were encoded by {known['name']!r}, which is not there or is another model "
            "now. Set config.image_model_path to its file."
        )


def _columns(entries: Sequence[NewEntry]) -> dict[str, Any]:
    vectors = [entry.vector for entry in entries]
    return {
        "texts": [entry.text for entry in entries],
        "vectors": vectors if any(vector is not None for vector in vectors) else None,
        "metadata": [entry.metadata for entry in entries],
    }
