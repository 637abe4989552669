"""The public names are those that the documentation may promise, and no others."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import types

import pytest

import vicinal
from vicinal import errors

PUBLIC = [
    "Bm25",
    "Collection",
    "Database",
    "Duplicates",
    "Explanation",
    "Group",
    "Hit",
    "Hits",
    "Id",
    "LegScore",
    "LoggedQuery",
    "MigratedCollection",
    "MigrationReceipt",
    "Problem",
    "PurgeReceipt",
    "Record",
    "RepairReport",
    "Row",
    "Snapshot",
    "Stats",
    "TfIdf",
    "VerifyReport",
    "VicinalError",
    "WhyNot",
    "__version__",
    "connect",
    "migrate",
]

# Modules that `import vicinal` must not load: each takes longer than all of ours, and most programs never need it.
HEAVY = {
    "asyncio", "concurrent.futures.process", "multiprocessing", "pandas", "pyarrow", "rich", "safetensors", "sqlite3",
    "tokenizers", "torch", "typer", "unittest", "vicinal.cli",
}  # fmt: skip


def modules() -> list[str]:
    """Returns all our modules that can be imported everywhere."""
    found = pkgutil.walk_packages(vicinal.__path__, "vicinal.")
    return sorted(module.name for module in found if not module.name.endswith(("__main__", "._core")))


def test_the_package_offers_this_and_nothing_else() -> None:
    assert vicinal.__all__ == PUBLIC
    public = {
        name
        for name, value in vars(vicinal).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(PUBLIC) - {"__version__"}


def _place(name: str) -> tuple[int, str]:
    """Sorts like ruff: names in capitals, then classes, then the rest."""
    constant = name.isupper() and len(name) > 1
    return (0 if constant else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("name", modules())
def test_a_public_list_is_sorted_and_true(name: str) -> None:
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", [])
    assert len(set(listed)) == len(listed)
    assert list(listed) == sorted(listed, key=_place)
    assert not [missing for missing in listed if not hasattr(module, missing)]


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_is_documented(name: str) -> None:
    value = getattr(vicinal, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__, f"{name} has no docstring"
        methods = [member for member in vars(value).values() if inspect.isfunction(member)]
        assert not [
            method.__qualname__ for method in methods if not method.__name__.startswith("_") and not method.__doc__
        ]


def test_errors_lists_all_its_errors() -> None:
    defined = {
        name for name, value in vars(errors).items() if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert set(errors.__all__) == defined
    assert all(issubclass(getattr(errors, name), vicinal.VicinalError) for name in errors.__all__)


def test_import_loads_nothing_heavy() -> None:
    program = "import sys; before = set(sys.modules); import vicinal; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
