"""Shared by the other scripts: running commands, virtual environments, finding interpreters.

Standard library only, because it runs before anything is installed.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Generic, TypeVar

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
# Hundreds of processes import the same modules. Their bytecode is cached even if the environment disables that, as
# many containers do; but not in the folders of the modules, which some tests list.
PYCACHE = BUILD / "pycache"
ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(PYCACHE)}
MINORS = range(14, 10, -1)  # of the supported Python versions, newest first
T = TypeVar("T")


class Failed(Exception):
    """A step failed; the message says why."""


# Collects the lines of a thread until it ends, instead of printing them.
_kept: ContextVar[list[str] | None] = ContextVar("_kept", default=None)
_running: set[subprocess.Popen[str]] = set()
_ending = threading.Event()


@atexit.register
def _end_all() -> None:
    """Stops all commands when the script is stopped."""
    _ending.set()
    for process in list(_running):
        process.terminate()


def show(text: str) -> None:
    """Prints a line, or keeps it until the thread ends."""
    kept = _kept.get()
    if kept is None:
        print(text, flush=True)
    else:
        kept.append(text)


def show_kept() -> None:
    """Prints what a thread has kept so far, without interleaving; does nothing if nothing is kept."""
    kept = _kept.get()
    if kept:
        print("\n".join(kept), flush=True)
        kept.clear()


@contextmanager
def _registered(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    _running.add(process)
    try:
        with process:
            yield process
    finally:
        _running.discard(process)


def run(*command: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Runs a command in the root and shows its output; returns the last line, in which pytest counts the tests.

    `env` is added to the environment. There is no input, so the command cannot ask for anything.
    """
    if _ending.is_set():
        raise Failed("stopped")
    words = [str(word) for word in command]
    show(f"$ {' '.join(words)}")
    last = ""
    started = subprocess.Popen(
        words,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    with _registered(started) as process:
        assert process.stdout is not None
        for line in process.stdout:
            show(line.rstrip("\n"))
            last = line.strip() or last
    if process.returncode:
        raise Failed(f"{Path(words[0]).name} ended with {process.returncode}: {last}")
    return last


def forget_compiled_temporary_modules() -> None:
    """Deletes the bytecode of modules in temporary folders of earlier runs, whose names never recur."""
    temporary = Path(tempfile.gettempdir()).resolve()
    shutil.rmtree(PYCACHE / temporary.relative_to(temporary.anchor), ignore_errors=True)


class Beside(Generic[T]):
    """A call in a separate thread, so that no core is idle. Its output appears at each `show_kept` and at its end."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._given: T
        self._error: Exception | None = None
        # A daemon thread, so that stopping the script does not wait for it.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        _kept.set([])
        try:
            self._given = self._call()
        except Exception as error:  # raised again by `wait`
            self._error = error
        show_kept()

    def wait(self) -> T:
        """Returns or raises what the call does, once it has ended."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._given


class Venv:
    """A virtual environment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bin = path / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.bin / ("python.exe" if os.name == "nt" else "python")

    @classmethod
    def make(cls, path: Path, interpreter: Path | str = sys.executable, *, current_pip: bool = True) -> Venv:
        """Returns the environment at `path`, created unless it exists, works and has the interpreter's version.

        Dependency groups need a current pip; what users install must also work with the pip that they have.
        """
        venv = cls(path)
        wanted = version_of(interpreter)
        if version_of(venv.python) != wanted:
            shutil.rmtree(path, ignore_errors=True)
            show(f"Making {path.name} with Python {wanted}")
            venv._create(interpreter)
            if current_pip:
                venv.install("--upgrade", "pip")
        return venv

    def _create(self, interpreter: Path | str) -> None:
        for module in ("venv", "virtualenv"):
            command = [str(interpreter), "-m", module, str(self.path)]
            if _output(*command) is not None:
                return
            shutil.rmtree(self.path, ignore_errors=True)
        raise Failed(
            f"{interpreter} cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
        )

    def install(self, *arguments: str | Path, into: Venv | None = None, env: Mapping[str, str] | None = None) -> None:
        """Runs `pip install`, which is silent unless it fails. Modules are compiled on first import.

        Args:
            into: another environment, using the pip of this one.
        """
        options = ("-qq", "--disable-pip-version-check", "--no-compile")
        target = () if into is None else ("--python", into.python)
        run(self.python, "-m", "pip", *target, "install", *options, *arguments, env=env)


def version_of(interpreter: Path | str) -> str | None:
    """Returns the full version of an interpreter, or None if it does not run."""
    return _output(interpreter, "-c", "import platform; print(platform.python_version())")


def other_python() -> Path | None:
    """Returns the newest supported Python that is not the running one, and that can build and create environments."""
    probe = (
        "import os, sys, sysconfig, venv, ensurepip\n"
        "assert os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h'))\n"
        "print(*sys.version_info[:2])"
    )
    for minor in MINORS:
        if minor == sys.version_info.minor:
            continue
        for candidate in _candidates(minor):
            if _output(candidate, "-c", probe) == f"3 {minor}":
                return candidate
    return None


def _candidates(minor: int) -> Iterator[Path]:
    """Yields every `python3.minor` on PATH, as the first may be a shim that only prints a hint; then those of pyenv."""
    for folder in os.get_exec_path():
        candidate = Path(folder, f"python3.{minor}")
        if candidate.is_file():
            yield candidate
    installed = (_output("pyenv", "versions", "--bare") or "").split()
    for version in reversed([version for version in installed if version.startswith(f"3.{minor}.")]):
        prefix = _output("pyenv", "prefix", version)
        if prefix:
            yield Path(prefix, "bin", "python")


def _output(*command: str | Path) -> str | None:
    """Returns the output of a command, or None if it does not exist or fails."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            check=False,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
