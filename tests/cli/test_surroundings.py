"""Commands run under any locale, in any folder, and with any files in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal.settings import setting

Command = Callable[..., Any]
TEXT = "grüße 🔥 日本 — naïve \udcff".encode("utf-8", "replace").decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("surroundings")
    with vicinal.connect(path / "data") as database:
        database.collection("dócs", encoder="hashing:16").add(["ü🔥"], texts=[TEXT], metadata=[{"k": TEXT}])
    return path


LOCALES: dict[str, dict[str, str]] = {
    "C": {"LC_ALL": "C"},
    "C without the UTF-8 mode": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1 strict": {"PYTHONIOENCODING": "latin-1:strict"},
    "cp932": {"PYTHONIOENCODING": "cp932"},
}


COMMANDS = (
    ("search", "data", "dócs", "grüße", "--json"),
    ("search", "data", "dócs", "grüße", "--mode", "keyword", "--where", '{"k": {"$contains": "grüße"}}', "--json"),
    ("search", "data", "dócs", "grüße"),
    ("stats", "data", "dócs"),
    ("verify", "data", "dócs"),
    ("export", "data", "dócs", "-"),
    ("--help",),
    ("search", "--help"),
)
# One process for all commands of a locale: starting it takes longer than the commands.
PROGRAM = """
import sys
from vicinal.cli.app import run
words, commands = sys.argv[1:], []
while words:
    end = words.index(";")
    commands.append(words[:end])
    words = words[end + 1:]
for command in commands:
    try:
        run(command)
    except SystemExit as ended:
        if ended.code:
            raise
    sys.stdout.flush()
"""


@pytest.mark.parametrize("locale", LOCALES)
def test_no_locale_ends_a_command(locale: str, folder: Path) -> None:
    words = [word for command in COMMANDS for word in (*command, ";")]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, *words],
        cwd=folder, env={**os.environ, **LOCALES[locale]}, capture_output=True, check=False,
    )  # fmt: skip
    told = done.stderr.decode(errors="replace")
    assert (done.returncode, "Traceback" in told) == (0, False), told
    encoding = LOCALES[locale].get("PYTHONIOENCODING", "utf-8").partition(":")[0]
    for line in done.stdout.splitlines()[:2]:
        hit = json.loads(line.decode(encoding))
        assert (hit["id"], hit["text"], hit["metadata"]) == ("ü🔥", TEXT, {"k": TEXT})


def test_a_reader_that_goes_ends_a_command_quietly(folder: Path) -> None:
    for arguments in (("search", "data", "dócs", "grüße"), ("export", "data", "dócs", "-"), ("--help",)):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "vicinal", *arguments],
            cwd=folder, stdout=write, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        os.close(write)
        assert (done.returncode, done.stderr) == (1, b"")


# -- .env

FOREIGN = {
    "a setting of ours that another command reads": "CHUNK_SIZE=40\nCHUNK_OVERLAP=50\nVECTOR_DIMENSION=none\n",
    "Latin-1": "NAME=gr\xfc\xdfe\n",
    "JSON over lines": 'CONFIG={\n  "a": 1\n}\nKEY="open\n',
    "a quote that is not closed": "PASSWORD=it's\nOTHER='open\nMORE=1\n",
    "no text at all": "\x00\x01\x02\xff\xfe",
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("ours", ["", "MAX_RESULTS=1\n"])
def test_a_foreign_env_stops_no_command_that_does_not_use_it(
    name: str, ours: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes((FOREIGN[name] + "\n" + ours).encode("latin-1"))
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "text": "a"}\n{"id": 2, "text": "a b"}\n')
    assert command("import", "data", "docs", "rows.jsonl", "--encoder", "hashing:16").code == 0
    done = command("search", "data", "docs", "a", "--json")
    assert (done.code, done.err, len(done.out.splitlines())) == (0, "", 1 if ours else 2)


def test_a_line_that_is_used_must_be_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for line, problem in (("MAX_RESULTS=many", "whole number"), ("MAX_RESULTS='3", "a quote is not closed")):
        (tmp_path / ".env").write_text(f"bad line\n{line}\n")
        with pytest.raises(vicinal.errors.InvalidArgument, match=rf"\.env:2: .*{problem}"):
            setting("max_results")
    (tmp_path / ".env").write_text("bad line\nMAX_RESULTS=3\n")
    assert (setting("max_results"), setting("chunk_size")) == (3, 512)
    monkeypatch.setenv("MAX_RESULTS", "4")
    assert setting("max_results") == 4
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()  # an environment of Python
    assert setting("chunk_size") == 512


# -- ~


def test_a_tilde_is_the_home_of_the_user(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for path in ("~/data", Path("~/data")):
        with vicinal.connect(path) as database:
            docs = database.collection("docs", encoder="hashing:16")
            docs.upsert(["a"], texts=["x"])
            docs.backup(f"~/backup of {type(path).__name__}")
    (tmp_path / "home" / "papers").mkdir()
    (tmp_path / "home" / "papers" / "a.txt").write_text("a text")
    assert command("index", "~/papers", "--path", "~/index", "--encoder", "hashing:16").code == 0
    assert command("search", "~/data", "docs", "x").code == 0
    assert command("export", "~/data", "docs", "~/out.jsonl").code == 0
    assert command("import", "~/data", "more", "~/out.jsonl").code == 0
    assert command("init", "~/project").code == 0
    (tmp_path / "home" / "q.jsonl").write_text('{"id": "q", "text": "x"}\n')
    (tmp_path / "home" / "j.jsonl").write_text('{"query": "q", "id": "a", "grade": 1}\n')
    judged = command("evaluate", "~/data", "docs", "--queries", "~/q.jsonl", "--judgements", "~/j.jsonl")
    assert judged.code == 0, judged.err
    if find_spec("plotly") is not None:
        assert command("plot", "~/data", "more", "-o", "~/recall.html", "--kind", "recall").code == 0
        assert (tmp_path / "home" / "recall.html").exists()
    assert list((tmp_path / "work").iterdir()) == []
    made = {path.name for path in (tmp_path / "home").iterdir()}
    assert {"data", "index", "out.jsonl", "project", "backup of str", "backup of PosixPath"} - made <= {
        "backup of PosixPath"  # which is called otherwise on Windows
    }
