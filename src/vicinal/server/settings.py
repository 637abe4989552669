"""Settings of the server: from the command line, the environment (VICINAL_SERVER_...) and a TOML file, in that order.

An unknown name, an invalid value, or a setting that would have no effect prevents the start, because a setting that was
written is relied upon.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from ..errors import InvalidArgument
from ..inputs.names import nearest
from ..visible import shown

__all__ = ["PREFIX", "ServerSettings", "is_loopback"]

PREFIX: Final = "VICINAL_SERVER_"
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Checked settings.

    Attributes:
        path: folder of the database.
        host: address to listen on.
        port: 0 for any free port.
        workers: number of processes.
        timeout: seconds per request; a request may set a lower limit in the header `vicinal-timeout`.
        admin_timeout: the same for backups, checks and everything else that rebuilds files.
        log_requests: log every request, not only those that fail or are slow.
        slow_seconds: requests that take longer are logged with their arguments.
        threads: concurrent calls of the engine, per worker.
        waiting_max: requests that may wait for a thread, per worker; more are rejected.
        connections_max: open connections per worker.
        body_mib_max: size of a request's body.
        rows_max: rows that one request may write or read.
        k_max: `k` and `offset` of a search, together.
        queries_max: queries of one `search_many`.
        hits_max: `k` of all queries of one `search_many`, together.
        query_chars_max: length of a query text.
        filter_depth_max: levels of a filter, as JSON.
        filter_conditions_max: conditions of a filter.
        filter_values_max: values in all lists of a filter, together.
        allow_regex: whether filters may have regular expressions. A malicious one occupies a worker forever.
        idle_seconds: a connection without a request is closed after this time.
        header_seconds: time limit for sending a request's head.
        body_seconds: time limit for sending its body.
        send_seconds: time limit for receiving the response.
        graceful_seconds: how long a stop waits for running requests.
        allowed_hosts: accepted names in the Host header. Names other than those of this machine require keys.
        encoders: names of encoders that a new collection may have.
        models: for VikingDB clients: the encoder for a model name, each NAME=ENCODER; or
            NAME=image:ENCODER for pictures, NAME=rerank:RERANKER.
        signature_seconds: how far the signing time of a request may be from now.
        provision: a file of collections for VikingDB clients, which are created before the server serves.
        backup_folder: where backups go; without it backups are disabled.
        tls_certificate: file of the certificate chain, for https.
        tls_key: file of its private key.
    """

    path: str
    host: str = "127.0.0.1"
    port: int = 8420
    workers: int = 1
    timeout: float = 30.0
    admin_timeout: float = 3600.0
    log_requests: bool = False
    slow_seconds: float = 1.0
    threads: int = 8
    waiting_max: int = 1000
    connections_max: int = 1000
    body_mib_max: int = 64
    rows_max: int = 100_000
    k_max: int = 10_000
    queries_max: int = 1000
    hits_max: int = 200_000
    query_chars_max: int = 100_000
    filter_depth_max: int = 64
    filter_conditions_max: int = 1000
    filter_values_max: int = 100_000
    allow_regex: bool = False
    idle_seconds: float = 75.0
    header_seconds: float = 10.0
    body_seconds: float = 60.0
    send_seconds: float = 60.0
    graceful_seconds: float = 30.0
    allowed_hosts: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ("hashing", "minilm")
    models: tuple[str, ...] = ()
    signature_seconds: float = 900.0
    provision: str | None = None
    backup_folder: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field.name, field.type, getattr(self, field.name))
        for model in self.models:
            if not all(model.partition("=")):
                raise InvalidArgument(
                    f"a model is written NAME=ENCODER, not {shown(model)}", name="models", value=model
                )
        if (self.tls_certificate is None) != (self.tls_key is None):
            lacking = "tls_key" if self.tls_key is None else "tls_certificate"
            raise InvalidArgument(f"https needs {lacking} too", name=lacking, remedy="Give both or neither.")

    @property
    def body_bytes_max(self) -> int:
        return self.body_mib_max * _MIB

    @property
    def url(self) -> str:
        scheme = "http" if self.tls_key is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        config: str | os.PathLike[str] | None = None,
        environment: Mapping[str, str] | None = None,
        texts: Mapping[str, str] | None = None,
        **given: Any,
    ) -> Self:
        """Returns settings from `given` and `texts`, else the environment, else the file `config`.

        Args:
            texts: values by name, in the syntax of environment variables.
            given: None means not given.

        Raises:
            InvalidArgument: see the module.
        """
        found: dict[str, Any] = {} if config is None else _from_file(Path(config))
        found |= _from_environment(os.environ if environment is None else environment)
        for name, text in (texts or {}).items():
            _check_known(name, f"argument {name}")
            found[name] = _read(name, text, f"argument {name}")
        for name in given:
            _check_known(name, f"argument {name}")
        found |= {name: value for name, value in given.items() if value is not None}
        return cls(path=os.path.abspath(path), **{name: _tupled(value) for name, value in found.items()})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach this address or name."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


_NAMES: Final = {field.name: str(field.type) for field in dataclasses.fields(ServerSettings) if field.name != "path"}
_SMALLEST: Final = {"port": 0}
_LARGEST: Final = {"port": 65535, "workers": 512, "threads": 1024}


def _from_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgument(
            f"the file of settings cannot be read: {error.strerror}", name="config", value=str(path), place=str(path)
        ) from None
    except ValueError as error:
        raise InvalidArgument(f"it is not TOML: {error}", name="config", value=str(path), place=str(path)) from None
    for name in found:
        _check_known(name, str(path))
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, text in environment.items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower()
            _check_known(name, variable)
            found[name] = _read(name, text, variable)
    return found


def _check_known(name: str, place: str) -> None:
    if name not in _NAMES:
        of_keys = "Create keys with: vicinal keys create PATH. " if "key" in name or "auth" in name else ""
        raise InvalidArgument(
            f"the server has no setting {shown(name)}",
            name=name,
            place=place,
            remedy=f"{of_keys}{nearest(name, _NAMES)}There are: {', '.join(_NAMES)}.",
        )


def _read(name: str, text: str, place: str) -> Any:
    """Parses a value from an environment variable."""
    kind = _NAMES[name]
    try:
        if kind == "bool":
            return {"1": True, "true": True, "0": False, "false": False}[text.strip().lower()]
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
    except (ValueError, KeyError):
        example = {"bool": "true or false", "int": "a whole number", "float": "a number"}[kind]
        raise InvalidArgument(
            f"it must be {example}, not {shown(text)}", name=name, value=text, place=place, remedy="Leave it out."
        ) from None
    return tuple(filter(None, map(str.strip, text.split(",")))) if kind.startswith("tuple") else text


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check(name: str, kind: Any, value: Any) -> None:
    """Raises InvalidArgument for an invalid value of a setting."""
    kind, fits = str(kind), True
    if kind == "bool":
        fits, wanted = isinstance(value, bool), "True or False"
    elif kind == "int":
        least, most = _SMALLEST.get(name, 1), _LARGEST.get(name, 2**31)
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        wanted = f"a whole number from {least} to {most:,}"
    elif kind == "float":
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e9
        wanted = "a number of seconds above 0"
    elif kind.startswith("tuple"):
        fits = isinstance(value, tuple) and all(isinstance(one, str) and one for one in value)
        wanted = "a list of names"
    else:
        fits = (isinstance(value, str) and value != "") or (value is None and "None" in kind)
        wanted = "a text"
    if not fits:
        raise InvalidArgument(
            f"{name} must be {wanted}, not {shown(value)}", name=name, value=value, remedy="Leave it out."
        )
