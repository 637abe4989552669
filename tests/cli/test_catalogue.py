"""What the demo finds in the standard library, without executing any of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vicinal.cli import catalogue
from vicinal.cli.catalogue import Entry, standard_library, summary


@pytest.fixture(scope="module")
def entries() -> dict[str, Entry]:
    return {entry.name: entry for entry in standard_library()}


def test_the_whole_library_is_found(entries: dict[str, Entry]) -> None:
    assert len(entries) >= 3000
    kinds = [entry.kind for entry in entries.values()]
    assert set(kinds) == {"module", "class", "function", "method"}
    assert min(kinds.count(kind) for kind in set(kinds)) > 200


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("shutil.copytree", "function"),
        ("pathlib.Path.exists", "method"),
        ("json.JSONDecoder", "class"),
        ("csv", "module"),
        ("builtins.str.join", "method"),
        ("math.sqrt", "function"),
        ("zlib.compress", "function"),
        ("itertools.chain", "class"),
        ("bisect.bisect_right", "function"),
        ("heapq.heappush", "function"),
        ("struct.pack", "function"),
        ("functools.partial", "class"),
        ("collections.deque.append", "method"),
        ("collections.abc.Mapping", "class"),
        ("datetime.datetime.strptime", "method"),
        ("decimal.Decimal", "class"),
        ("io.IOBase.readline", "method"),
        ("os.mkdir", "function"),
        ("os.path.join", "function"),
        ("signal.signal", "function"),
        ("socket.socket.connect", "method"),
        ("sqlite3.connect", "function"),
        ("asyncio.gather", "function"),
        ("unittest.TestCase", "class"),
        ("xml.parsers.expat.ParserCreate", "function"),
        ("array.array", "class"),
    ],
)
def test_things_stand_under_their_public_name(name: str, kind: str, entries: dict[str, Entry]) -> None:
    assert entries[name].kind == kind
    assert entries[name].doc


def test_threading_lock_is_found_behind_its_alias(entries: dict[str, Entry]) -> None:
    assert entries["threading.Lock"].module == "threading"


def test_private_test_and_bundled_modules_are_left_out(entries: dict[str, Entry]) -> None:
    unwanted = {"antigravity", "this", "idlelib", "turtledemo", "test", "tests", "lib2to3", "ensurepip", "posix"}
    for entry in entries.values():
        parts = entry.name.split(".")
        assert not unwanted & set(entry.module.split(".")), entry.name
        assert not any(part.startswith("_") for part in parts), entry.name


def test_nothing_is_said_twice_within_a_package(entries: dict[str, Entry]) -> None:
    said = [
        (entry.module.partition(".")[0], entry.metadata["name"], entry.doc)
        for entry in entries.values()
        if entry.kind == "method"
    ]
    assert len(said) == len(set(said))


def test_texts_are_short_single_lines_that_begin_with_the_name(entries: dict[str, Entry]) -> None:
    for entry in entries.values():
        assert "\n" not in entry.text
        assert len(entry.text) <= catalogue.MODULE_CHARS_MAX + 4
    assert entries["shutil.copytree"].text.startswith("shutil copytree")
    assert entries["http.server.BaseHTTPRequestHandler"].text.startswith("http server Base HTTP Request Handler: ")
    assert entries["shutil.copytree"].metadata == {"module": "shutil", "kind": "function", "name": "copytree"}


def test_a_summary_is_the_first_sentence(entries: dict[str, Entry]) -> None:
    assert summary(entries["math.sqrt"].text) == "Return the square root of x."
    assert summary("without a colon") == ""


def test_another_process_finds_the_same_and_runs_no_module_with_side_effects(entries: dict[str, Entry]) -> None:
    """With other hashes of texts, so that no order comes from a set. Importing `this` would print."""
    program = """
