"""Notes: data that a program keeps beside the rows, with the same guarantees as rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from support import children
from support.worlds import World
from vicinal import Collection
from vicinal.errors import InvalidArgument


def test_a_note_is_there_for_every_handle_and_later(world: World, docs: Collection) -> None:
    docs.notes("app")["config"] = b"\x00\xff"
    assert world.collection().notes("app")["config"] == b"\x00\xff"
    assert dict(world.again().notes("app")) == {"config": b"\x00\xff"}


def test_owners_do_not_see_each_other(docs: Collection) -> None:
    docs.notes("a")["k"] = b"1"
    docs.notes("b")["k"] = b"2"
    del docs.notes("a")["k"]
    assert dict(docs.notes("a")) == {}
    assert dict(docs.notes("b")) == {"k": b"2"}


def test_an_owner_may_be_any_text(docs: Collection) -> None:
    owners = ["~YQ", "a", "~", "a/b", "..", ".", "a?b#c", "%2F", "ü n", "update", "~é"]
    for owner in owners:
        docs.notes(owner)["k"] = owner.encode()
    assert {owner: dict(docs.notes(owner)) for owner in owners} == {owner: {"k": owner.encode()} for owner in owners}


def test_many_notes_are_one_commit_and_the_same_notes_again_none(docs: Collection) -> None:
    before = docs.stats().change
    notes = docs.notes("app")
    notes.update({"a": b"1", "b": b"2"}, c=b"3")
    assert docs.stats().change == before + 1
    notes.update(a=b"1", c=b"3")
    assert notes.setdefault("a", b"9") == b"1"
    assert docs.stats().change == before + 1
    assert list(notes) == ["a", "b", "c"]
    assert len(notes) == 3


def test_setdefault_writes_where_there_is_none(docs: Collection) -> None:
    assert docs.notes("app").setdefault("k", b"v") == b"v"
    assert docs.notes("app")["k"] == b"v"


def test_a_note_is_replaced_while_it_is_what_was_read(docs: Collection) -> None:
    notes = docs.notes("app")
    assert notes.replace("k", None, b"1")
    assert not notes.replace("k", None, b"2")
    assert not notes.replace("k", b"9", b"2")
    assert dict(notes) == {"k": b"1"}
    assert notes.replace("k", b"1", b"2")
    before = docs.stats().change
    assert notes.replace("k", b"2", b"2")
    assert docs.stats().change == before
    assert dict(notes) == {"k": b"2"}


@pytest.mark.parametrize("known", [b"before", None])
def test_a_change_is_made_of_the_note_as_it_is(docs: Collection, known: bytes | None) -> None:
    """Another program changes it between the read and the write."""
    notes, seen = docs.notes("app"), list[bytes | None]()
    if known is not None:
        notes["k"] = known

    def changed(note: bytes | None) -> bytes:
        seen.append(note)
        if len(seen) == 1:
            docs.notes("app")["k"] = b"theirs"
        return (note or b"") + b" and ours"

    assert notes.change("k", changed) == b"theirs and ours"
    assert (seen, dict(notes)) == ([known, b"theirs"], {"k": b"theirs and ours"})


def test_notes_move_along(world: World, docs: Collection) -> None:
    docs.notes("app")["k"] = b"v"
    docs.add([1, 2], vectors=[[1.0], [2.0]])
    docs.delete([1])
    docs.compact()
    docs.alter(metric="l2")
    assert dict(world.again().notes("app")) == {"k": b"v"}


def test_notes_come_back_from_a_backup_and_go_back_with_a_snapshot(tmp_path: Path) -> None:
    docs = vicinal.connect(tmp_path / "db").collection("docs")
    docs.notes("app")["k"] = b"old"
    docs.snapshot("s")
    docs.notes("app")["k"] = b"new"
    docs.backup(tmp_path / "copy")
    docs.restore("s")
    assert docs.notes("app")["k"] == b"old"
    assert vicinal.connect(tmp_path / "copy").collection("docs").notes("app")["k"] == b"new"


def test_missing_notes_are_key_errors(docs: Collection) -> None:
    with pytest.raises(KeyError):
        docs.notes("app")["k"]
    with pytest.raises(KeyError):
        del docs.notes("app")["k"]
    assert docs.notes("app").get("k") is None


@pytest.mark.parametrize("value", [None, "text", 1, bytearray(b"x")])
def test_only_bytes_are_kept(docs: Collection, value: object) -> None:
    before = docs.stats().change
    with pytest.raises(InvalidArgument, match="a note is bytes"):
        docs.notes("app").update({"good": b"1", "k": value})
    assert docs.stats().change == before


@pytest.mark.parametrize("name", ["", "x" * 1025, 1, None, "\ud800"])
def test_owner_and_key_are_texts(docs: Collection, name: object) -> None:
    with pytest.raises(InvalidArgument, match="owner of a note"):
        docs.notes(name)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="key of a note"):
        docs.notes("app")[name] = b""  # type: ignore[index]


def test_a_note_survives_the_death_of_its_writer(tmp_path: Path) -> None:
    docs = vicinal.connect(tmp_path).collection("docs")
    code = 'vicinal.connect(path).collection("docs").notes("app")["k"] = b"v"; os.kill(os.getpid(), signal.SIGKILL)'
    children.run(code, tmp_path, status=-9)
    assert docs.notes("app")["k"] == b"v"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.binary(max_size=3)), max_size=12))
def test_notes_are_a_dict(steps: list[tuple[str, bytes | None]]) -> None:
    notes = vicinal.connect(":memory:").collection("docs").notes("app")
    model: dict[str, bytes] = {}
    for key, value in steps:
        if value is not None:
            notes[key] = model[key] = value
        else:
            assert notes.pop(key, None) == model.pop(key, None)
        assert dict(notes) == model
