"""The code generated from the signatures of collections and databases is up to date."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal import aio, contract

ROOT = Path(__file__).parents[1]
PAIRS = [
    (vicinal.Collection, contract.Collection),
    (vicinal.Database, contract.Database),
    (aio.AsyncCollection, contract.AsyncCollection),
    (aio.AsyncDatabase, contract.AsyncDatabase),
]


def test_the_twins_are_those_of_the_classes() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "write_twins.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{done.stdout}{done.stderr} Run make docs."


@pytest.mark.parametrize(("made", "promised"), PAIRS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_who_holds_one_has_what_the_contract_promises(made: type, promised: type) -> None:
    """Names, kinds and defaults of all arguments; parameters that only reject a wrong name are left out."""

    def shape(call: Any) -> list[tuple[str, Any, Any]]:
        return [(p.name, p.kind, p.default) for p in inspect.signature(call).parameters.values() if p.name != "unknown"]

    names = {name for name in vars(promised) if not name.startswith("_") and callable(vars(promised)[name])}
    assert names == {
        name
        for kind in made.__mro__[:-1]
        for name, member in vars(kind).items()
        if not name.startswith("_") and callable(member)
    }
    for name in names:
        assert shape(getattr(made, name)) == shape(getattr(promised, name)), name
