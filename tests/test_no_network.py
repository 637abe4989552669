"""P11: no telemetry, no hidden network, no pickle."""

from __future__ import annotations

import ast
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from no_network import OutsideConnection

TESTS = Path(__file__).parent
SOURCES = sorted([*(TESTS.parent / "src" / "vicinal").rglob("*.py"), *TESTS.parent.glob("faces/*/src/**/*.py")])

# Address blocks reserved for documentation: no host would be contacted, should the guard ever fail.
OUTSIDE_V4, OUTSIDE_V6, OUTSIDE_NAME = "192.0.2.1", "2001:db8::1", "telemetry.example"

# Modules that could access the network, or execute the content of files.
FORBIDDEN_MODULES = {
    "aiohttp", "cloudpickle", "dill", "ftplib", "http.client", "httpx", "httpx2", "joblib", "marshal", "pickle",
    "requests", "shelve", "smtplib", "socket", "urllib.request", "urllib3", "xmlrpc",
}  # fmt: skip
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


def connect() -> None:
    with socket.socket() as outside:
        outside.connect((OUTSIDE_V4, 443))


def connect_v6() -> None:
    with socket.socket(socket.AF_INET6) as outside:
        outside.connect((OUTSIDE_V6, 443))


def send() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as outside:
        outside.sendto(b"hello", (OUTSIDE_V4, 9))


@pytest.mark.parametrize(
    "leave",
    [
        connect,
        connect_v6,
        send,
        lambda: socket.create_connection((OUTSIDE_NAME, 443), timeout=1),
        lambda: socket.getaddrinfo(OUTSIDE_NAME, 443),
        lambda: socket.gethostbyname(OUTSIDE_NAME),
    ],
    ids=["connect", "connect_v6", "sendto", "create_connection", "getaddrinfo", "gethostbyname"],
)
def test_the_guard_stops_what_leaves_this_machine(leave: Callable[[], object]) -> None:
    with pytest.raises(OutsideConnection, match="do not leave this machine"):
        leave()


def test_the_guard_lets_this_machine_talk_to_itself() -> None:
    with (
        socket.create_server(("localhost", 0)) as server,
        socket.create_connection(server.getsockname()[:2], timeout=5) as client,
    ):
        client.sendall(b"hello")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(5) == b"hello"


def test_a_program_that_imports_and_uses_vicinal_opens_no_socket(tmp_path: Path) -> None:
    """In a separate process, so that imports are covered too; any socket is rejected, not only those to the outside."""
    program = """
        import sys

        def refuse(event, arguments):
            if event.startswith("socket."):
                raise SystemExit(f"{event} {arguments}")

        sys.addaudithook(refuse)

        import vicinal

        with vicinal.connect(sys.argv[1]) as db:
            docs = db.collection("docs", encoder="hashing")
            docs.add(ids=["a", "b"], texts=["one text", "another"], metadata=[{"n": 1}, {"n": 2}])
            docs.update(["a"], metadata={"n": 3})
            docs.delete(["b"])
            assert docs.search("a text").ids == ["a"]
            assert docs.stats().rows == 1
        print("done")
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "data")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yields the names of modules that a file imports, anywhere in it, including `a.b` of `from a import b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


# The modules that connect to a server, if a program names one.
MAY_TALK = {
    "src/vicinal/services": {"httpx"},
    "src/vicinal/remote": {"httpx"},
    "src/vicinal/aio": {"httpx"},
    "src/vicinal/server": {"socket"},
    "src/vicinal/llm/gguf.py": {"http.client", "socket"},  # to its own child process, on this machine
}


def allowed(path: Path) -> set[str]:
    file = path.relative_to(TESTS.parent)
    return MAY_TALK.get(file.as_posix(), set()) | MAY_TALK.get(file.parent.as_posix(), set())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(TESTS.parent)))
def test_no_source_imports_what_calls_home_or_runs_data(path: Path) -> None:
    tree = ast.parse(path.read_bytes())
    found = [
        f"line {line} imports {name}"
        for name, line in imported(tree)
        if any(name == bad or name.startswith(bad + ".") for bad in FORBIDDEN_MODULES - allowed(path))
    ]
    found += [
        f"line {node.lineno} calls {node.func.id}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS
    ]
    assert not found
