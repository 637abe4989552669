"""The types of events and profiles in a collection, with their properties."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeVar

from ..errors import InvalidArgument, SettingsMismatch
from ..visible import shown

__all__ = ["EVENT", "PROFILE", "Aggregate", "EventType", "ProfileType", "Property", "Schemas", "builtin_names"]

ValueType = Literal["string", "int64", "float32", "bool", "list<string>", "list<int64>"]
Operation = Literal["SUM", "MAX", "AVG", "COUNT"]
Timing = Literal["realtime", "daily", "weekly", "manual"]

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_INT64: Final = 2**63
_TYPES: Final = ("string", "int64", "float32", "bool", "list<string>", "list<int64>")
_OPERATIONS: Final = ("SUM", "MAX", "AVG", "COUNT")
_TIMINGS: Final = ("realtime", "daily", "weekly", "manual")


def _check_type(kind: EventType | ProfileType) -> None:
    _check_name(kind.name, "type")
    object.__setattr__(kind, "properties", tuple(kind.properties))
    names = [prop.name for prop in kind.properties]
    if not names or len(set(names)) < len(names):
        raise InvalidArgument(
            f"the type {kind.name!r} has at least one property, each once", name="properties", value=names
        )


def _check_name(name: Any, what: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"the name of a {what} has letters, digits and '_', a letter first", name="name", value=name
        )


def _check_one_of(value: Any, allowed: Sequence[str], name: str) -> None:
    if value not in allowed:
        raise InvalidArgument(f"{name} is one of {', '.join(allowed)}", name=name, value=value)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """How a property of a profile is computed from a user's events.

    Attributes:
        operation: "SUM", "MAX", "AVG" or "COUNT".
        event_type: type of the events.
        event_property: a numeric property of these; "COUNT" counts the events that have it.
    """

    operation: Operation
    event_type: str
    event_property: str

    def __post_init__(self) -> None:
        _check_one_of(self.operation, _OPERATIONS, "operation")


@dataclass(frozen=True, slots=True)
class Property:
    """A named value of a memory.

    Attributes:
        key: profiles only: a user has one profile for each value of its keys.
        aggregate: profiles only: how the value is computed if it is not given.
    """

    name: str
    type: ValueType = "string"
    description: str = ""
    key: bool = False
    aggregate: Aggregate | None = None

    def __post_init__(self) -> None:
        _check_name(self.name, "property")
        _check_one_of(self.type, _TYPES, "type")


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event. Rules fill `summary`, if it has that property; a language model fills all."""

    name: str
    properties: Sequence[Property] = (Property("summary"),)
    description: str = ""

    def __post_init__(self) -> None:
        _check_type(self)


@dataclass(frozen=True, slots=True)
class ProfileType:
    """A type of profile.

    Attributes:
        timing: when aggregates are computed: "realtime" with every event, else only by `update_profiles`.
        isolated: whether a user has separate profiles with each assistant.
    """

    name: str
    properties: Sequence[Property] = (Property("user_profile"), Property("topic", key=True))
    description: str = ""
    timing: Timing = "manual"
    isolated: bool = False

    def __post_init__(self) -> None:
        _check_type(self)
        _check_one_of(self.timing, _TIMINGS, "timing")

    @property
    def keys(self) -> list[str]:
        return [prop.name for prop in self.properties if prop.key]


EVENT: Final = EventType("event_v1", description="What happened, is planned, or was asked and answered.")
PROFILE: Final = ProfileType("profile_v1", description="What is lastingly true of a user, one fact a profile.")
# The service has two names for each built-in type.
_BUILTIN: Final = (("event_v1", "sys_event_v1"), ("profile_v1", "sys_profile_v1"))

T = TypeVar("T", EventType, ProfileType)


def builtin_names(name: str) -> tuple[str, ...]:
    """All names of a built-in type, or just this one."""
    return next((names for names in _BUILTIN if name in names), (name,))


