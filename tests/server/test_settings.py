"""Settings of the server: their sources, and invalid values."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from vicinal.errors import InvalidArgument
from vicinal.server import ServerSettings

PAGE = Path(__file__).parents[2] / "docs" / "server.md"


def test_the_command_line_goes_before_the_environment_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('port = 1\nworkers = 2\ntimeout = 3\nallowed_hosts = ["a.example"]\n')
    environment = {"VICINAL_SERVER_PORT": "4", "VICINAL_SERVER_WORKERS": "5", "OTHER": "x"}
    found = ServerSettings.load(tmp_path, config=file, environment=environment, port=6, workers=None)
    assert (found.port, found.workers, found.timeout, found.allowed_hosts) == (6, 5, 3, ("a.example",))


def test_lists_and_switches_of_the_environment(tmp_path: Path) -> None:
    environment = {"VICINAL_SERVER_ENCODERS": "hashing, minilm", "VICINAL_SERVER_ALLOW_REGEX": "true"}
    found = ServerSettings.load(tmp_path, environment=environment)
    assert found.encoders == ("hashing", "minilm")
    assert found.allow_regex


@pytest.mark.parametrize(
    "given",
    [
        {"port": -1},
        {"port": 65536},
        {"port": True},
        {"workers": 0},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": "10"},
        {"host": ""},
        {"encoders": "minilm"},
        {"encoders": [5]},
        {"log_requests": 1},
        {"tls_certificate": "x.pem"},
        {"colour": "red"},
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        ServerSettings.load(tmp_path, environment={}, **given)


@pytest.mark.parametrize(
    ("name", "remedy"), [("worker", "workers"), ("api_key", "vicinal keys create"), ("x", "There are")]
)
def test_an_unknown_name_gets_a_hint(tmp_path: Path, name: str, remedy: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ServerSettings.load(tmp_path, environment={f"VICINAL_SERVER_{name.upper()}": "1"})
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("text", ["port = ", "[server]\nport = 1", "\xff"])
def test_a_file_that_is_no_settings(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidArgument):
        ServerSettings.load(tmp_path, config=file, environment={})


def test_the_page_has_every_setting_and_its_default() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|([^|]*)\|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: default.strip() for names, default in rows for name in re.findall(r"`(\w+)`", names)}
    for field in dataclasses.fields(ServerSettings):
        if field.name == "path":
            continue
        value: Any = field.default
        shown = ",".join(value) if isinstance(value, tuple) else "" if value is None else f"{value}"
        shown = shown.lower() if isinstance(value, bool) else shown.removesuffix(".0")
        assert told[field.name] == shown, field.name
