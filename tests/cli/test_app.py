"""The command itself: help, documentation, exit codes, and that the library works without it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

import vicinal
from vicinal.cli.app import app
from vicinal.progress import progress

Command = Callable[..., Any]

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "cli.md"


def flat(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yields all commands by their full names: those of a group have two words."""
    for name, command in group.commands.items():
        yield from flat(command, f"{name} ") if hasattr(command, "commands") else [(f"{before}{name}", command)]


COMMANDS = dict(flat(get_command(app)))


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "ignore", *arguments], capture_output=True, text=True, check=False)


def test_the_commands_are_those_promised() -> None:
    reading = {"ask", "evaluate", "explain", "export", "get", "peek", "plot", "search", "stats", "verify"}
    writing = {"delete", "demo", "drop", "import", "index", "init", "serve"}
    keeping = {"backup", "compact", "migrate", "repair", "restore", "snapshot"}
    of_keys, of_models = ["keys create", "keys list", "keys revoke"], ["models add", "models list", "models remove"]
    assert set(COMMANDS) == {*reading, *writing, *keeping, *of_keys, *of_models}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_that_name_existing_options(name: str, command: Command) -> None:
    shown = command(*name.split(), "--help")
    assert shown.code == 0
    assert "Examples:" in shown.out
    examples = re.findall(rf"vicinal {name}\b.*", COMMANDS[name].help)
    assert examples
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert all(set(re.findall(r"(?<= )--?[a-z-]+", example)) <= known for example in examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    chapters = re.split(r"^## ", DOCUMENTATION.read_text(encoding="utf-8"), flags=re.MULTILINE)
    chapter = next(chapter for chapter in chapters if chapter.startswith(f"`vicinal {name}"))
    for parameter in COMMANDS[name].params:
        is_option = parameter.opts[0].startswith("-")
        names = [f"| `{name}`" for name in parameter.opts] if is_option else [parameter.metavar]
        assert all(name in chapter for name in names), names
    assert re.search(rf"^vicinal {name}( |$)", chapter, re.MULTILINE)


def test_version_is_printed(command: Command) -> None:
    assert command("--version").out == f"vicinal {vicinal.__version__}\n"


def test_without_arguments_help_is_shown() -> None:
    done = python("-m", "vicinal")
    assert "Usage" in done.stdout + done.stderr
    assert "demo" in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [("bogus",), ("search",), ("demo", "-k", "none"), ("stats", ".", "--bogus")])
def test_a_command_written_wrongly_ends_with_2(arguments: tuple[str, ...], command: Command) -> None:
    assert command(*arguments).code == 2


def test_an_error_is_one_line_and_ends_with_1(tmp_path: Path) -> None:
    done = python("-m", "vicinal", "stats", str(tmp_path / "nowhere"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("vicinal: there is no database at")
    assert done.stderr.count("\n") == 1


def test_a_fault_of_ours_shows_no_local_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(app, typer.Typer)
    assert app.pretty_exceptions_enable is False


@pytest.mark.parametrize("absent", ["typer", "rich"])
def test_without_the_extra_the_install_line_is_printed(absent: str) -> None:
    program = f"import sys; sys.modules[{absent!r}] = None; from vicinal.cli import main; main()"
    done = python("-c", program)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"needs the package '{absent}'" in done.stderr
    assert "pip install 'vicinal[cli]'" in done.stderr


def test_the_library_needs_neither_typer_nor_rich() -> None:
    program = "import sys, vicinal; print([name for name in ('typer', 'rich', 'vicinal.cli') if name in sys.modules])"
    assert python("-c", program).stdout == "[]\n"


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Working", 3) as advance:
        advance(3)
    assert capsys.readouterr() == ("", "")


def test_progress_goes_to_the_error_stream_of_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with progress("Working", 3) as advance:
        advance(3)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Working" in printed.err
