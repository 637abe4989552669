r"""Settings of a program that uses Vicinal: from arguments, the environment or a `.env` file, in that order.

    settings = Settings.load(chunk_size=256)
    db.collection("docs", encoder=settings.encoder)

A `.env` file is read as follows; nothing in it is ever executed, expanded or put into `os.environ`:

- UTF-8, one `NAME=value` per line. `export ` before it and blanks around `=` are allowed; the last of equal names wins.
- Empty lines, lines that begin with `#` and names without `=` are skipped.
- An unquoted value ends at a `#` that follows a blank, or at the end of the line; surrounding blanks are dropped.
- A value in single quotes is literal; one in double quotes may contain \n \r \t \" and \\. Both may span lines.
- `$NAME` and `${NAME}` are not expanded.
"""

from __future__ import annotations

import difflib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from .errors import InvalidArgument

__all__ = ["Secret", "Settings", "encoder_named", "parse_env", "setting"]

DEFAULT_ENV_FILE = ".env"

_ENCODERS = {"sentence-transformers/all-minilm-l6-v2": "minilm", "all-minilm-l6-v2": "minilm"}
_SMALLEST = {"vector_dimension": 1, "chunk_size": 1, "chunk_overlap": 0, "max_results": 1}
_SECRETS = (
    "openai_api_key",
    "cohere_api_key",
    "huggingface_api_token",
    "pinecone_api_key",
    "weaviate_api_key",
    "qdrant_api_key",
    "llm_api_key",
)
_URLS = ("llm_url", "weaviate_url", "qdrant_url")

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
# What `vicinal init` writes into a new .env; a service would only reject it.
_PLACEHOLDER = re.compile(r"your_\w+_here")


class Secret:
    """A key that no print, log, traceback, copy or pickle shows; only `reveal()` does."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself. Pass it directly to the call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # Not `==`: its running time reveals how many leading characters agree.
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self  # dataclasses.asdict makes deep copies, and must neither fail nor reveal the key

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret is not pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Validated settings. Each field is set by the environment variable of the same name in capitals.

    Attributes:
        embedding_model: the model that turns texts into vectors; `encoder` is Vicinal's name for it.
        vector_dimension: components per vector.
        chunk_size: the maximum length of a chunk of text.
        chunk_overlap: how much neighbouring chunks share; less than `chunk_size`.
        max_results: the default number of hits of a search.
        llm_model: the language model that `vicinal ask` uses, and `vicinal serve` for conversational memory: its name
            on the server, or the path of a .gguf file.
        llm_url: the URL of its server, up to and including "/v1"; None means OpenAI.
        llm_api_key: the key for that server.
    """

    embedding_model: str = "sentence-transformers/all-MiniLM-L6-v2"
    vector_dimension: int = 384
    chunk_size: int = 512
    chunk_overlap: int = 50
    max_results: int = 10
    openai_api_key: Secret | None = None
    cohere_api_key: Secret | None = None
    huggingface_api_token: Secret | None = None
    pinecone_api_key: Secret | None = None
    pinecone_environment: str | None = None
    weaviate_url: str | None = None
    weaviate_api_key: Secret | None = None
    qdrant_url: str | None = None
    qdrant_api_key: Secret | None = None
    llm_model: str | None = None
    llm_url: str | None = None
    llm_api_key: Secret | None = None

    def __post_init__(self) -> None:
        for name in _names():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _convert(name, value, place=f"argument {name}"))
        _check_overlap(self.chunk_size, self.chunk_overlap, place="")

    @classmethod
    def load(cls, *, env_file: str | os.PathLike[str] | None = DEFAULT_ENV_FILE, **overrides: Any) -> Settings:
        """Settings from `overrides`, else the environment, else `env_file`, else the defaults.

        Values that are None, empty or a placeholder (`your_..._here`) count as not set. A missing `.env` is not an
        error, but a file with any other name must exist; None reads no file.
        """
        _refuse_unknown(overrides)
        _hide_keys(overrides)
        file_values = {} if env_file is None else _read_env_file(Path(env_file).expanduser())
        values: dict[str, Any] = {}
        places: dict[str, str] = {}
        for name in _names():
            found = _find(name, overrides, file_values)
            if found is not None:
                values[name] = _convert(name, *found)
                places[name] = found[1]
        defaults = cls()
        _check_overlap(
            values.get("chunk_size", defaults.chunk_size),
            values.get("chunk_overlap", defaults.chunk_overlap),
            place=places.get("chunk_overlap", places.get("chunk_size", "")),
        )
        return cls(**values)

    @property
    def encoder(self) -> str:
        """Vicinal's name for `embedding_model`: "minilm" for all-MiniLM-L6-v2; other names are passed through."""
        return encoder_named(self.embedding_model)


