"""The table of routes has every call, with the arguments that the call takes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, MutableMapping
from typing import Any

import msgspec
import pytest

import vicinal
import vicinal.arguments
from vicinal.records.notes import Notes
from vicinal.wire import arguments, results
from vicinal.wire.reading import query_of, read
from vicinal.wire.routes import ROUTES, Route, route_of

# Parameters that belong to the handle or to the calling machine, and so are not in a body.
HELD = {"self", "name", "durability", "timeout", "progress", "unknown"}
# Names that `collection` and `contains` request, and methods that a client implements itself.
BY_OTHERS = {"capabilities", "close", "name", "notes", "uuid", "within"}
OWNERS: dict[str, Any] = {"database": vicinal.Database, "collection": vicinal.Collection}


def calls(owner: type) -> Iterator[str]:
    return (name for name in vars(owner) if not name.startswith("_") and name not in BY_OTHERS)


def parameters_of(call: Any) -> dict[str, inspect.Parameter]:
    """Returns parameters by name; `**options: Unpack[SomeDict]` stands for the keys of the dict, all optional."""
    found = {}
    for name, parameter in inspect.signature(call).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD and "Unpack" in str(parameter.annotation):
            options = getattr(vicinal.arguments, str(parameter.annotation).removeprefix("Unpack[").removesuffix("]"))
            by_name = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, default=None)
            found |= dict.fromkeys(options.__optional_keys__, by_name)
        else:
            found[name] = parameter
    return found


@pytest.mark.parametrize("noun", OWNERS)
def test_every_public_call_has_a_route(noun: Any) -> None:
    routed = {route.call for route in ROUTES if route.noun == noun}
    if noun == "collection":
        routed.add("verify")  # which is the database's, so that it works on one that cannot be opened
    assert routed == set(calls(OWNERS[noun]))


@pytest.mark.parametrize("route", [route for route in ROUTES if route.noun != "notes"], ids=lambda route: route.call)
def test_a_model_has_the_arguments_of_its_call(route: Route) -> None:
    parameters = parameters_of(getattr(OWNERS[route.noun], route.call))
    taken = set(parameters) - HELD
    if route.call in ("snapshot", "restore", "drop_snapshot"):
        taken.add("name")
    fields = msgspec.structs.fields(route.arguments) if route.arguments else ()
    assert {field.name for field in fields} == taken
    for field in fields:  # what is required is required, what is left out is the engine's default
        assert (parameters[field.name].default is inspect.Parameter.empty) == field.required, field.name


def test_paths_are_told_apart_by_verb() -> None:
    assert len({(route.verb, route.path) for route in ROUTES}) == len(ROUTES)
    assert all(route.path.startswith("/v1/") for route in ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.noun}.{route.call}")
def test_every_model_has_a_schema_and_is_documented(route: Route) -> None:
    models = [model for model in (route.arguments, route.result) if model is not None]
    _, schemas = msgspec.json.schema_components(models)
    assert all(schema.get("description") for schema in schemas.values() if schema.get("type") == "object")


def test_only_what_may_run_twice_is_repeatable() -> None:
    not_again = {route.call for route in ROUTES if not route.repeatable}
    assert {"add", "upsert", "update", "delete", "drop", "restore", "reembed", "alter", "purge"} <= not_again
    assert all(route.repeatable for route in ROUTES if route.role == "read")


def test_notes_have_all_that_changes_a_mapping() -> None:
    assert issubclass(Notes, MutableMapping)
    assert {route.call for route in ROUTES if route.noun == "notes"} == {
        "read",
        "update",
        "setdefault",
        "replace",
        "remove",
    }


@pytest.mark.parametrize(
    ("body", "name", "said"),
    [
        (b'{"query": "x", "n_results": 3}', "n_results", "Use k= instead."),
        (b'{"query": "x", "limt": 3}', "limt", ""),
        (b'{"query": "x", "k": "3"}', "k", "expected 'int', got 'str'"),
        (b'{"query": "x", "mode": "sparse"}', "mode", "invalid enum value 'sparse'"),
        (b'{"query": ["x"]}', "query", "expected 'float', got 'str'"),
        (b'{"query": "x", "k": NaN}', "body", "the body is not JSON"),
        (b"[1]", "body", "expected 'object', got 'array'"),
        (b'{"query": "\xff"}', "body", "the body is not JSON"),
        (b"[" * 100_000, "body", ""),
        (b"", None, ""),
    ],
)
def test_what_is_wrong_with_a_body_is_said(body: bytes, name: str | None, said: str) -> None:
    if name is None:
        assert read(arguments.Search, body).given() == {}
        return
    with pytest.raises(vicinal.errors.InvalidArgument) as caught:
        read(arguments.Search, body)
    assert caught.value.name == name
    assert said in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("text", [r"\ud800", r"a\uDBFFb", r"\ude00", r"\ud83d\ud83d\ude00", r"\\\ud800x"])
def test_half_a_surrogate_pair_in_a_body_is_said_to_be_one(text: str) -> None:
    with pytest.raises(vicinal.errors.InvalidText, match="lone surrogate"):
        read(arguments.Search, b'{"query": "%s"}' % text.encode())


@pytest.mark.parametrize("text", [r"\ud83d\ude00", r"\\ud800"])
def test_a_whole_pair_is_a_character_and_a_written_escape_is_text(text: str) -> None:
    assert read(arguments.Search, b'{"query": "%s"}' % text.encode()).given()["query"]
    with pytest.raises(vicinal.errors.InvalidArgument, match="not JSON"):
        read(arguments.Search, b'{"query": "%s"' % text.encode())


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(vicinal.errors.InvalidArgument, match="field is missing"):
        read(arguments.Field, b"{}")


def test_parameters_of_a_query_are_read_from_text() -> None:
    held = query_of(arguments.Handle, {"durability": "process", "timeout": "2.5"})
    assert (held.durability, held.timeout) == ("process", 2.5)
    with pytest.raises(vicinal.errors.InvalidArgument) as caught:
        query_of(arguments.Handle, {"timeout": "soon"})
    assert caught.value.name == "timeout"


def test_a_route_is_found_by_its_call() -> None:
    assert route_of("collection", "search").result is results.Hits
