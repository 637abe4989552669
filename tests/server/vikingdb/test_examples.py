"""The examples of the SDK and the first program of its document, with a server that has what they expect."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.documents import SEEDS
from support.http_server import HttpServer
from vicinal.server.keys import KeyFile

SDK = Path(__file__).parents[3] / "sdk" / "vikingdb"
COLLECTIONS = SDK / "examples" / "collections.toml"
SEED = next(iter(SEEDS.glob("001_*.txt")), None)
SCENARIOS = 10
SECONDS_MAX = 120


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the examples. The server has keys and rejects all others."""
    path = tmp_path_factory.mktemp("examples") / "data"
    key, secret = KeyFile(path).create("examples", "write", signing=True)
    with HttpServer(path, workers=2, provision=COLLECTIONS) as server:
        yield {
            "VIKINGDB_AK": key.access_key or "",
            "VIKINGDB_SK": secret,
            "VIKINGDB_HOST": server.url.removeprefix("http://"),
            "VIKINGDB_SCHEME": "http",
        }


def run(folder: Path, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VIKINGDB_")}
    # Plugins are for the tests of this project; loading them takes longer than the examples.
    environment = {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **more}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS_MAX,
        check=False,
    )  # fmt: skip


def scenarios(folder: Path, **more: str) -> str:
    """Returns pytest's output, run as documented except for files that would stay in this tree."""
    done = run(
        folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "scenario", SDK / "examples/vector", **more
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_scenario_runs_by_a_file_of_settings_and_leaves_nothing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    Path(tmp_path, ".env").write_text("".join(f"{name}='{value}'\n" for name, value in environment.items()))
    before = rows_by_collection(environment)
    assert f"{SCENARIOS} passed" in scenarios(tmp_path)
    assert rows_by_collection(environment) == before == {"text": 2, "vector": 0}


def test_without_a_server_the_scenarios_are_skipped(tmp_path: Path) -> None:
    assert f"{SCENARIOS} skipped" in scenarios(tmp_path)


@pytest.mark.skipif(SEED is None, reason="VikingDB's document is not here: ../shared/seeds/001_*.txt")
def test_the_first_program_of_the_document_runs_unchanged_but_for_its_scheme(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Its host is set by the environment."""
    assert SEED is not None
    document = SEED.read_text(encoding="utf-8")
    program = re.findall(r"```python\n(.*?)```", document, re.DOTALL)[0].replace('scheme="https"', 'scheme="http"')
    Path(tmp_path, "program.py").write_text(program, encoding="utf-8")
    more = {
        "VIKINGDB_REGION": "ap-southeast-1",
        "VIKINGDB_COLLECTION": "demo_collection",
        "VIKINGDB_INDEX": "demo_index",
    }
    done = run(tmp_path, "program.py", **environment, **more)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"request_id=\S+ hits=1\n", done.stdout)


def rows_by_collection(environment: dict[str, str]) -> dict[str, int]:
    from vikingdb import IAM, VikingDB

    auth = IAM(ak=environment["VIKINGDB_AK"], sk=environment["VIKINGDB_SK"])
    with VikingDB(host=environment["VIKINGDB_HOST"], region="r", auth=auth, scheme="http") as client:
        indexes = {name: client.index(collection_name=name, index_name=f"{name}_index") for name in ("text", "vector")}
        return {name: index.aggregate({"op": "count"}).result.agg["__TOTAL__"] for name, index in indexes.items()}
