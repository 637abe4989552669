"""`Memories`: a collection whose rows are memories of users."""

from __future__ import annotations

import math
import secrets
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self, Unpack
from uuid import UUID

from ..contract import LLM, Collection
from ..errors import IdNotFound, InvalidArgument
from ..inputs.calls import for_users
from ..locks import new_lock, new_rlock
from ..types import PurgeReceipt, Record
from . import schemas as types_of
from .aggregates import update_aggregates
from .background import Background
from .conditions import Moment, Names, Scope, checked_names, condition_of
from .conversation import checked_messages, checked_session_id, milliseconds, moment
from .extraction import Extraction
from .memory import Kind, Memory, Session
from .model_extraction import ModelExtraction
from .rows import (
    EVENT,
    PROFILE,
    change_row,
    checked_id,
    event_row,
    memory_of,
    needed_row,
    profile_row,
    session_row_id,
    who_of,
)
from .rules import RuleExtraction
from .schemas import EventType, ProfileType, Schemas, checked_info, text_of
from .searching import Decay, latest, most_similar
from .sessions import add_session, erase_messages, erase_user, extract_session, read_session, waiting_sessions

__all__ = ["Memories", "holds_memories"]

_OWNER: Final = "memories"
_SCHEMAS: Final = "schemas"
_QUERY_CHARS_MAX: Final = 4000
_K_MAX: Final = 5000

# Shared by all handles of a collection in this process: changing a memory requires reading it first.
_changing: weakref.WeakValueDictionary[UUID, Any] = weakref.WeakValueDictionary()
_known_locks = new_lock()