import sys
from vicinal.cli.catalogue import standard_library
found = repr([entry for entry in standard_library() if entry.module != "sys"])
print([name for name in ("antigravity", "this", "turtle", "tkinter", "idlelib") if name in sys.modules])
print(found)
"""
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONUTF8": "1"}
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, env=environment)
    loaded, found = done.stdout.splitlines()
    assert loaded == "[]"
    assert done.stderr == ""
    # Without `sys`, in which pytest and others have installed hooks in this process.
    assert found == repr([entry for entry in entries.values() if entry.module != "sys"])
    assert list(entries) == sorted(entries)


# --- the rules, on small libraries ---


@pytest.fixture
def found_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Returns the entries of a library with the given files, by name."""

    def find(**sources: str) -> dict[str, Entry]:
        for name, source in sources.items():
            path = tmp_path.joinpath(*name.split("__in__")[::-1]).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(source)
        names = {name.split("__in__")[-1] for name in sources}
        monkeypatch.setattr(sys, "stdlib_module_names", frozenset(names))
        monkeypatch.setattr(catalogue, "_DOCUMENTED_AS", {})
        return {entry.name: entry for entry in catalogue._Library(tmp_path).entries()}

    return find


FUNCTION = 'def f(a, b=1):\n    "Does it."\n'


def test_what_a_private_module_defines_is_listed_where_it_is_public(found_in) -> None:
    found = found_in(_hidden=FUNCTION, shop="from _hidden import f", other="from shop import f")
    assert list(found) == ["shop.f"]


def test_what_a_package_takes_from_its_submodule_is_listed_once(found_in) -> None:
    found = found_in(__init____in__pack="from .inner import *", inner__in__pack=FUNCTION)
    assert list(found) == ["pack.f"]


def test_all_decides_where_it_is_written_out(found_in) -> None:
    both = FUNCTION + FUNCTION.replace("def f", "def g")
    assert list(found_in(shop=f"__all__ = ['g']\n{both}")) == ["shop.g"]
    assert list(found_in(shop=f"__all__ = names()\n{both}")) == ["shop.f", "shop.g"]
    assert list(found_in(shop=f"__all__ = ['g']\n__all__ += ['f']\n{both}")) == ["shop.f", "shop.g"]
    assert list(found_in(shop=f"__all__ = ['g']\n__all__.extend(more)\n{both}")) == ["shop.f", "shop.g"]


def test_a_private_base_class_lends_its_methods_and_docstring(found_in) -> None:
    source = """
class _Base:
    "What it is."
    def m(self, x): "Does m."
    def n(self): "Does n."
class Public(_Base):
    def n(self): "Does n better."
class Child(Public):
    "A child."
    def own(self): "Its own."
"""
    found = found_in(shop=source)
    assert list(found) == ["shop.Public", "shop.Public.n", "shop.Public.m", "shop.Child", "shop.Child.own"]
    assert found["shop.Public"].doc == "What it is."
    assert found["shop.Public.n"].doc == "Does n better."


def test_the_definition_with_a_docstring_counts(found_in) -> None:
    source = "if windows:\n    def f(): pass\nelse:\n" + FUNCTION.replace("def", "    def").replace(
        '    "', '        "'
    )
    assert found_in(shop=source)["shop.f"].doc == "Does it."


def test_classes_without_a_docstring_take_that_of_their_constructor(found_in) -> None:
    found = found_in(shop='class C:\n    def __init__(self, size):\n        "Makes it."\n')
    assert found["shop.C"].doc == "Makes it."


def test_docstrings_of_modules_may_be_assigned_or_imported(found_in) -> None:
    found = found_in(_hidden='"Said there."', shop="from _hidden import __doc__", other='__doc__ = "Said here."')
    assert found["shop"].doc == "Said there."
    assert found["other"].doc == "Said here."


def test_modules_that_import_each_other_are_read(found_in) -> None:
    found = found_in(
        _a="from _b import *\n" + FUNCTION, _b="from _a import *", shop="from _a import *\nfrom _b import f"
    )
    assert list(found) == ["shop.f"]


def test_missing_modules_and_odd_files_do_no_harm(found_in) -> None:
    assert found_in(shop="from _winapi_that_is_not_here import *\nimport nowhere\nx = y.z\n") == {}
