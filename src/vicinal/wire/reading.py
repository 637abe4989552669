"""Reads bodies of requests into their models; invalid ones raise an error that names the argument."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from ..errors import InvalidArgument, InvalidText
from ..inputs.calls import right_name
from .needed import msgspec

__all__ = ["decoder", "query_of", "read", "refused"]

M = TypeVar("M", bound=msgspec.Struct)

_UNKNOWN: Final = re.compile(r"unknown field `(.*?)`", re.DOTALL)
_MISSING: Final = re.compile(r"missing required field `(.*?)`", re.DOTALL)
# Half of a surrogate pair as an escape; after an even number of backslashes it would not be an escape.
_LONE_SURROGATE: Final = re.compile(
    rb"(?<!\\)(?:\\\\)*(?:\\u[dD][89aAbB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89aAbB][0-9a-fA-F]{2})\\u[dD][c-fC-F])"
)
_AT: Final = re.compile(r" - at `\$\.?(.*)`$", re.DOTALL)


def read(model: type[M], body: bytes) -> M:
    """Returns the arguments in a body; an empty body has none.

    Raises:
        InvalidArgument: it is not JSON, or has an unknown, missing or mistyped argument.
    """
    try:
        return decoder(model).decode(body or b"{}")
    except msgspec.ValidationError as error:
        raise refused(model, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _LONE_SURROGATE.search(body):
            raise InvalidText(
                "a text in the body has a lone surrogate, which is not text",
                name="body",
                remedy="Decode the source with errors='replace'.",
            ) from None
        raise InvalidArgument(
            f"the body is not JSON: {error}", name="body", remedy="Send a JSON object with the call's arguments."
        ) from None


def query_of(model: type[M], query: Mapping[str, str]) -> M:
    """Returns the same from query parameters, which are all texts."""
    try:
        return msgspec.convert(dict(query), model, strict=False)
    except msgspec.ValidationError as error:
        raise refused(model, str(error)) from None


def refused(model: type[msgspec.Struct], said: str) -> InvalidArgument:
    """Converts an error of the JSON library to one with the name of the argument and a remedy."""
    names = [field.encode_name for field in msgspec.structs.fields(model)]
    where = _AT.search(said)
    place = where[1] if where else ""
    what = _AT.sub("", said)
    unknown = _UNKNOWN.search(said)
    if unknown and not place:
        remedy = right_name(unknown[1], names) if names else "It takes none."
        return InvalidArgument(f"there is no argument {unknown[1]!r}", name=unknown[1], remedy=remedy)
    missing = _MISSING.search(said)
    if missing and not place:
        return InvalidArgument(f"{missing[1]} is missing", name=missing[1], remedy=f"Send {missing[1]!r} in the body.")
    name = re.split(r"[.\[]", place, maxsplit=1)[0] or "body"
    remedy = "The API's description has the types: /openapi.json."
    return InvalidArgument(what[:1].lower() + what[1:].replace("`", "'"), name=name, place=place, remedy=remedy)


_decoders: dict[type[msgspec.Struct], Any] = {}


def decoder(model: type[M]) -> msgspec.json.Decoder[M]:
    """Created once for each model: that takes longer than reading a message."""
    found: msgspec.json.Decoder[M] | None = _decoders.get(model)
    if found is None:
        found = _decoders[model] = msgspec.json.Decoder(model)
    return found