def encoder_named(model: str) -> str:
    """Vicinal's name for a model: "minilm" for all-MiniLM-L6-v2; other names are passed through."""
    return _ENCODERS.get(model.lower(), model)


def setting(name: str, *, env_file: str | os.PathLike[str] = DEFAULT_ENV_FILE) -> Any:
    """One setting, from the environment, else `env_file`, else its default, for code that needs no other setting.

    The file may belong to another program, so the rest of it need not be valid: a line that cannot be read is ignored
    unless it sets this setting.

    Raises:
        InvalidArgument: the value is not valid.
    """
    found = _find(name, {}, {}) or _find(name, {}, _lines_about(name.upper(), Path(env_file).expanduser()))
    return getattr(Settings(), name) if found is None else _convert(name, *found)


def _names() -> list[str]:
    return [field.name for field in fields(Settings)]


def _refuse_unknown(overrides: Mapping[str, Any]) -> None:
    for name in overrides:
        if name not in _names():
            near = difflib.get_close_matches(name.lower(), _names(), n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"Settings are: {', '.join(_names())}."
            raise InvalidArgument(f"there is no setting {name!r}", name=name, remedy=remedy)


def _hide_keys(overrides: dict[str, Any]) -> None:
    for name in _SECRETS:
        if isinstance(overrides.get(name), str):
            overrides[name] = Secret(overrides[name])


# Values are wrapped in `Secret` until they are known not to be secret. Otherwise, frames of this module in a traceback
# would expose keys to tools that log tracebacks with local variables.
def _find(
    name: str, overrides: Mapping[str, Any], file_values: Mapping[str, tuple[Secret, str]]
) -> tuple[Any, str] | None:
    """The value of a setting and where it is set; None if it is not set."""
    given = overrides.get(name)
    if given is not None and given != Secret(""):
        return given, f"argument {name}"
    variable = name.upper()
    in_environment = Secret(os.environ.get(variable, "").strip())
    if _is_set(in_environment):
        return in_environment, f"environment variable {variable}"
    in_file = file_values.get(variable)
    return in_file if in_file is not None and _is_set(in_file[0]) else None


def _is_set(value: Secret) -> bool:
    return bool(value) and _PLACEHOLDER.fullmatch(value.reveal()) is None


def _convert(name: str, value: Any, place: str) -> str | int | Secret:
    """`value` converted to the type of the field `name`; raises an error that says where the value is set."""
    if name in _SECRETS:
        return _secret(name, value, place)
    if isinstance(value, Secret):
        value = value.reveal()
    if name in _SMALLEST:
        return _whole_number(name, value, place)
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"{name.upper()} must be a text", name=name.upper(), value=value, place=place)
    if name in _URLS and "@" in value:
        raise InvalidArgument(
            f"{name.upper()} holds a user name or password, which every log would show",
            name=name.upper(),
            place=place,
            remedy=f"Give the address alone and the key as {name.upper().replace('_URL', '_API_KEY')}.",
        )
    return value


def _secret(name: str, value: Any, place: str) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, str) and value:
        return Secret(value)
    # Neither in the message nor as `value=`: whatever it is, it was meant to be a key.
    raise InvalidArgument(f"{name.upper()} must be a non-empty text", name=name.upper(), place=place)


def _whole_number(name: str, value: Any, place: str) -> int:
    least = _SMALLEST[name]
    number: int | None = None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    if number is None or number < least:
        example = Settings.__dataclass_fields__[name].default
        raise InvalidArgument(
            f"{name.upper()} must be a whole number of at least {least}, not {value!r}",
            name=name.upper(),
            value=value,
            place=place,
            remedy=f"Set it to a number such as {example}.",
        )
    return number


def _check_overlap(size: int, overlap: int, place: str) -> None:
    if overlap >= size:
        raise InvalidArgument(
            f"CHUNK_OVERLAP ({overlap}) must be smaller than CHUNK_SIZE ({size})",
            name="CHUNK_OVERLAP",
            value=overlap,
            place=place,
            remedy="Make the overlap smaller or the chunks larger.",
        )


