"""A language model in a GGUF file, run on this machine by llama.cpp."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from ..errors import Closed, InvalidArgument, MissingExtra, ModelUnavailable
from ..locks import new_lock
from . import gguf_process
from .gguf_file import check_gguf
from .messages import Messages, as_dicts
from .sampling import Completion, Sampling

__all__ = ["GGUFModel", "can_run_gguf"]

_GREEDY: Final = Sampling(temperature=0)
_STOP_REASONS: Final = {"eos": "end", "limit": "length", "word": "stop"}
_LOG_CHARS: Final = 400
_END_SECONDS: Final = 1.0


class _Cancelled(ModelUnavailable):
    """Raised when `cancel` ended a request."""


def can_run_gguf() -> bool:
    """Whether the package that runs GGUF models is installed; does not import it."""
    try:
        return importlib.util.find_spec("xllamacpp") is not None
    except ValueError:  # the module was set to None, as tests do
        return False


class GGUFModel:
    """A model in its own process, until `close`. Thread-safe: calls wait for each other.

    Args:
        path: path of the .gguf file.
        context_tokens: limit for prompt and answer together.
        batch_tokens: tokens of a prompt read at once; more is faster and takes more memory.
        threads: processor threads; 0 lets llama.cpp choose.
        gpu_layers: layers computed on a graphics card, if xllamacpp was built for one.
        mmap: map the file rather than read it.
        mlock: keep the weights from being swapped out, as far as the system allows.

    Raises:
        MissingExtra: xllamacpp is not installed.
        ModelUnavailable: the file does not exist, has another format, is truncated, or cannot be loaded.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        context_tokens: int = 2048,
        batch_tokens: int = 512,
        threads: int = 0,
        gpu_layers: int = 0,
        mmap: bool = True,
        mlock: bool = False,
    ) -> None:
        if not can_run_gguf():
            raise MissingExtra("xllamacpp", "llm", "a language model in a GGUF file")
        _whole("context_tokens", context_tokens, 1)
        _whole("batch_tokens", batch_tokens, 1)
        _whole("threads", threads, 0)
        _whole("gpu_layers", gpu_layers, -1)
        self.path = Path(path)
        check_gguf(self.path)
        self._key = secrets.token_hex(16)
        self._lock = new_lock()
        self._owner = os.getpid()
        self._asking: set[socket.socket] = set()
        self._cancelled: set[socket.socket] = set()
        self._log = tempfile.TemporaryFile("w+b")  # noqa: SIM115  # open as long as the process
        settings = {
            "path": os.path.abspath(self.path), "context_tokens": context_tokens, "batch_tokens": batch_tokens,
            "threads": threads, "gpu_layers": gpu_layers, "mmap": bool(mmap), "mlock": bool(mlock), "key": self._key,
            "verbosity": 4,
        }  # fmt: skip
        self._process: subprocess.Popen[str] | None = self._started()
        try:
            self._address = self._listening(settings)
        except BaseException:
            self.close()
            raise

    @property
    def process_id(self) -> int | None:
        """Id of the process that runs the model; None when closed."""
        process = self._process
        return None if process is None else process.pid

    def generate(self, prompt: str) -> str:
        """Returns the model's answer to one message of a user, using the most likely token each time.

        Raises:
            ModelUnavailable: the model's process failed, or rejected the request.
        """
        return self.chat([("user", prompt)], _GREEDY).text

    def complete(self, prompt: str, sampling: Sampling | None = None) -> Completion:
        """Continues a text.

        Raises:
            ModelUnavailable: as `generate`.
        """
        return _gathered(self._pieces(_text("prompt", prompt), sampling))

    def chat(self, messages: Messages, sampling: Sampling | None = None) -> Completion:
        """Returns the model's next turn of a conversation, formatted by its own template; ChatML if it has none.

        Args:
            messages: role ("system", "user" or "assistant") and content of each.

        Raises:
            ModelUnavailable: as `generate`.
        """
        return _gathered(self._pieces(as_dicts(messages), sampling))

    def stream(self, messages: str | Messages, sampling: Sampling | None = None) -> Iterator[str]:
        """Yields pieces as they arrive, continuing a text or answering messages. Closing the iterator stops it."""
        return _texts(self._pieces(messages if isinstance(messages, str) else as_dicts(messages), sampling))

    def cancel(self) -> None:
        """Stops what is being generated in other threads; they return the text so far."""
        with self._lock:
            self._cancelled |= self._asking
            for connection in self._asking:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def templated(self, messages: Messages) -> str:
        """Returns the prompt that the model's own template makes of a conversation."""
        return self._templated(as_dicts(messages))

    def count_tokens(self, text: str) -> int:
        """Returns the number of tokens of a text, without the one that begins a prompt."""
        return len(self._ask("/tokenize", {"content": _text("text", text), "add_special": False})["tokens"])

    def close(self) -> None:
        """Ends the model's process, which frees all of its memory. A second call does nothing."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # it has nothing to save
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._log.close()

    def log(self) -> str:
        """What llama.cpp has logged about the model."""
        if self._log.closed:
            return ""
        handle = self._log.fileno()
        if sys.platform == "win32":
            self._log.seek(0)
            return self._log.read().decode(errors="replace")
        return os.pread(handle, os.fstat(handle).st_size, 0).decode(errors="replace")  # keeps the child's position

    def _started(self) -> subprocess.Popen[str]:
        # As a file and with -P, so that no module of the current folder takes precedence. In its own session, so that
        # Ctrl-C ends a request but not the model.
        return subprocess.Popen(
            [sys.executable, "-P", gguf_process.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
            start_new_session=True,
        )

    def _listening(self, settings: dict[str, Any]) -> tuple[str, int]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
        for line in process.stdout:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                found = urlsplit(json.loads(line)["url"])
                return str(found.hostname), int(found.port or 0)
        code = process.wait()
        how = f"llama.cpp crashed with signal {-code}" if code < 0 else "llama.cpp refused it"
        raise ModelUnavailable(
            f"the model {str(self.path)!r} cannot be loaded: {how}: {self._last_words()}",
            name="path",
            value=str(self.path),
            remedy="Download it again, take another model, or give it less context or fewer layers.",
        )

    def _last_words(self) -> str:
        lines = [line for line in self.log().splitlines() if " E " in line or "error" in line.lower()]
        return " ".join((lines or self.log().splitlines() or ["it said nothing"])[-1].split())[:_LOG_CHARS]

    def _templated(self, messages: list[dict[str, str]]) -> str:
        return str(self._ask("/apply-template", {"messages": messages})["prompt"])

    def _pieces(self, given: str | list[dict[str, str]], sampling: Sampling | None) -> Iterator[dict[str, Any]]:
        chosen = Sampling() if sampling is None else sampling
        asked = {
            "stream": True, "n_predict": chosen.max_tokens, "temperature": chosen.temperature,
            "top_p": chosen.top_p, "top_k": chosen.top_k, "min_p": 0, "repeat_penalty": chosen.repeat_penalty,
            "repeat_last_n": 64, "stop": list(chosen.stop), "seed": -1 if chosen.seed is None else chosen.seed,
            "samplers": ["penalties", "top_k", "top_p", "temperature"], "cache_prompt": True,
        }  # fmt: skip
        try:
            prompt = given if isinstance(given, str) else self._templated(given)
            with self._connected("/completion", {"prompt": prompt, **asked}) as response:
                for line in response:
                    if line.startswith(b"data: "):
                        piece = json.loads(line[6:])
                        yield piece
                        if piece.get("stop"):
                            return
                    elif line.startswith(b"error: "):
                        raise self._failed(line.decode(errors="replace"))
                raise http.client.RemoteDisconnected("it ended in the middle of an answer")
        except _Cancelled:
            yield {"stop": True, "content": "", "stop_type": "cancelled"}

    def _ask(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        with self._connected(path, asked) as response:
            answer: dict[str, Any] = json.loads(response.read())
            return answer

    @contextlib.contextmanager
    def _connected(self, path: str, asked: dict[str, Any]) -> Iterator[http.client.HTTPResponse]:
        """The response of the model's process; leaving the block early makes llama.cpp stop."""
        if self._process is None:
            raise Closed("the model is closed", name="model", remedy="Load it again.")
        connection = http.client.HTTPConnection(*self._address)
        kept: socket.socket | None = None
        try:
            connection.connect()
            kept = connection.sock
            assert kept is not None, "connect() leaves a socket"
            with self._lock:
                self._asking.add(kept)
            headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
            connection.request("POST", path, json.dumps(asked).encode(), headers)
            response = connection.getresponse()
            if response.status != 200:
                raise self._failed(_reason(response.read()))
            yield response
        except (OSError, http.client.HTTPException) as error:
            if kept in self._cancelled:
                raise _Cancelled(f"the model {self.path.name!r} was told to stop", name="model") from error
            self._await_end()
            raise self._failed(f"{type(error).__name__}: {error}") from error
        finally:
            with self._lock:
                self._asking -= {kept}
                self._cancelled -= {kept}
            connection.close()

    def _await_end(self) -> None:
        """Waits for the process to end: one that crashes closes its connections shortly before."""
        process = self._process
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)

    def _failed(self, what: str) -> ModelUnavailable:
        process = self._process
        code = None if process is None else process.poll()
        crashed = "" if code is None else f" (its process ended with {code}: {self._last_words()})"
        return ModelUnavailable(
            f"the model {self.path.name!r} failed: {what[:_LOG_CHARS]}{crashed}",
            name="model",
            value=str(self.path),
            remedy="Ask less, or load it again with more context." if not crashed else "Load it again.",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_process", None) is not None and os.getpid() == self._owner:  # not in a fork of this process
            self.close()

    def __repr__(self) -> str:
        return f"GGUFModel({str(self.path)!r}{', closed' if self._process is None else ''})"


def _gathered(pieces: Iterator[dict[str, Any]]) -> Completion:
    began = time.perf_counter()
    said: list[str] = []
    prompt = generated = 0
    reason = "cancelled"
    for piece in pieces:
        said.append(piece.get("content", ""))
        prompt, generated = piece.get("tokens_evaluated", prompt), piece.get("tokens_predicted", generated)
        reason = _STOP_REASONS.get(piece.get("stop_type", ""), "cancelled")
    return Completion("".join(said), prompt, generated, time.perf_counter() - began, reason)


def _texts(pieces: Iterator[dict[str, Any]]) -> Iterator[str]:
    for piece in pieces:
        if piece.get("content"):
            yield piece["content"]


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return body.decode(errors="replace")


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} must be a text, not {value!r:.80}", name=name, value=value)
    return value


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
        raise InvalidArgument(
            f"{name} must be a whole number of at least {least}, not {value!r:.80}", name=name, value=value
        )
