"""P10: a collection remembers its encoder and rejects another one; a weaker one is never substituted."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from support.worlds import World
from vicinal.encoders import registry
from vicinal.encoders.registry import register
from vicinal.errors import (
    DimensionMismatch,
    EncoderMismatch,
    EncoderNotFound,
    InvalidInput,
    InvalidVector,
    LimitExceeded,
    NoEncoder,
    NotAllowed,
    SettingsMismatch,
    ZeroVector,
)

_numbers = itertools.count()


class Letters:
    """Counts letters, so that results are predictable. `turn` makes another model that claims to be the same."""

    def __init__(self, *, name: str = "letters", version: str = "1", fingerprint: str = "f", turn: int = 0) -> None:
        self.name, self.version, self.fingerprint, self.dim, self.turn = name, version, fingerprint, 26, turn
        self.texts: list[str] = []

    def encode(self, texts: Any) -> np.ndarray:
        self.texts.extend(texts)
        counts = np.full((len(texts), 26), 0.01, dtype=np.float32)
        for row, text in zip(counts, texts):
            for letter in text.lower():
                if "a" <= letter <= "z":
                    row[(ord(letter) - ord("a") + self.turn) % 26] += 1
        return counts


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> str:
    """Returns the name of an encoder that a later process can find."""
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    name = f"letters{next(_numbers)}"
    register(name, lambda _: Letters(name=name))
    return name


def test_texts_become_vectors(world: World) -> None:
    docs = world.collection(encoder=Letters())
    docs.add(["a", "b"], texts=["aaa", "bbb"])
    assert docs.search("aa", k=1).ids == ["a"]
    assert docs.stats().dimension == 26
    assert docs.stats().encoder == "letters"


def test_a_given_vector_goes_before_the_encoder(world: World) -> None:
    encoder = Letters()
    docs = world.collection(encoder=encoder)
    encoder.texts.clear()
    docs.add(["a", "b", "c"], texts=["aaa", None, "ccc"], vectors=[np.eye(26)[25], np.eye(26)[1], None])
    assert "aaa" not in encoder.texts
    assert docs.search("z", k=1).ids == ["a"]
    assert docs.search("b", k=1).ids == ["b"]
    assert docs.search("c", k=1).ids == ["c"]


def test_a_new_text_is_encoded_anew(world: World) -> None:
    docs = world.collection(encoder=Letters())
    docs.add(["a", "b"], texts=["aaa", "bbb"])
    docs.update(["a"], texts=["zzz"])
    assert docs.search("z", k=1).ids == ["a"]
    docs.update(["a"], metadata=[{"n": 1}])
    docs.update(["a"], vectors=[np.eye(26)[12]])
    assert docs.search("m", k=1).ids == ["a"]
    assert docs.get("a")[0].text == "zzz"


def test_equal_ids_in_an_upsert_cost_one_encoding(world: World) -> None:
    encoder = Letters()
    docs = world.collection(encoder=encoder)
    encoder.texts.clear()
    docs.upsert(["a", "a", "a"], texts=["one", "two", "three"])
    assert [text for text in encoder.texts if text in ("one", "two")] == []
    assert docs.get("a")[0].text == "three"


def test_a_refused_batch_is_not_encoded(world: World) -> None:
    encoder = Letters()
    docs = world.collection(encoder=encoder)
    docs.add(["there"], texts=["x"])
    encoder.texts.clear()
    for bad in (
        lambda: docs.add(["a", "there"], texts=["work", "work"]),
        lambda: docs.add(["a", "a"], texts=["work", "work"]),
        lambda: docs.add(["a", "b"], texts=["work", "work"], metadata=[{}, {"x": float("nan")}]),
        lambda: docs.update(["there", "there"], texts=["work", "work"]),
    ):
        with pytest.raises(InvalidInput):
            bad()
    assert encoder.texts == []


def test_p10_found_again_by_its_name(world: World, registered: str) -> None:
    docs = world.collection(encoder=registered)
    docs.add(["a", "b"], texts=["aaa", "bbb"])
    before = docs.search("ab")
    docs = world.again()
    assert docs.stats().encoder == registered
    assert docs.search("ab") == before
    docs.add(["z"], texts=["zzz"])
    assert docs.search("z", k=1).ids == ["z"]


def test_p10_the_builtin_one_too(world: World) -> None:
    world.collection(encoder="hashing:64").add(["a", "b"], texts=["some words", "other things"])
    docs = world.again()
    assert docs.search("some words", k=1).ids == ["a"]
    assert world.again(encoder="hashing:64").search("other things", k=1).ids == ["b"]


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (Letters(name="other"), "name"),
        (Letters(version="2"), "version"),
        (Letters(fingerprint="g"), "fingerprint"),
        ("hashing:26", "name, fingerprint"),
        ("hashing:64", "name, dim, fingerprint"),
    ],
    ids=["name", "version", "fingerprint", "hashing", "hashing and dim"],
)
def test_p10_another_encoder_is_refused_when_opened(world: World, other: Any, differs: str) -> None:
    world.collection(encoder=Letters()).add(["a"], texts=["aaa"])
    with pytest.raises(EncoderMismatch) as caught:
        world.again(encoder=other)
    assert isinstance(caught.value, SettingsMismatch)
    assert "'docs' was made with encoder letters (version 1, 26 dimensions)" in str(caught.value)
    assert f"they differ in {differs}" in str(caught.value)
    assert world.again(encoder=Letters()).search("a").ids == ["a"]


def test_p10_the_same_name_with_other_vectors_is_refused_at_first_use(world: World) -> None:
    world.collection(encoder=Letters()).add(["a"], texts=["aaa"])
    docs = world.again(encoder=Letters(turn=3))
    before = docs.stats().change
    for use in (
        lambda: docs.search("aaa"),
        lambda: docs.search_many(["aaa"]),
        lambda: docs.add(["b"], texts=["bbb"]),
        lambda: docs.upsert(["a"], texts=["bbb"]),
        lambda: docs.update(["a"], texts=["bbb"]),
    ):
        with pytest.raises(EncoderMismatch, match="they give different vectors for the same text"):
            use()
    assert docs.stats().change == before
    assert docs.search(np.eye(26)[0]).ids == ["a"]  # what needs no encoder works
    assert docs.get("a")[0].text == "aaa"


def test_p10_one_that_cannot_be_had_is_an_error_and_nothing_stands_in(world: World) -> None:
    world.collection(encoder=Letters(name="lost")).add(["a"], texts=["aaa"])
    docs = world.again()
    before = docs.stats().change
    for use in (
        lambda: docs.search("aaa"),
        lambda: docs.add(["b"], texts=["bbb"]),
        lambda: docs.update(["a"], texts=["b"]),
    ):
        with pytest.raises(EncoderNotFound, match=r"'docs' was made with encoder lost .* not registered"):
            use()
    assert docs.stats().change == before
    assert docs.stats().encoder == "lost"
    assert docs.count() == 1
    docs.add(["v"], vectors=np.eye(26)[:1])
    assert docs.search(np.eye(26)[0], k=9).ids == ["v", "a"]


def test_p10_an_encoder_cannot_be_added_later(world: World) -> None:
    world.collection().add(["a"], vectors=np.eye(26)[:1])
    with pytest.raises(EncoderMismatch, match="was made without an encoder, but was opened with 'letters'"):
        world.again(encoder=Letters())


def test_without_an_encoder_texts_are_stored_and_not_compared(world: World) -> None:
    docs = world.collection()
    docs.add(["a"], texts=["aaa"], vectors=[[1.0]])
    docs.add(["b"], texts=["bbb"])
    with pytest.raises(NoEncoder) as caught:
        docs.search("aaa")
    assert "reembed(" in caught.value.remedy
    assert [row.text for row in docs.get()] == ["aaa", "bbb"]


def test_an_encoder_of_more_dimensions_than_a_vector_may_have_changes_nothing(world: World) -> None:
    class Wide(Letters):
        def __init__(self) -> None:
            super().__init__()
            self.dim = 65_537

        def encode(self, texts: Any) -> np.ndarray:
            return np.ones((len(texts), self.dim), np.float32)

    with pytest.raises(LimitExceeded, match=r"65,537 components, the limit is 65,536"):
        world.collection(encoder=Wide())
    assert world.db.collections() == []
    docs = world.collection(encoder=Letters())
    if world.on_disk:
        with pytest.raises(LimitExceeded):
            docs.reembed(Wide())
    docs.add(["a"], texts=["aaa"])


def test_an_encoder_and_another_dimension_are_refused_together(world: World) -> None:
    with pytest.raises(SettingsMismatch, match="dimension 5 was asked for, but encoder 'letters' makes 26"):
        world.collection(encoder=Letters(), dimension=5)
    assert world.db.collections() == []


def test_an_encoder_that_is_none_is_refused(world: World) -> None:
    for bad in (5, object(), "no-such-encoder"):
        with pytest.raises((InvalidInput, EncoderNotFound, NotAllowed)):  # a server says which it has
            world.collection(encoder=bad)
    assert world.db.collections() == []


class Broken(Letters):
    """Correct for the probe, then wrong."""

    def __init__(self, answer: Any) -> None:
        super().__init__(name="broken")
        self.answer = answer

    def encode(self, texts: Any) -> Any:
        if any("bad" in text for text in texts):
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer
        return super().encode(texts)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (np.zeros((2, 5)), DimensionMismatch),
        (np.zeros((1, 26)), DimensionMismatch),
        (np.full((2, 26), np.nan), InvalidVector),
        (np.full((2, 26), np.inf), InvalidVector),
        (np.zeros((2, 26)), ZeroVector),
        ("nonsense", InvalidVector),
        (None, InvalidVector),
        (OSError("the service is down"), OSError),
    ],
    ids=["width", "length", "nan", "inf", "zero", "text", "none", "raises"],
)
def test_an_encoder_that_answers_badly_changes_nothing(world: World, answer: Any, error: type[Exception]) -> None:
    docs = world.collection(encoder=Broken(answer))
    docs.add(["good"], texts=["fine"])
    before = docs.stats().change
    for use in (
        lambda: docs.add(["a", "b"], texts=["bad 1", "bad 2"]),
        lambda: docs.upsert(["good", "b"], texts=["bad 1", "bad 2"]),
    ):
        with pytest.raises(error):
            use()
    assert docs.stats().change == before
    assert [row.text for row in docs.get()] == ["fine"]


def test_two_collections_with_models_of_one_class_do_not_share_vectors(world: World) -> None:
    """A model without a fingerprint must not be cached under the name of its class."""

    class Anonymous:
        def __init__(self, turn: int) -> None:
            self.inner = Letters(turn=turn)

        def encode(self, texts: Any) -> Any:
            return self.inner.encode(texts)

    one = world.collection("one", encoder=Anonymous(0))
    two = world.collection("two", encoder=Anonymous(1))
    one.add(["x"], texts=["aaa"])
    two.add(["x"], texts=["aaa"])
    first, second = (docs.get("x", vectors=True)[0].vector for docs in (one, two))
    assert first is not None
    assert second is not None
    assert (int(np.argmax(first)), int(np.argmax(second))) == (0, 1)
