"""The error tree, and the exact wording of common errors: cause, place, remedy."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Collection, errors
from vicinal.errors import VicinalError

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, VicinalError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_is_exported_documented_and_under_the_root(kind: type[VicinalError]) -> None:
    assert kind.__name__ in errors.__all__
    assert issubclass(kind, VicinalError)
    assert kind.__doc__
    assert kind.__name__ in (errors.__doc__ or "") or kind is errors.VicinalError


def test_nothing_else_is_exported() -> None:
    assert sorted(errors.__all__) == sorted(kind.__name__ for kind in CLASSES)


@pytest.mark.parametrize(
    ("branch", "builtin"),
    [
        (errors.InvalidInput, ValueError),
        (errors.NotFound, KeyError),
        (errors.StoreError, RuntimeError),
        (errors.InvalidArgument, TypeError),
        (errors.MissingExtra, ImportError),
        (errors.NativeMismatch, ImportError),
    ],
)
def test_who_catches_the_builtin_class_catches_ours(branch: type, builtin: type) -> None:
    assert all(issubclass(kind, builtin) for kind in CLASSES if issubclass(kind, branch))


def test_every_leaf_is_a_value_key_or_runtime_error() -> None:
    for kind in CLASSES:
        if kind is not VicinalError:
            assert issubclass(kind, (ValueError, KeyError, RuntimeError)), kind


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("again", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy], ids=["pickle", "copy"])
def test_an_error_survives_pickle_and_copy(kind: type[VicinalError], again: Callable[[Any], Any]) -> None:
    """Required between processes: an error that cannot be unpickled there hangs a pool of workers."""
    if kind is errors.MissingExtra:
        error: VicinalError = errors.MissingExtra("pandas", "frames", "to_pandas()")
    else:
        error = kind("it is wrong", name="ids", value=["a", 7], place="row 3", remedy="Mend it.")
    error.add_note("while testing")
    error.committed = None  # type: ignore[attr-defined]
    found = again(error)
    assert type(found) is kind
    assert str(found) == str(error)
    assert found.args == error.args
    parts = ("name", "value", "place", "remedy", "message", "committed", "__notes__")
    assert [getattr(found, part) for part in parts] == [getattr(error, part) for part in parts]


def test_what_cannot_be_pickled_becomes_text() -> None:
    error = pickle.loads(pickle.dumps(errors.InvalidArgument("no encoder", value=[lambda: None, "a" * 500], name="x")))
    assert error.value[0].startswith("<function")
    assert error.value[1] == "a" * 500


def test_a_message_is_place_cause_and_remedy() -> None:
    error = errors.InvalidVector("it is bent", name="vectors", value=5, place="row 3", remedy="Straighten it.")
    assert str(error) == "row 3: it is bent. Straighten it."
    assert (error.name, error.value, error.place, error.remedy) == ("vectors", 5, "row 3", "Straighten it.")
    assert str(errors.IdNotFound("it is gone")) == "it is gone."  # and not the repr that KeyError prints
    assert str(errors.MissingExtra("pandas", "frames", "to_pandas()")) == (
        "to_pandas() needs the package 'pandas', which is not installed. Install it with: pip install 'vicinal[frames]'"
    )


@pytest.fixture
def docs() -> Collection:
    databases[:] = [vicinal.connect(":memory:")]
    made = databases[0].collection("docs")
    made.add(["a", "b"], vectors=[[1.0, 0.0], [0.0, 1.0]])
    made.add(["text"], texts=["no vector"])
    return made


Call = Callable[[Collection], object]
X = [1.0, 2.0]


def collection(name: str, **settings: Any) -> Collection:
    """Returns a collection in a database that lives as long as the test."""
    return databases[-1].collection(name, **settings)


databases: list[vicinal.Database] = []


def loop() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["x"] = made
    return made


# name: (call, class, field `name`, text)
GOLDEN: dict[str, tuple[Call, str, str, str]] = {
    "id that is a float": (
        lambda c: c.add([1.5], vectors=[X]),
        "InvalidId",
        "id",
        "row 0: an id must be a str, an int or a UUID, not float (1.5). Convert it, for example with str(...).",
    ),
    "id that is a bool": (
        lambda c: c.add(["x", True], vectors=[X, X]),
        "InvalidId",
        "id",
        "row 1: an id must be a str, an int or a UUID, not bool (True). Convert it, for example with str(...).",
    ),
    "id that is empty": (
        lambda c: c.add([""], vectors=[X]),
        "InvalidId",
        "id",
        "row 0: an id must not be empty. Leave ids out altogether and the collection makes them.",
    ),
    "id of too many bits": (
        lambda c: c.add([2**63], vectors=[X]),
        "InvalidId",
        "id",
        "row 0: the id 9223372036854775808 does not fit into 64 bits. Use a str.",
    ),
    "id with a lone surrogate": (
        lambda c: c.add(["\ud800"], vectors=[X]),
        "InvalidId",
        "id",
        "row 0: the id holds a lone surrogate, '\\ud800' at character 0, which is not text. Decode the source with "
        "errors='replace'.",
    ),
    "id that is too long": (
        lambda c: c.add(["x" * 4097], vectors=[X]),
        "LimitExceeded",
        "id",
        "row 0: an id takes 4,097 bytes, the limit is 4,096. Use a hash of it, and keep the long form in the metadata.",
    ),
    "id twice in an add": (
        lambda c: c.add(["x", "y", "x"], vectors=[X, X, X]),
        "DuplicateId",
        "ids",
        "row 2: the id 'x' is given twice, in row 0 too. Use upsert, where the last one wins, or drop one of them.",
    ),
    "id exists": (
        lambda c: c.add(["x", "a", "b"], vectors=[X, X, X]),
        "DuplicateId",
        "ids",
        "row 1: the id 'a' exists already, and 1 more. Use upsert to replace rows, or update to change them.",
    ),
    "id unknown to update": (
        lambda c: c.update(["a", "x", "y"], metadata={"n": 1}),
        "IdNotFound",
        "ids",
        "row 1: no row has the id 'x', nor 1 more of those given. Use upsert for rows that may not exist "
        "yet; nothing was changed.",
    ),
    "id unknown to search": (
        lambda c: c.search(id="x"),
        "IdNotFound",
        "id",
        "no row has the id 'x'. Search by a text or a vector, or by the id of a stored row.",
    ),
    "row without a vector": (
        lambda c: c.search(id="text"),
        "Unsupported",
        "id",
        "the row of id 'text' has no vector. Search by a text or a vector, or give the row a vector.",
    ),
    "vector of another dimension": (
        lambda c: c.add(["x", "y"], vectors=[X, [1.0]]),
        "DimensionMismatch",
        "vectors",
        "row 1 (id 'y'): the vector has 1 component, this collection's have 2. Pass vectors of dimension 2, "
        "or use another collection.",
    ),
    "vectors of two dimensions": (
        lambda c: collection("two").add(["x", "y"], vectors=[X, [1.0]]),
        "DimensionMismatch",
        "vectors",
        "row 1 (id 'y'): the vector has 1 component, the first one has 2. Pass vectors of dimension 2, or "
        "use another collection.",
    ),
    "vector with NaN": (
        lambda c: c.add(["x", "y"], vectors=[X, [1.0, float("nan")]]),
        "InvalidVector",
        "vectors",
        "row 1 (id 'y'): component 1 of the vector is nan as float32. Find out where NaN or infinity comes "
        "from; such a row could never be found.",
    ),
    "vector beyond float32": (
        lambda c: c.add(["x"], vectors=[[1e39, 1.0]]),
        "InvalidVector",
        "vectors",
        "row 0 (id 'x'): component 0 of the vector is 1e+39, more than float32 holds. Scale the vectors: "
        "float32 ends at 3.4e38.",
    ),
    "vector of zeros": (
        lambda c: c.add(["x"], vectors=[[0.0, 0.0]]),
        "ZeroVector",
        "vectors",
        "row 0 (id 'x'): the vector is zero, so its cosine to anything is undefined. Leave the vector out, "
        "or create the collection with zero_vectors='allow'.",
    ),
    "vector of text": (
        lambda c: c.add(["x"], vectors=[["1", "2"]]),
        "InvalidVector",
        "vectors",
        "row 0 (id 'x'): a vector must hold real numbers, not <U1. Convert it to a float array.",
    ),
    "vectors in a flat list": (
        lambda c: c.add(["x", "y"], vectors=X),
        "InvalidVector",
        "vectors",
        "row 0 (id 'x'): a vector must be a list or array of numbers, not float. Pass a list of lists or a "
        "2-D array, shape (rows, dim).",
    ),
    "vectors in a flat array": (
        lambda c: c.add(["x", "y"], vectors=np.ones(2)),
        "InvalidVector",
        "vectors",
        "vectors must be a matrix with one vector per row, not ndarray of shape (2,). Pass a list of lists or "
        "a 2-D array, shape (rows, dim).",
    ),
    "query of another dimension": (
        lambda c: c.search([1.0]),
        "DimensionMismatch",
        "vectors",
        "query: the vector has 1 component, this collection's have 2. Pass vectors of dimension 2, or use "
        "another collection.",
    ),
    "query that is several": (
        lambda c: c.search([X, X]),
        "InvalidVector",
        "query",
        "query: a query must be one text or one vector, but this has shape (2, 2). Use search_many for "
        "several queries.",
    ),
    "query that is no vector": (
        lambda c: c.search(5),
        "InvalidVector",
        "query",
        "query: a query must be a text or one vector, not int. Pass a str, or a list or array of numbers.",
    ),
    "query that is a text": (
        lambda c: c.search("words"),
        "NoEncoder",
        "encoder",
        "collection 'docs' has no encoder, so a text cannot be compared with its vectors. Search by a "
        "vector or with mode='keyword', or give it an encoder: reembed('minilm').",
    ),
    "no query": (
        lambda c: c.search(),
        "InvalidArgument",
        "query",
        "search needs something to search for. Pass a text or a vector as query, or id= of a stored row.",
    ),
    "k of zero": (
        lambda c: c.search(X, k=0),
        "InvalidArgument",
        "k",
        "k must be a whole number of at least 1, not 0. Leave it out for 10.",
    ),
    "limit for k": (
        lambda c: c.search(X, limit=5),
        "InvalidArgument",
        "limit",
        "search takes no argument 'limit'. Use k= instead.",
    ),
    "misspelt argument": (
        lambda c: c.search(X, wheer={}),
        "InvalidArgument",
        "wheer",
        "search takes no argument 'wheer'. Did you mean 'where'?",
    ),
    "misspelt mode": (
        lambda c: c.search(X, mode="dens"),
        "InvalidArgument",
        "mode",
        "there is no mode 'dens'. Did you mean 'dense'? Modes are dense, keyword, hybrid.",
    ),
    "words asked for by a vector": (
        lambda c: c.search(X, mode="keyword"),
        "InvalidArgument",
        "query",
        "query: a keyword search needs a text, not list. Pass words, or use mode='dense' for a vector.",
    ),
    "a fusion that does not exist": (
        lambda c: c.search("x", mode="hybrid", fusion="rff"),
        "InvalidArgument",
        "fusion",
        "there is no fusion 'rff'. Did you mean 'rrf'? Fusions are weighted, rrf, combsum, combmnz, borda.",
    ),
    "a leg that does not exist": (
        lambda c: c.search("x", mode="hybrid", weights={"words": 1}),
        "InvalidArgument",
        "leg",
        "there is no leg 'words'. Did you mean 'keyword'? Legs are dense, keyword, sparse.",
    ),
    "alpha above 1": (
        lambda c: c.search("x", mode="hybrid", alpha=1.5),
        "InvalidArgument",
        "alpha",
        "alpha must be from 0 to 1, not 1.5. Leave it out for 0.5.",
    ),
    "an argument that the mode ignores": (
        lambda c: c.search(X, alpha=0.3),
        "InvalidArgument",
        "alpha",
        "alpha= changes nothing in mode 'dense'. Leave alpha= out, or add mode='hybrid'.",
    ),
    "recall where all is found": (
        lambda c: c.search("x", mode="keyword", recall=0.5),
        "InvalidArgument",
        "recall",
        "recall= changes nothing in mode 'keyword', which finds every row. "
        "Leave recall= out, or add mode='dense' or mode='hybrid'.",
    ),
    "all and a part": (
        lambda c: c.search(X, exact=True, recall=0.5),
        "InvalidArgument",
        "recall",
        "exact=True finds all of the true answer, and recall=0.5 asks for a part of it. Leave one of them out.",
    ),
    "a syntax of texts, and no words": (
        lambda c: c.search(X, syntax="operators"),
        "InvalidArgument",
        "syntax",
        "syntax= changes nothing in mode 'dense'. Leave syntax= out, or add mode='hybrid' or mode='keyword'.",
    ),
    "a syntax that does not exist": (
        lambda c: c.search("x", mode="keyword", syntax="lucene"),
        "InvalidArgument",
        "syntax",
        "there is no syntax 'lucene'. Syntaxes are plain, operators.",
    ),
    "where: an operator that does not exist": (
        lambda c: c.get(where={"n": {"$gtee": 1}}),
        "InvalidArgument",
        "where",
        "where['n']['$gtee']: there is no operator $gtee. Did you mean '$gte'?",
    ),
    "where: empty in delete": (
        lambda c: c.delete(where={}),
        "InvalidArgument",
        "where",
        "an empty where would delete every row. Say which rows, or drop the collection.",
    ),
    "text that is bytes": (
        lambda c: c.add(["x"], texts=[b"bytes"]),
        "InvalidText",
        "texts",
        "row 0 (id 'x'): a text must be a str, not bytes. Convert it with str(...), or pass None for a row "
        "without text.",
    ),
    "text with a lone surrogate": (
        lambda c: c.add(["x"], texts=["\ud800"]),
        "InvalidText",
        "texts",
        "row 0 (id 'x'): the text holds a lone surrogate, '\\ud800' at character 0, which is not text. Decode the "
        "source with errors='replace'.",
    ),
    "metadata that is a list": (
        lambda c: c.add(["x"], metadata=[[1]]),
        "InvalidMetadata",
        "metadata",
        "row 0 (id 'x'): metadata must be a dict, not list. Pass a dict such as {'year': 2024}, or None.",
    ),
    "metadata with NaN": (
        lambda c: c.add(["x"], metadata=[{"price": [1.0, float("nan")]}]),
        "InvalidMetadata",
        "metadata.price[1]",
        "row 0 (id 'x'): metadata.price[1] is nan, which is not a value. Use None where a value is missing.",
    ),
    "metadata of a strange type": (
        lambda c: c.add(["x"], metadata=[{"price": {1}}]),
        "InvalidMetadata",
        "metadata.price",
        "row 0 (id 'x'): metadata.price is of type set, which metadata cannot hold. Use str, int, float, "
        "bool, None, date, datetime, Decimal, UUID, or lists and dicts of these.",
    ),
    "metadata key that is a number": (
        lambda c: c.add(["x"], metadata=[{1: 2}]),
        "InvalidMetadata",
        "metadata",
        "row 0 (id 'x'): metadata has the key 1 of type int; keys are strings. Use '1'.",
    ),
    "metadata too deep": (
        lambda c: c.add(["x"], metadata=[loop()]),
        "LimitExceeded",
        "metadata",
        "row 0 (id 'x'): metadata is nested deeper than 64 levels at "
        "metadata.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x..... Flatten it; a list or dict that "
        "contains itself cannot be stored.",
    ),
    "ttl in the past": (
        lambda c: c.add(["x"], texts=["x"], ttl=[-1]),
        "InvalidArgument",
        "ttl",
        "row 0 (id 'x'): ttl must be a positive number of seconds or a datetime, not -1. Leave it out for "
        "rows that stay, or pass math.inf to let rows stay that would have expired.",
    ),
    "lists of different lengths": (
        lambda c: c.add(["x"], texts=["x", "y"]),
        "InvalidArgument",
        "rows",
        "the lists have different lengths: ids has 1, texts has 2. Give each list one entry per row, None "
        "where a row has nothing.",
    ),
    "rows beside lists": (
        lambda c: c.add(["x"], rows=[{"id": "x"}]),
        "InvalidArgument",
        "rows",
        "rows= comes alone, but ids= is given too. Put everything into the rows, or use parallel lists only.",
    ),
    "row of text": (
        lambda c: c.add(rows=["x"]),
        "InvalidArgument",
        "rows",
        "row 0: a row must be a dict, not str. Write {'id': 'a', 'text': '...'}.",
    ),
    "row with a strange field": (
        lambda c: c.add(rows=[{"id": "x", "txt": "y"}]),
        "InvalidArgument",
        "txt",
        "row 0: a row has no field 'txt'. Did you mean 'text'? Fields are id, text, vector, metadata, sparse, ttl; "
        "all else goes into 'metadata'.",
    ),
    "row without an id": (
        lambda c: c.add(rows=[{"id": "x"}, {"text": "y"}]),
        "InvalidId",
        "id",
        "row 1: this row has no id, but others do. Give every row an id, or none.",
    ),
    "nothing to add": (
        lambda c: c.add(),
        "InvalidArgument",
        "rows",
        "nothing to store: ids, texts, vectors, metadata, sparse and rows are all missing. Pass at least one of "
        "them, such as texts=['...'].",
    ),
    "nothing to update": (
        lambda c: c.update(["a"]),
        "InvalidArgument",
        "update",
        "update needs something to change. Pass texts=, vectors=, metadata=, ttl= or remove=.",
    ),
    "nothing to delete": (
        lambda c: c.delete(),
        "InvalidArgument",
        "ids",
        "delete needs ids= or where=. Pass ids=[...] or where={...}.",
    ),
    "collection without a name": (
        lambda c: collection(""),
        "InvalidArgument",
        "name",
        "a collection's name is a text of 1 to 255 characters, not ''. Write db.collection('docs').",
    ),
    "metric misspelt": (
        lambda c: collection("m", metric="cosin"),
        "InvalidArgument",
        "metric",
        "there is no metric 'cosin'. Did you mean 'cosine'? Choose one of cosine, ip, l2, l1.",
    ),
    "dimension of zero": (
        lambda c: collection("m", dimension=0),
        "InvalidArgument",
        "dimension",
        "dimension must be a whole number from 1 to 65,536, not 0. Leave it out and the first vector decides.",
    ),
    "other metric": (
        lambda c: (collection("m"), collection("m", metric="l2")),
        "SettingsMismatch",
        "metric",
        "collection 'm': has metric 'cosine', but was opened with 'l2'. Leave metric= out, or use another name.",
    ),
    "other encoder": (
        lambda c: (collection("h", encoder="hashing:8"), collection("h", encoder="hashing:9")),
        "EncoderMismatch",
        "encoder",
        "collection 'h' was made with encoder hashing:8 (version 1, 8 dimensions), not with hashing:9 "
        "(version 1, 9 dimensions): they differ in name, dim, fingerprint. Open it with the encoder it was "
        "made with, or make a new collection and add the texts again.",
    ),
    "encoder misspelt": (
        lambda c: collection("e", encoder="minilmm"),
        "EncoderNotFound",
        "encoder",
        "no encoder is registered as 'minilmm'. Did you mean 'minilm'? Known are cohere, hashing, minilm, "
        "onnx, openai, prefixed, projected, sentence-transformers; others are added by register().",
    ),
    "a URL": (
        lambda c: vicinal.connect("ftp://localhost"),
        "Unsupported",
        "target",
        "there are no databases at ftp:// addresses. Use a path or ':memory:'.",
    ),
    "closed": (
        lambda c: (c.close(), c.count()),
        "Closed",
        "collection",
        ":memory:: the handle is closed. Open the collection again.",
    ),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_message(docs: Collection, case: str) -> None:
    call, kind, name, text = GOLDEN[case]
    with pytest.raises(VicinalError) as caught:
        call(docs)
    error = caught.value
    assert (str(error), type(error).__name__, error.name) == (text, kind, name)
    assert error.remedy == "" or text.endswith(error.remedy)
    assert text.endswith((".", "?"))
    assert error.__cause__ is None or not isinstance(error.__cause__, VicinalError)


def test_most_messages_say_what_to_do(docs: Collection) -> None:
    silent = []
    for case, (call, *_) in GOLDEN.items():
        with pytest.raises(VicinalError) as caught:
            call(docs)
        if not caught.value.remedy:
            silent.append(case)
    assert silent == []