@for_users
class Memories:
    """What assistants remember of their users, in a collection of the engine. Thread-safe.

    Args:
        collection: a collection with an encoder, used for nothing else.
        events, profiles: types in addition to the stored ones; if there are none, `event_v1` and `profile_v1`.
        llm: an object with `generate(prompt)`, or a function: it reads sessions in the background, instead of rules.
        extraction: reads sessions as part of `add_session`; by default rules.
        later: for programs that have their own thread for the model, such as a server: it is called with the id of each
            session that was added, for which `read_session` must be called later, by any such program.

    Raises:
        SettingsMismatch: a type is stored with other properties.
    """

    def __init__(
        self,
        collection: Collection,
        *,
        events: Iterable[EventType] | None = None,
        profiles: Iterable[ProfileType] | None = None,
        llm: LLM | Callable[[str], str] | None = None,
        extraction: Extraction | None = None,
        later: Callable[[str], None] | None = None,
    ) -> None:
        if later is not None and llm is None:
            raise InvalidArgument(
                "later is for sessions that a language model reads", name="later", remedy="Give llm=."
            )
        if llm is not None and extraction is not None:
            raise InvalidArgument("llm and extraction exclude each other", name="extraction", remedy="Leave one out.")
        self._docs = collection
        self._lock = _lock_of(collection.uuid)
        self._schemas = _remembered(collection, events, profiles)
        self._model = None if llm is None else ModelExtraction(llm)
        self._extraction = extraction or RuleExtraction()
        self._background = Background(self._extract)
        self._later = later or self._background.submit
        if self._model is not None and later is None:
            for session_id in waiting_sessions(collection):
                self._background.submit(session_id)

    @property
    def collection(self) -> Collection:
        """The collection of the rows."""
        return self._docs

    @property
    def event_types(self) -> Mapping[str, EventType]:
        return dict(self._schemas.events)

    @property
    def profile_types(self) -> Mapping[str, ProfileType]:
        return dict(self._schemas.profiles)

    # -- sessions

    def add_session(
        self,
        session_id: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        user_id: str | None = None,
        assistant_id: str | None = None,
        group_id: str | None = None,
        time: Moment | None = None,
        types: Names | None = None,
        ttl: float | timedelta | datetime | None = None,
        within: Mapping[str, Any] | None = None,
    ) -> Session:
        """Stores a conversation and what is worth remembering of it. An id that is used again replaces that session and
        its events; what is known about users is kept.

        With rules the memories exist on return. With a language model the session is "processing" until it has been
        read: `session` reports this, `wait` waits for it.

        Args:
            messages: dicts with `role` ("user", "assistant" or "system") and `content`, and optionally `role_id`,
                the id of the speaker, `role_name` and `time`. At most 1,000.
            user_id, assistant_id: for messages without a `role_id`.
            time: for messages without one; by default now. A datetime, or milliseconds since 1970.
            types: the only types to extract.
            ttl: seconds, a timedelta or a point in time: how long session and events are kept.
            within: a filter of rows that still applies when a language model reads the session later: that of a
                collection made by `within`, which the later reader need not know.
        """
        id_ = checked_session_id(session_id)
        now = _now() if time is None else milliseconds(time, "time")
        users, assistants = _optional_names(user_id, "user_id"), _optional_names(assistant_id, "assistant_id")
        checked = checked_messages(messages, _one(users), _one(assistants), now)
        if not users and not any(message.owner for message in checked):
            raise InvalidArgument("the owner of the session is missing", name="user_id", remedy="Give user_id=.")
        if within is not None:
            self._docs.within(within)  # an invalid filter is rejected here
        options = {
            "types": None if types is None else checked_names(types, "types"),
            "within": within if self._model else None,
        }
        for name in options["types"] or ():
            self._schemas.names(name)
        who = who_of(users, assistants, _optional_text(group_id, "group_id"), id_, now)
        with self._lock:
            extraction = None if self._model else self._extraction
            add_session(self._docs, self._schemas, extraction, id_, checked, who, options, ttl)
            if self._model is None:
                self._events_changed({user for message in checked if (user := message.owner) is not None})
        if self._model is not None:
            self._later(id_)
        stored = read_session(self._docs, id_)
        if stored is not None:
            return stored
        told = tuple(message.to_dict() for message in checked)  # it has already expired
        return Session(id_, "success", "", moment(now), tuple(users), tuple(assistants), group_id, told, ())

    def session(self, session_id: str) -> Session:
        """Returns a session.

        Raises:
            IdNotFound: it does not exist.
        """
        found = read_session(self._docs, checked_session_id(session_id))
        if found is None:
            raise IdNotFound(f"there is no session {session_id!r:.140}", name="session_id", value=session_id)
        return found

    def read_session(self, session_id: str) -> None:
        """Has the language model read a session now unless that was done; `session` returns the result."""
        if self._model is None:
            raise InvalidArgument("there is no language model", name="llm", remedy="Give llm= to Memories.")
        self._extract(checked_session_id(session_id))

    def delete_session(self, session_id: str) -> int:
        """Deletes a session and its events. Returns the number of deleted memories."""
        id_ = checked_session_id(session_id)
        with self._lock:
            users = [user for row in self._docs.get([session_row_id(id_)]) for user in row.metadata["user_id"]]
            self._docs.delete([session_row_id(id_)])
            count = self._docs.delete(where={"kind": EVENT, "session_id": id_})
            self._events_changed(users)
        return count

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until a language model has read the sessions that were added to this object. Returns whether it has."""
        return self._background.wait(seconds)

    # -- events

    def add_event(
        self,
        type: str,
        info: Mapping[str, Any],
        *,
        user_id: Names | None = None,
        assistant_id: Names | None = None,
        group_id: str | None = None,
        session_id: str | None = None,
        time: Moment | None = None,
        ttl: float | timedelta | datetime | None = None,
    ) -> Memory:
        """Stores an event with the properties of its type, without extraction."""
        given = {
            "type": type, "info": info, "user_id": user_id, "assistant_id": assistant_id, "group_id": group_id,
            "session_id": session_id, "time": time, "ttl": ttl,
        }  # fmt: skip
        return self.add_events([given])[0]

    def add_events(self, events: Iterable[Mapping[str, Any]]) -> list[Memory]:
        """Stores many events atomically: dicts of the arguments of `add_event`."""
        rows = [
            self._event_row(f"event-{secrets.token_hex(16)}", given) for given in _dicts(events, "events", _EVENT_KEYS)
        ]
        with self._lock:
            self._docs.add(rows=rows)
            self._events_changed({user for row in rows for user in row["metadata"]["user_id"]})
        return self._stored(rows)

    def event(self, event_id: str) -> Memory:
        return memory_of(self._row(event_id, EVENT))

    def update_event(
        self,
        event_id: str,
        info: Mapping[str, Any],
        *,
        user_id: Names | None = None,
        assistant_id: Names | None = None,
    ) -> Memory:
        """Changes properties of an event and whom it concerns; omitted ones are kept."""
        named = {
            "user_id": _optional_names(user_id, "user_id"),
            "assistant_id": _optional_names(assistant_id, "assistant_id"),
        }
        who = {name: names for name, names in named.items() if names}
        with self._lock:
            row = self._change(event_id, EVENT, info, who)
            self._events_changed({*row.metadata["user_id"], *who.get("user_id", ())})
        return self.event(event_id)

    def delete_event(self, event_id: str) -> None:
        """Deletes an event and the messages of its session that it was extracted from.

        Raises:
            IdNotFound: it does not exist.
        """
        with self._lock:
            row = self._row(event_id, EVENT)
            self._delete_events([row])

    def delete_events(self, **scope: Unpack[Scope]) -> int:
        """Deletes the events selected by the arguments, as `delete_event` does, and returns their number.

        `user_id` or `assistant_id` is required.
        """
        where = condition_of(scope, self._schemas, [EVENT])
        with self._lock:
            rows = self._docs.get(where=where)
            self._delete_events(rows)
        return len(rows)

    # -- profiles

    def add_profile(
        self,
        type: str,
        info: Mapping[str, Any],
        *,
        user_id: Names | None = None,
        assistant_id: Names | None = None,
        group_id: str | None = None,
        time: Moment | None = None,
        upsert: bool = False,
    ) -> Memory:
        """Stores what is true of a user. There is one profile for each user, type and value of the type's keys.

        Args:
            upsert: whether to replace an existing profile.

        Raises:
            DuplicateId: the profile exists.
        """
        given = {
            "type": type, "info": info, "user_id": user_id, "assistant_id": assistant_id, "group_id": group_id,
            "time": time,
        }  # fmt: skip
        return self.add_profiles([given], upsert=upsert)[0]

    def add_profiles(self, profiles: Iterable[Mapping[str, Any]], *, upsert: bool = False) -> list[Memory]:
        """Stores many profiles atomically: dicts of the arguments of `add_profile`."""
        rows = [self._profile_row(given) for given in _dicts(profiles, "profiles", _PROFILE_KEYS)]
        with self._lock:
            (self._docs.upsert if upsert else self._docs.add)(rows=rows)
        return self._stored(rows)

    def profile(self, profile_id: str) -> Memory:
        return memory_of(self._row(profile_id, PROFILE))

    def update_profile(self, profile_id: str, info: Mapping[str, Any]) -> Memory:
        """Changes properties of a profile except its keys; omitted ones are kept."""
        with self._lock:
            self._change(profile_id, PROFILE, info, {"time": _now()})
        return self.profile(profile_id)

    def delete_profile(self, profile_id: str) -> None:
        """Deletes a profile.

        Raises:
            IdNotFound: it does not exist.
        """
        with self._lock:
            row = self._row(profile_id, PROFILE)
            self._docs.delete([row.id])

    def delete_profiles(self, **scope: Unpack[Scope]) -> int:
        """Deletes profiles and returns their number, as `delete_events` does."""
        return self._docs.delete(where=condition_of(scope, self._schemas, [PROFILE]))

    def update_profiles(
        self, user_id: Names | None = None, *, types: Names | None = None, until: Moment | None = None
    ) -> int:
        """Recomputes the aggregated properties of profiles from events, and returns the number of profiles concerned.

        Args:
            user_id: one name or several; by default everybody.
            types: types of profiles; by default all.
            until: later events do not count.
        """
        if user_id is not None:
            users = checked_names(user_id, "user_id")
        else:
            users = [user for user, _ in self._docs.facets("user_id", {"kind": EVENT})] if len(self._docs) else []
        kinds = list(self._schemas.profiles.values())
        if types is not None:
            kinds = [self._schemas.profile(name) for name in checked_names(types, "types")]
        end = None if until is None else milliseconds(until, "until")
        with self._lock:
            return sum(update_aggregates(self._docs, kinds, user, end, _now()) for user in users)

    # -- search

    def search(
        self,
        query: str | None = None,
        k: int = 10,
        *,
        kind: Kind | None = None,
        decay: Decay | float | None = None,
        **scope: Unpack[Scope],
    ) -> list[Memory]:
        """Returns the memories of a user that are nearest to a text; without a text the newest.

        Args:
            query: at most 4,000 characters.
            k: number of memories, from 1 to 5,000.
            kind: "event" or "profile"; by default both.
            decay: a weight, or `Decay(weight, fresh_for)`: how much a memory's age counts beside its meaning.
            user_id, assistant_id: whose memories, one name or several; at least one of the two.
            group_id, session_id, types: only memories of these.
            since, until: range of time, both inclusive: datetimes, or milliseconds since 1970.
            primary_key: of profiles, such as "topic=home".

        Raises:
            InvalidArgument: neither user nor assistant is given.
        """
        return self.search_many([query], k, kind=kind, decay=decay, **scope)[0]

    def search_many(
        self,
        queries: Sequence[str | None],
        k: int = 10,
        *,
        kind: Kind | None = None,
        decay: Decay | float | None = None,
        **scope: Unpack[Scope],
    ) -> list[list[Memory]]:
        """Runs `search` for several texts."""
        if kind not in (None, EVENT, PROFILE):
            raise InvalidArgument("kind is 'event' or 'profile'", name="kind", value=kind)
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= _K_MAX:
            raise InvalidArgument(f"k is from 1 to {_K_MAX:,}", name="k", value=k)
        kinds = [kind] if kind else [EVENT, PROFILE]
        where = condition_of(scope, self._schemas, kinds)
        near = condition_of(scope, self._schemas, kinds, of_vectors=True)
        weight = Decay(decay) if isinstance(decay, int | float) else decay
        if isinstance(queries, str) or not isinstance(queries, Sequence):
            raise InvalidArgument("queries are a list of texts", name="queries", value=queries)
        for query in queries:
            _check_query(query)
        return [
            most_similar(self._docs, query, k, near, weight)
            if query and query.strip()
            else latest(self._docs, where, k)
            for query in queries
        ]

    # -- all of a user

    def forget(self, user_id: str) -> int:
        """Deletes everything stored about a user: events, profiles, and in sessions what they said and were told.

        Returns the number of events and profiles. `purge` removes the data from the files as well.
        """
        [user] = checked_names(user_id, "user_id")
        with self._lock:
            erase_user(self._docs, user)
            return self._docs.delete(where={"kind": {"$in": [EVENT, PROFILE]}, "user_id": user})

    def purge(self, *, drop_snapshots: bool = False) -> PurgeReceipt:
        """Removes deleted data from the files."""
        return self._docs.purge(drop_snapshots=drop_snapshots)

    def close(self) -> None:
        """Waits for the session that a language model is reading. The collection stays open."""
        self._background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        types = ", ".join([*self._schemas.events, *self._schemas.profiles])
        return f"Memories({self._docs.name!r}, {types})"

    def _extract(self, session_id: str) -> None:
        assert self._model is not None  # nothing is submitted without one

        def stored() -> None:
            self._events_changed(read.user_ids if (read := read_session(self._docs, session_id)) else ())

        extract_session(self._docs, self._schemas, self._model, session_id, self._lock, stored)

    def _event_row(self, id_: str, given: Mapping[str, Any]) -> dict[str, Any]:
        kind = self._schemas.event(given["type"])
        row = event_row(id_, kind, checked_info(kind, given["info"]), _who(given))
        return row if given.get("ttl") is None else row | {"ttl": given["ttl"]}

    def _profile_row(self, given: Mapping[str, Any]) -> dict[str, Any]:
        kind = self._schemas.profile(given["type"])
        return profile_row(kind, checked_info(kind, given["info"]), _who(given))

    def _row(self, id_: str, kind: str) -> Record:
        return needed_row(self._docs.get([checked_id(id_, f"{kind}_id")]), id_, kind)

    def _stored(self, rows: Sequence[Mapping[str, Any]]) -> list[Memory]:
        return [memory_of(row) for row in self._docs.get([row["id"] for row in rows])]

    def _change(self, id_: str, kind: Kind, info: Mapping[str, Any], more: Mapping[str, Any]) -> Record:
        """Changes properties of a memory, and returns its row from before; reads again after a concurrent change."""
        while True:
            row = self._row(id_, kind)
            name = row.metadata["type"]
            of = self._schemas.event(name) if kind == EVENT else self._schemas.profile(name)
            if isinstance(of, ProfileType):
                _check_keys_stay(of, row, info)
            told = row.metadata["info"] | checked_info(of, info)
            if change_row(self._docs, row, {"info": told, **more}, text_of(of, told)):
                return row

    def _delete_events(self, rows: Sequence[Any]) -> None:
        if rows:
            erase_messages(self._docs, rows)
            self._docs.delete([row.id for row in rows])
            self._events_changed({user for row in rows for user in row.metadata["user_id"]})

    def _events_changed(self, users: Iterable[str]) -> None:
        kinds = [kind for kind in self._schemas.profiles.values() if kind.timing == "realtime"]
        kinds = [kind for kind in kinds if any(prop.aggregate for prop in kind.properties)]
        for user in users if kinds else ():
            update_aggregates(self._docs, kinds, user, None, _now())


_PROFILE_KEYS: Final = frozenset(("type", "info", "user_id", "assistant_id", "group_id", "time"))
_EVENT_KEYS: Final = _PROFILE_KEYS | {"session_id", "ttl"}


def _check_keys_stay(kind: ProfileType, row: Record, info: Mapping[str, Any]) -> None:
    for name in kind.keys:
        if name in info and info[name] != row.metadata["info"].get(name):
            remedy = "Add another profile."
            raise InvalidArgument(f"{name!r} is a key of {kind.name!r}", name="info", value=name, remedy=remedy)


def holds_memories(collection: Collection) -> bool:
    """Whether `Memories` has used this collection before."""
    return _SCHEMAS in collection.notes(_OWNER)


def _lock_of(uuid: UUID) -> Any:
    with _known_locks:
        found = _changing.get(uuid)
        if found is None:
            found = _changing[uuid] = new_rlock()
        return found


def _remembered(
    docs: Collection, events: Iterable[EventType] | None, profiles: Iterable[ProfileType] | None
) -> Schemas:
    def remembered(note: bytes | None) -> bytes:
        if note is not None:
            return Schemas.of_json(note).with_more(events or (), profiles or ()).to_json()
        return Schemas(
            [types_of.EVENT] if events is None else events, [types_of.PROFILE] if profiles is None else profiles
        ).to_json()

    return Schemas.of_json(docs.notes(_OWNER).change(_SCHEMAS, remembered))


def _who(given: Mapping[str, Any]) -> dict[str, Any]:
    users = _optional_names(given.get("user_id"), "user_id")
    assistants = _optional_names(given.get("assistant_id"), "assistant_id")
    if not users and not assistants:
        remedy = "Give user_id=, assistant_id= or both."
        raise InvalidArgument("the owner of the memory is missing", name="user_id", remedy=remedy)
    session = given.get("session_id")
    time = _now() if given.get("time") is None else milliseconds(given["time"], "time")
    group = _optional_text(given.get("group_id"), "group_id")
    return who_of(users, assistants, group, None if session is None else checked_session_id(session), time)


def _dicts(given: Any, name: str, keys: frozenset[str]) -> list[Mapping[str, Any]]:
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise InvalidArgument(f"{name} are a list of dicts", name=name, value=given)
    found = list(given)
    for place, one in enumerate(found):
        if not isinstance(one, Mapping) or not {"type", "info"} <= one.keys() <= keys:
            remedy = f"It has type and info, and may have {', '.join(sorted(keys - {'type', 'info'}))}."
            raise InvalidArgument(
                f"{name}[{place}] has not the keys that it should",
                name=name,
                value=one,
                place=f"{name}[{place}]",
                remedy=remedy,
            )
    return found


def _optional_names(value: Any, name: str) -> list[str]:
    return [] if value is None else checked_names(value, name)


def _optional_text(value: Any, name: str) -> str | None:
    return None if value is None else checked_names([value], name)[0]


def _one(names: Sequence[str]) -> str | None:
    return names[0] if names else None


def _check_query(query: Any) -> None:
    if query is not None and not isinstance(query, str):
        raise InvalidArgument("query is a text", name="query", value=query)
    if query is not None and len(query) > _QUERY_CHARS_MAX:
        raise InvalidArgument(
            f"query has at most {_QUERY_CHARS_MAX:,} characters, not {len(query):,}", name="query", value=len(query)
        )


def _now() -> int:
    return math.floor(datetime.now(UTC).timestamp() * 1000)