class Schemas:
    """The types of one collection, by name."""

    def __init__(self, events: Iterable[EventType], profiles: Iterable[ProfileType]) -> None:
        self.events = _by_name(events, EventType, "events")
        self.profiles = _by_name(profiles, ProfileType, "profiles")
        both = sorted(self.events.keys() & self.profiles.keys())
        if both:
            raise InvalidArgument(
                f"{both[0]!r} is a type of events and of profiles", name="profiles", value=both[0], remedy="Rename one."
            )

    def event(self, name: str) -> EventType:
        found: EventType = _known(self.events, name, "event")
        return found

    def profile(self, name: str) -> ProfileType:
        found: ProfileType = _known(self.profiles, name, "profile")
        return found

    def names(self, asked: str) -> list[str]:
        """Names of types under which `asked` may be stored. Raises InvalidArgument if there are none."""
        found = [name for name in builtin_names(asked) if name in self.events or name in self.profiles]
        if not found:
            _known(self.events | self.profiles, asked, "memory")
        return found

    def with_more(self, events: Iterable[EventType], profiles: Iterable[ProfileType]) -> Schemas:
        """Returns these types and more.

        Raises:
            SettingsMismatch: a type exists and is different.
        """
        more = Schemas(events, profiles)
        pairs: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
            (self.events, more.events),
            (self.profiles, more.profiles),
        ]
        for known, given in pairs:
            for name, one in given.items():
                if name in known and known[name] != one:
                    raise SettingsMismatch(
                        f"the type {name!r} is remembered with other properties",
                        name="events" if isinstance(one, EventType) else "profiles",
                        value=name,
                        remedy="Leave it out, or give another name to the new type.",
                    )
        return Schemas((self.events | more.events).values(), (self.profiles | more.profiles).values())

    def to_json(self) -> bytes:
        events = [asdict(kind) for kind in self.events.values()]
        profiles = [asdict(kind) for kind in self.profiles.values()]
        return json.dumps({"events": events, "profiles": profiles}).encode()

    @classmethod
    def of_json(cls, text: bytes) -> Schemas:
        found = json.loads(text)
        events = [EventType(**one | {"properties": _properties(one)}) for one in found["events"]]
        profiles = [ProfileType(**one | {"properties": _properties(one)}) for one in found["profiles"]]
        return cls(events, profiles)


def checked_info(kind: EventType | ProfileType, info: Any, *, place: str = "memory_info") -> dict[str, Any]:
    """Returns the properties of a memory. Raises InvalidArgument for one that its type does not have."""
    if not isinstance(info, Mapping):
        raise InvalidArgument(f"{place} is a dict of properties, not {type(info).__name__}", name=place, value=info)
    known = {prop.name: prop for prop in kind.properties}
    for name, value in info.items():
        if name not in known:
            remedy = f"It has {', '.join(known)}."
            raise InvalidArgument(f"{kind.name!r} has no property {shown(name)}", name=place, value=name, remedy=remedy)
        if not _fits(known[name].type, value):
            raise InvalidArgument(f"{name} of {kind.name!r} is of the type {known[name].type}", name=place, value=value)
    return dict(info)


def text_of(kind: EventType | ProfileType, info: Mapping[str, Any]) -> str | None:
    """The text by which a memory is found: text properties verbatim, other values with their names.

    Keys are used only if there is nothing else.
    """
    told = [prop for prop in kind.properties if prop.name in info and not prop.key] or [
        prop for prop in kind.properties if prop.name in info
    ]
    parts = [info[prop.name] if prop.type == "string" else f"{prop.name}: {info[prop.name]}" for prop in told]
    return "\n".join(part for part in parts if part.strip()) or None


def _properties(given: Mapping[str, Any]) -> tuple[Property, ...]:
    found = []
    for one in given["properties"]:
        aggregate = one.get("aggregate")
        found.append(Property(**one | {"aggregate": Aggregate(**aggregate) if aggregate else None}))
    return tuple(found)


def _fits(kind: str, value: Any) -> bool:
    if kind.startswith("list<"):
        return isinstance(value, list | tuple) and all(_fits(kind[5:-1], one) for one in value)
    if kind == "string":
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int if kind == "int64" else int | float):
        return False
    return -_INT64 <= value < _INT64 if isinstance(value, int) else math.isfinite(value)


def _by_name(given: Iterable[T], kind: type[T], name: str) -> dict[str, T]:
    found: dict[str, T] = {}
    for one in given:
        if not isinstance(one, kind):
            raise InvalidArgument(f"{name} are of the class {kind.__name__}", name=name, value=one)
        if one.name in found:
            raise InvalidArgument(f"the type {one.name!r} occurs twice", name=name, value=one.name)
        found[one.name] = one
    return found


def _known(types: Mapping[str, Any], name: str, kind: str) -> Any:
    for alias in builtin_names(name) if isinstance(name, str) else ():
        if alias in types:
            return types[alias]
    remedy = f"There are {', '.join(sorted(types))}." if types else "Declare one when the collection is opened."
    raise InvalidArgument(f"there is no {kind} type {shown(name)}", name=f"{kind}_type", value=name, remedy=remedy)
