"""The vendor's SDK and ours make every vector call to one server: each succeeds, and the responses are the same.

The vendor's (group `vikingdb` of pyproject.toml) has the same import name as ours, so it has a separate environment;
VICINAL_VIKINGDB_PYTHON is the path of its interpreter.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support import pictures
from support.http_server import HttpServer
from support.viking import COLLECTION, INDEX
from vicinal.server.keys import KeyFile

pytestmark = pytest.mark.slow

SUPPORT = Path(__file__).parents[2] / "support"
VENDORS = os.environ.get("VICINAL_VIKINGDB_PYTHON")
OURS = {"blocking": (sys.executable, "blocking"), "awaited": (sys.executable, "awaited")}
RUNS = OURS if VENDORS is None else {"vendor's": (VENDORS, "blocking"), **OURS}
SECONDS_MAX = 120
FLAT = {"IndexName": "i", "VectorIndex": {"IndexType": "flat", "Distance": "cosine"}}
MODELS = {"bge-m3": "hashing:64", "doubao-seed-rerank": "rerank:lexical", "pictures": "image:descriptor"}
REFUSED = {
    "wrong key": "AccessDenied", "wrong secret": "AccessDenied", "account": "AccessDenied",
    "unknown collection": "NotFound.VikingdbCollection", "unknown index": "NotFound.VikingdbIndex",
    "no collection": "MissingParameter", "wrong row": "InvalidParameter", "wrong dimension": "InvalidParameter",
    "wrong filter": "InvalidParameter", "absent row": "NotFound.VikingdbData",
}  # fmt: skip
FOUND = {
    "vector": [3, 2, 1], "vector, filtered": [1], "vector and sparse": [3, 1], "vector, processed": [3, 1],
    "id": [3, 2], "scalar": [1, 3, 2], "scalar, a mapping": [3, 1], "time": [2], "place": [1], "list": [2],
    "outside": [2, 1], "random": [1], "keywords": [1, 3], "keywords of a query": [2], "multi-modal": ["a", "b"],
    "multi-modal, reranked": ["b", "a"], "words that mean": ["b"], "picture": [2, 1],
}  # fmt: skip
# In the vendor's package: services that have other tests or are not supported, and a module's own imports.
OTHER_SERVICES = {"Collection", "VikingMem", "KnowledgeCollection", "VikingKnowledge"}
NOT_OURS = OTHER_SERVICES | {"Optional", "T_VikingException", "Type", "Union", "json"}


def run(interpreter: str, program: str, *words: str, given: str = "") -> Any:
    command = [interpreter, "-P", str(SUPPORT / program), *words]
    done = subprocess.run(
        command, input=given, capture_output=True, encoding="utf-8", timeout=SECONDS_MAX, check=False,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def picture(seed: int) -> str:
    out = io.BytesIO()
    pictures.scene(seed).resize((48, 48)).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def collections(suffix: str) -> list[dict[str, Any]]:
    """Returns the collections of one run, because each run counts what it has written."""
    key, text = {"FieldName": "id", "IsPrimaryKey": True}, {"FieldName": "story", "FieldType": "text"}
    image = {"FieldName": "picture", "FieldType": "image"}
    of_text = {"ModelName": "bge-m3", "Dim": 64, "TextField": "story"}
    of_image = {"ModelName": "pictures", "ImageField": "picture"}
    index = {name: value for name, value in INDEX.items() if name != "CollectionName"}
    named = {
        "docs": {**COLLECTION, "Indexes": [index]},
        "stories": {"Fields": [{**key, "FieldType": "string"}, text], "Vectorize": {"Dense": of_text}},
        "pictures": {"Fields": [{**key, "FieldType": "int64"}, image], "Vectorize": {"Dense": of_image}},
    }
    return [{"Indexes": [FLAT], **one, "CollectionName": name + suffix} for name, one in named.items()]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Returns the results of each run."""
    folder = tmp_path_factory.mktemp("sdks")
    suffixes = {name: f"_{i}" for i, name in enumerate(RUNS)}
    plan = {"Models": MODELS, "Collections": [one for suffix in suffixes.values() for one in collections(suffix)]}
    Path(folder, "plan.json").write_text(json.dumps(plan))
    keys = KeyFile(folder / "data")
    (pair, secret), (_, api_key) = keys.create("signs", "write", signing=True), keys.create("shows", "read")
    with HttpServer(folder / "data", workers=2, provision=folder / "plan.json") as server:
        host = server.url.removeprefix("http://")
        settings = {"host": host, "ak": pair.access_key, "sk": secret, "api_key": api_key}
        settings["pictures"] = [picture(seed) for seed in (1, 2)]

        def answers(name: str) -> dict[str, Any]:
            interpreter, who = RUNS[name]
            given = json.dumps({**settings, "suffix": suffixes[name]})
            found: dict[str, Any] = run(interpreter, "viking_calls.py", who, given=given)
            return found

        with ThreadPoolExecutor(len(RUNS)) as pool:
            found = dict(zip(RUNS, pool.map(answers, RUNS), strict=True))
        assert server.events("fault") == []
        for hidden in (secret, api_key):
            assert hidden not in server.log()
        return found


@pytest.fixture(params=RUNS)
def one(request: pytest.FixtureRequest, told: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return told[request.param]


def test_every_call_was_made(one: dict[str, Any]) -> None:
    assert one["not called"] == []


def test_calls_succeed_and_find_what_they_must(one: dict[str, Any]) -> None:
    answers = {label: answer for label, answer in one["answers"].items() if isinstance(answer, dict)}
    assert all(answer["request_id"] for answer in answers.values())
    assert {label: answer["code"] for label, answer in answers.items() if answer["code"] != "Success"} == REFUSED
    assert {label: [hit["id"] for hit in answers[label]["result"]["data"]] for label in FOUND} == FOUND
    assert one["answers"]["random, bare"] == [1, 2, 3]
    assert one["answers"]["id of the caller"] is True
    assert answers["count by value"]["result"]["agg"] == {"2": 2}
    assert answers["sum of vectors"]["result"]["vector_weighted_sum"]["vector"] == [2, 0, 1, 0]
    assert answers["nothing is left"]["result"]["ids_not_exist"] == [1, 2, 3]
    made = answers["embedding"]["result"]["data"]
    assert [len(item["dense"]) for item in made] == [8, 8]
    assert [item["score"] > 0 for item in answers["rerank"]["result"]["data"]] == [False, True]


def test_the_answers_of_all_are_the_same(told: dict[str, dict[str, Any]]) -> None:
    first, *others = (one["answers"] for one in told.values())
    for other in others:
        assert other == first


@pytest.mark.skipif(VENDORS is None, reason="VICINAL_VIKINGDB_PYTHON names no interpreter with the vendor's SDK")
def test_whatever_the_vendors_package_offers_ours_offers_too() -> None:
    """Modules, names, models with their JSON fields, calls with their parameters. Ours may have more."""
    assert VENDORS is not None
    theirs, ours = run(VENDORS, "viking_surface.py"), run(sys.executable, "viking_surface.py")
    assert len(theirs["models"]) > 40
    for what, found in theirs.items():
        if isinstance(found, list):
            lacking = [name for name in found if name not in ours[what] and name not in NOT_OURS]
        else:
            lacking = [name for name, of in found.items() if not offers(ours[what].get(name), of)]
        assert lacking == [], what


def offers(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, str) or ours is None:
        return bool(ours == theirs)
    if isinstance(theirs, dict):
        return theirs.items() <= ours.items()
    return all(parameter in ours for parameter in theirs)
