"""Completion, in the shells themselves."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

import vicinal
from vicinal.cli.app import app
from vicinal.cli.completion import collection_names

SECONDS_MAX = 60.0  # a shell that says nothing ends the test


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, and `vicinal` on the path of a shell."""
    folder = tmp_path_factory.mktemp("completion")
    with vicinal.connect(folder / "data") as database:
        for name in ("articles", "archive", "$(touch owned)", "two words"):
            database.collection(name, dimension=2)
    (folder / "bin").mkdir()
    script = folder / "bin" / "vicinal"  # as an install makes it
    program = "import sys; sys.argv[0] = 'vicinal'; from vicinal.cli import main; main()"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -W ignore -c {shlex.quote(program)} "$@"\n')
    script.chmod(0o755)
    return folder


def environment(place: Path, shell: str) -> dict[str, str]:
    return os.environ | {
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
        "HOME": str(place),
        "TERM": "dumb",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": shell,
    }


def script_for(shell: str, place: Path) -> Path:
    """The output of `vicinal --show-completion`; the shell is named here, because no shell runs this."""
    from typer._completion_shared import get_completion_script

    path = place / f"completion.{shell}"
    path.write_text(get_completion_script(prog_name="vicinal", complete_var="_VICINAL_COMPLETE", shell=shell))
    return path


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("vicinal drop data ", {"articles", "archive"}),
        ("vicinal drop nowhere ", set()),
        ("vicinal search data articles q --mode ", {"dense", "keyword", "hybrid"}),
        ("vicinal keys cr", {"create"}),
    ],
)
def test_bash_is_offered(place: Path, line: str, offered: set[str]) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    words = line.split(" ")
    program = f"""
        source {shlex.quote(str(script_for("bash", place)))}
        COMP_WORDS=({" ".join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}
        _vicinal_completion vicinal
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", program],
        cwd=place, env=environment(place, ""), capture_output=True, text=True, timeout=SECONDS_MAX, check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == offered
    assert done.stderr == ""
    assert not (place / "owned").exists()


class Terminal:
    """A shell at a terminal that receives typed input."""

    def __init__(self, master: int) -> None:
        self._master = master
        self.shown = ""

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """Returns the output up to the pattern."""
        end = time.monotonic() + SECONDS_MAX
        while not (found := re.search(pattern, self.shown)):
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {pattern!r} in {self.shown!r}"
            self.shown += os.read(self._master, 65536).decode(errors="replace")
        before, self.shown = self.shown[: found.end()], self.shown[found.end() :]
        return before


@contextmanager
def shell_at_a_terminal(arguments: list[str], place: Path) -> Iterator[Terminal]:
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        arguments,
        cwd=place,
        env=environment(place, ""),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_zsh_is_offered(place: Path) -> None:
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("zsh is not installed")
    script = script_for("zsh", place)
    with shell_at_a_terminal([zsh, "-f", "-i"], place) as shell:
        shell.type("unsetopt zle_bracketed_paste; PROMPT=; autoload -Uz compinit; compinit -D -u; unsetopt beep\n")
        shell.type(f"source {shlex.quote(str(script))}; print re''ady\n")
        shell.wait_for("ready")
        shell.type("vicinal sea\t\x01print got: \x05\n")  # to the beginning of the line, and to its end
        shell.wait_for(r"got: vicinal search")
        shell.type("vicinal drop data arti\t\x01print got: \x05\n")
        shell.wait_for(r"got: vicinal drop data articles")
        shell.type("vicinal drop data ar\t")
        shown = shell.wait_for(r"archive\s+articles|articles\s+archive")
        assert "two words" not in shown
    assert not (place / "owned").exists()


def test_names_that_a_shell_would_run_are_not_offered(place: Path) -> None:
    context = typer.Context(get_command(app))
    context.params = {"path": place / "data"}
    assert collection_names(context, "") == ["archive", "articles"]
    context.params = {"path": place / "nowhere"}
    assert collection_names(context, "") == []
    assert collection_names(typer.Context(get_command(app)), "") == []


def test_completion_is_installed_by_an_option(command: Callable[..., Any]) -> None:
    shown = command("--help").out
    assert "--install-completion" in shown
    assert "--show-completion" in shown