_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*(=?)", re.ASCII)
_SKIPPED = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_OPENING_QUOTE = re.compile(r"""[ \t]*(["'])""")
_SINGLE_QUOTED = re.compile(r"'([^']*)'")
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PLAIN = re.compile(r"(?:(?![ \t]+#)[^\n])*")
_ESCAPE = re.compile(r'\\([nrt"\\])')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


class _BadLine(Exception):
    def __init__(self, number: int, reason: str) -> None:
        super().__init__(number, reason)
        self.number = number
        self.reason = reason


def _read_env_file(path: Path) -> dict[str, tuple[Secret, str]]:
    """Values and places (`file:line`) of a `.env` file, by name."""
    if not path.is_file():  # a folder called .env is usually a virtual environment
        if path.name == DEFAULT_ENV_FILE:
            return {}
        raise InvalidArgument(f"there is no file {str(path)!r}", name="env_file", value=path)
    problem = ""
    try:
        values = parse_env(path.read_bytes().decode("utf-8-sig"))
        return {name: (value, f"{path}:{line}") for name, (value, line) in values.items()}
    except UnicodeDecodeError:
        place, problem = str(path), "the file is not UTF-8"
    except _BadLine as bad:
        place, problem = f"{path}:{bad.number}", bad.reason
    # Raised here, outside the handler, so that the first error, whose frames hold the whole text, is not chained to it.
    raise InvalidArgument(
        problem, name="env_file", value=path, place=place, remedy="Write lines of the form NAME=value."
    )


def _lines_about(variable: str, path: Path) -> dict[str, tuple[Secret, str]]:
    """The value of one variable in an arbitrary file; empty if the file does not set it."""
    try:
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape") if path.is_file() else ""
    except OSError:  # a file that cannot be read is not ours
        return {}
    problem = None
    try:
        found = parse_env(text, only=variable).get(variable)
    except _BadLine as bad:
        problem = bad
    if problem is not None:  # raised outside the handler, so that no frame with the whole text is chained to it
        place = f"{path}:{problem.number}"
        raise InvalidArgument(problem.reason, name=variable, place=place, remedy=f"Write {variable}=value.")
    return {} if found is None else {variable: (found[0], f"{path}:{found[1]}")}


def parse_env(text: str, *, only: str | None = None) -> dict[str, tuple[Secret, int]]:
    """Each name of a `.env` text with its value and line number; the rules are in this module's docstring.

    Args:
        only: skips invalid lines, except those that begin with this name.
    """
    text = text.replace("\r\n", "\n")
    values: dict[str, tuple[Secret, int]] = {}
    position = 0
    while position < len(text):
        if skipped := _SKIPPED.match(text, position):
            position = skipped.end()
            continue
        line = text.count("\n", 0, position) + 1
        named = _NAME.match(text, position)
        try:
            name, value, position = _assignment(text, position, named, line)
        except _BadLine:
            if only is None or (named is not None and named[1] == only):
                raise
            position = text.find("\n", position) + 1 or len(text)
            continue
        if value is not None:
            values[name] = (value, line)
    return values


def _assignment(text: str, start: int, named: re.Match[str] | None, line: int) -> tuple[str, Secret | None, int]:
    """The name at `start`, its value, and the position of the next line."""
    if named is None:
        raise _BadLine(line, "the line does not begin with a name")
    name, equals = named.groups()
    value, end = _value(text, named.end(), line) if equals else (None, named.end())
    rest = _SKIPPED.match(text, end)
    if rest is None:
        raise _BadLine(line, f"text follows the {'quoted value' if equals else 'name'} of {name}")
    return name, value, rest.end()


def _value(text: str, start: int, line: int) -> tuple[Secret, int]:
    """The value that begins at `start`, and its end position."""
    opening = _OPENING_QUOTE.match(text, start)
    if opening is None:
        plain = _PLAIN.match(text, start)
        assert plain is not None  # the pattern also matches the empty string
        return Secret(plain[0].strip()), plain.end()
    quote = opening[1]
    found = (_SINGLE_QUOTED if quote == "'" else _DOUBLE_QUOTED).match(text, opening.start(1))
    if found is None:
        raise _BadLine(line, "a quote is not closed")
    value = found[1] if quote == "'" else _ESCAPE.sub(lambda m: _ESCAPED[m[1]], found[1])
    return Secret(value), found.end()
