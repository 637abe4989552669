"""Shared by the scenarios: a client configured by the environment or a file `.env`, and numbers unique to each run.

A server for them: vicinal serve ./data --provision ../collections.toml
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scenario import of_run

from vikingdb import IAM, APIKey
from vikingdb.auth import Auth, HeaderAuth
from vikingdb.vector import CollectionClient, IndexClient, VikingDB


def read_env(path: Path) -> dict[str, str]:
    """Returns the NAME=value lines of a file; removes quotes around a value, and skips lines with #."""
    if not path.is_file():
        return {}
    lines = (line.strip().removeprefix("export ") for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


ENVIRONMENT = {**read_env(Path(".env")), **os.environ}


def auth_of(environment: dict[str, str]) -> Auth:
    if "VIKINGDB_AK" in environment:
        return IAM(ak=environment["VIKINGDB_AK"], sk=environment["VIKINGDB_SK"])
    if "VIKINGDB_API_KEY" in environment:
        return APIKey(api_key=environment["VIKINGDB_API_KEY"])
    return HeaderAuth({"X-Top-Account-Id": environment.get("VIKINGDB_HTTP_HEADER_ACCOUNT_ID", "1")})


@pytest.fixture(scope="session")
def client() -> VikingDB:
    if "VIKINGDB_HOST" not in ENVIRONMENT:
        pytest.skip("VIKINGDB_HOST names no server, neither in the environment nor in .env")
    return VikingDB(
        host=ENVIRONMENT["VIKINGDB_HOST"],
        region=ENVIRONMENT.get("VIKINGDB_REGION", "ap-southeast-1"),
        scheme=ENVIRONMENT.get("VIKINGDB_SCHEME", "https"),
        auth=auth_of(ENVIRONMENT),
    )


@pytest.fixture(scope="session")
def target() -> dict[str, str]:
    """Returns the project, if it is not the default one."""
    project = ENVIRONMENT.get("VIKINGDB_PROJECT")
    return {"project_name": project} if project else {}


@pytest.fixture
def text(client: VikingDB, target: dict[str, str]) -> CollectionClient:
    return client.collection(collection_name="text", **target)


@pytest.fixture
def text_index(client: VikingDB, target: dict[str, str]) -> IndexClient:
    return client.index(collection_name="text", index_name="text_index", **target)


@pytest.fixture
def paragraph() -> int:
    """A number unique to this run, by which a scenario finds what it wrote."""
    return uuid.uuid4().int % 2**52 + 10


@pytest.fixture
def cleanup(client: VikingDB, target: dict[str, str], paragraph: int) -> Iterator[Callable[[str, str], None]]:
    """`cleanup(collection, index)` deletes the rows with this run's paragraphs when the scenario is over."""
    places: list[tuple[str, str]] = []
    yield lambda collection, index: places.append((collection, index))
    for collection, index in places:
        found = client.index(collection_name=collection, index_name=index, **target).search_by_random(
            {"filter": of_run(paragraph), "limit": 100}
        )
        ids = [hit.id for hit in found.result.data]
        if ids:
            client.collection(collection_name=collection, **target).delete({"ids": ids})
