"""A child process for each peer, all with the same number of threads."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .peers import available, load

ROOT = Path(__file__).parents[1]
# Libraries read these when they are loaded, so they must be set before.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
    "VICINAL_THREADS",
)


class PeerFailed(Exception):
    """A peer raised or died. `details` has its traceback or last output."""

    def __init__(self, peer: str, message: str, details: str) -> None:
        super().__init__(f"{peer}: {message}")
        self.details = details


class Member:
    """One peer in its process, in a new folder below `scratch` or in `folder`."""

    def __init__(self, peer: str, scratch: Path, data: Path, threads: int, folder: Path | None = None) -> None:
        self.peer = peer
        self.folder = folder or Path(tempfile.mkdtemp(prefix=f"{peer}-", dir=scratch))
        self._own_folder = folder is None
        self._words = tempfile.TemporaryFile("w+")  # noqa: SIM115  what it says on standard error; `kill` closes it
        command = [sys.executable, "-m", "benchmarks.worker", peer, str(self.folder), str(threads), str(data)]
        with _on_processors(threads):
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                text=True,
            )
        try:
            self._reply()  # it has imported everything and is ready
        except BaseException:
            self.kill()
            raise

    @property
    def process_id(self) -> int:
        return self._process.pid

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Sends one request and returns the reply.

        Raises:
            PeerFailed: the peer raised, or its process ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the reply will say so
        return self._reply()

    def close(self) -> None:
        """Lets the peer close, ends its process, and removes its folder if it was created here."""
        try:
            self.ask("close")
        finally:
            self.kill()

    def kill(self) -> None:
        """Kills the process without notifying the peer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._words.close()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.kill()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._words.seek(0)
            raise PeerFailed(self.peer, f"its process ended with status {status}", self._words.read()[-4000:])
        try:
            reply: dict[str, Any] = json.loads(line)
        except ValueError:
            raise PeerFailed(self.peer, f"its process printed {line[:200]!r}", "") from None
        if "error" in reply:
            raise PeerFailed(self.peer, reply["error"], reply["traceback"])
        return reply


class Crew:
    """The available peers of one suite, and why others are missing."""

    def __init__(self, names: Iterable[str], scratch: Path) -> None:
        self.scratch = scratch
        self.left_out: dict[str, str] = {}
        self.names = [name for name in names if self._is_there(name)]

    def _is_there(self, name: str) -> bool:
        if available(name):
            return True
        self.leave_out(name, f"not installed: {load(name).install}")
        return False

    def leave_out(self, name: str, reason: str) -> None:
        self.left_out[name] = reason
        print(f"{name} is left out, {reason}", file=sys.stderr)

    @contextlib.contextmanager
    def members(self, data: Path, threads: int) -> Iterator[dict[str, Member]]:
        """Starts all of them; those that fail to start, or later in `attempt`, are skipped."""
        members: dict[str, Member] = {}
        try:
            for name in list(self.names):
                try:
                    members[name] = Member(name, self.scratch, data, threads)
                except PeerFailed as failure:
                    self.drop(name, failure)
            yield members
        finally:
            for member in members.values():
                member.kill()

    def attempt(self, members: dict[str, Member], do: str, **arguments: Any) -> dict[str, dict[str, Any]]:
        """Sends one request to every member; those that fail are removed from `members`."""
        replies = {}
        for name, member in list(members.items()):
            try:
                replies[name] = member.ask(do, **arguments)
            except PeerFailed as failure:
                members.pop(name).kill()
                self.drop(name, failure)
        return replies

    def drop(self, name: str, failure: PeerFailed) -> None:
        """Removes a failed peer: the suite continues without it."""
        self.names.remove(name)
        print(failure.details, file=sys.stderr)
        self.leave_out(name, f"it failed: {failure}")


@contextlib.contextmanager
def _on_processors(count: int) -> Iterator[None]:
    """Processes started in the block use `count` processors, if the system supports it, whatever their pools."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
