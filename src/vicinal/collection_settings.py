"""The settings with which a collection is created and reopened."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast, get_args

from .analyzers import analyzer_of, setting_of
from .arguments import AutoIds, CacheKind, ZeroVectors
from .contract import Durability, Encoder, Metric
from .encoders.identity import identity_of
from .errors import InvalidArgument, SettingsMismatch
from .indexes.vector_index import DEFAULT_INDEX
from .inputs.names import nearest
from .inputs.unicode import check_unicode
from .inputs.vectors import DIMENSION_MAX, check_encoder_dimension
from .store.state import FORMAT, State
from .version import __version__

_NAME_CHARS_MAX = 255


class _Default(str):
    """A default that is distinguishable from the same value given explicitly: only explicit values are checked on
    reopening."""


_T = TypeVar("_T", bound=str)


def _default(value: _T) -> _T:
    return cast(_T, _Default(value))


COSINE: Final[Metric] = _default("cosine")
ENGLISH: Final = _default("en")
ANALYZER: Final = _default("default")
UUIDS: Final[AutoIds] = _default("uuid")
REFUSE: Final[ZeroVectors] = _default("refuse")

_CHOICES = {
    "metric": get_args(Metric),
    "durability": get_args(Durability),
    "auto_ids": get_args(AutoIds),
    "zero_vectors": get_args(ZeroVectors),
    "encoder_cache": get_args(CacheKind),
}

# What other vector databases call these metrics.
_OTHER_VALUES: Final = {
    **dict.fromkeys(("euclidean", "euclid", "l2sq", "squared_l2", "l2_distance"), "l2"),
    **dict.fromkeys(("dot", "dotproduct", "dot_product", "inner_product", "innerproduct", "inner", "mips"), "ip"),
    **dict.fromkeys(("manhattan", "cityblock", "taxicab"), "l1"),
    **dict.fromkeys(("cos", "angular", "cosine_similarity"), "cosine"),
}


def check_opening(
    name: object,
    *,
    dimension: object,
    metric: str,
    durability: str,
    language: object,
    analyzer: Any,
    auto_ids: str,
    zero_vectors: str,
    create: object,
    timeout: object,
) -> str:
    """Checks the arguments that open a collection; returns the analyzer in the form in which it is stored.

    Raises:
        InvalidArgument: no collection could have these settings.
    """
    check_name(name)
    check_choices(metric=metric, durability=durability, auto_ids=auto_ids, zero_vectors=zero_vectors)
    analysis: str = analyzer if isinstance(analyzer, _Default) else setting_of(analyzer)
    _check_language(language)
    _check_dimension(dimension)
    _check_timeout(timeout)
    _check_flag("create", create)
    return analysis


def is_default(value: object) -> bool:
    """Whether a setting was omitted, as opposed to given with the default value."""
    return isinstance(value, _Default)


def first_state(
    name: str, given: Encoder | None, dimension: int | None, metric: Metric, settings: Mapping[str, str]
) -> State:
    """The state of a new collection.

    Raises:
        SettingsMismatch: its encoder produces vectors of another dimension.
    """
    if given is not None and dimension is not None and given.dim != dimension:
        raise SettingsMismatch(
            f"dimension {dimension} was asked for, but encoder {given.name!r} makes {given.dim}",
            name="dimension",
            value=dimension,
            remedy="Leave dimension out.",
        )
    if given is not None:
        check_encoder_dimension(given)
    kept = {key: str(value) for key, value in settings.items()}
    analysis = analyzer_of(kept["analyzer"], kept["language"]).fingerprint
    return State(
        uuid=uuid.uuid4().bytes,
        format=FORMAT,
        writer=__version__,
        name=name,
        dimension=dimension if given is None else given.dim,
        metric=cast(Metric, str(metric)),  # a plain str, since the exact type is written to the file
        encoder=None if given is None else identity_of(given).to_json(),
        settings=json.dumps(kept | {"analysis": analysis}, sort_keys=True),
        next_slot=0,
        next_id=1,
        change=0,
        synced=0,
        trimmed=0,
        trimmed_nonce=secrets.token_bytes(8),
        moved_to=None,
    )


def check_settings(state: State, *, dimension: int | None, **given: str) -> None:
    """Raises SettingsMismatch if an explicit setting differs from the collection's."""
    if dimension is not None and state.dimension is not None and dimension != state.dimension:
        raise settings_mismatch(state, "dimension", state.dimension, dimension)
    stored = {"metric": state.metric, "index": DEFAULT_INDEX, **state.setting}
    for name, value in given.items():
        if not isinstance(value, _Default) and stored[name] != value:
            raise settings_mismatch(state, name, stored[name], value)


def settings_mismatch(state: State, name: str, stored: object, given: object) -> SettingsMismatch:
    """The error for a collection that is opened with a setting that differs from its own."""
    return SettingsMismatch(
        f"has {name} {stored!r}, but was opened with {given!r}",
        name=name,
        value=given,
        place=f"collection {state.name!r}",
        remedy=f"Leave {name}= out, or use another name.",
    )


def check_name(name: object) -> None:
    """Raises InvalidArgument for a value that is not a valid collection name."""
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_CHARS_MAX:
        raise InvalidArgument(
            f"a collection's name is a text of 1 to {_NAME_CHARS_MAX} characters, not {name!r:.80}",
            name="name",
            value=name,
            remedy="Write db.collection('docs').",
        )
    check_unicode(name, "the name", "name")


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidArgument(
            f"{name} must be True or False, not {value!r}", name=name, value=value, remedy=f"Leave {name}= out."
        )


def _right_value(value: object) -> str:
    right = _OTHER_VALUES.get(value.lower()) if isinstance(value, str) else None
    return f"Use {right!r}. " if right else ""


def check_choices(**given: str) -> None:
    """Raises InvalidArgument for a value that is not one of the choices of a setting."""
    for name, value in given.items():
        known = _CHOICES[name]
        if value not in known:
            raise InvalidArgument(
                f"there is no {name} {value!r}",
                name=name,
                value=value,
                remedy=f"{_right_value(value) or nearest(str(value), known)}Choose one of {', '.join(known)}.",
            )


def _check_dimension(dimension: object) -> None:
    if dimension is None:
        return
    if isinstance(dimension, bool) or not isinstance(dimension, int) or not 1 <= dimension <= DIMENSION_MAX:
        raise InvalidArgument(
            f"dimension must be a whole number from 1 to {DIMENSION_MAX:,}, not {dimension!r}",
            name="dimension",
            value=dimension,
            remedy="Leave it out and the first vector decides.",
        )


def _check_language(language: object) -> None:
    if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2,3}", language):
        raise InvalidArgument(
            f"a language is a code of two or three letters, not {language!r}",
            name="language",
            value=language,
            remedy="Write 'en', 'de', 'zh' or the like.",
        )


def _check_timeout(timeout: object) -> None:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise InvalidArgument(
            f"timeout must be a number of seconds, not {timeout!r}",
            name="timeout",
            value=timeout,
            remedy="Leave it out for 30 seconds.",
        )
