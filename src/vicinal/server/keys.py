"""Keys of a server: a file in the database's folder with the permissions and the hash of each key.

A key is `vk_<its id>_<256 random bits>`. That many bits cannot be guessed, so a plain SHA-256 is sufficient. A signing
key is a pair, an access key and a secret, which is never sent: to check a signature the server needs the secret, so the
file contains it in plain text. Only the owner can read the file. It is replaced as a whole, and running workers see a
change with their next request.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, get_args

from ..errors import Damaged, InvalidArgument, KeyRefused, NotFound
from ..filters.where import parse
from ..metadata import dumps, loads
from ..visible import shown

__all__ = ["FILE_NAME", "Key", "KeyFile", "KeyRing", "Role"]

Role = Literal["read", "write", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

FILE_NAME: Final = "server-keys.json"
_FORMAT: Final = 1
_PREFIX: Final = "vk"
_ACCESS_PREFIX: Final = "AKVK"
_ID_BYTES: Final = 5
_SECRET_BYTES: Final = 32
_NAME_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Key:
    """A key's permissions.

    Attributes:
        id: by which it is listed and revoked; not secret.
        name: for people.
        role: "read", "write" or "admin"; each includes those before it.
        where: a filter, as `where` takes it, that every row must match which the key reads or writes; None for none.
        collections: the only ones that it can access; empty for all.
        hash: SHA-256 of the key, in hexadecimal.
        secret: secret of a signing key; None for a key that is sent.
    """

    id: str
    name: str
    role: Role
    where: dict[str, Any] | None
    collections: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    hash: str
    secret: str | None = field(default=None, repr=False)

    def state(self, now: datetime) -> str:
        """ "active", "revoked" or "expired"."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    @property
    def is_restricted(self) -> bool:
        """Whether there are rows or collections that it cannot access."""
        return self.where is not None or bool(self.collections)

    @property
    def access_key(self) -> str | None:
        """The id by which clients refer to a signing key."""
        return None if self.secret is None else f"{_ACCESS_PREFIX}{self.id}"

    def may(self, role: Role) -> bool:
        """Whether its role includes this one."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON for the file."""
        signing = {} if self.secret is None else {"secret": self.secret}
        return signing | {
            "id": self.id,
            "name": self.name,
            "role": self.role,
            "where": None if self.where is None else dumps(self.where),
            "collections": list(self.collections),
            "created_at": self.created_at.isoformat(),
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
            "revoked_at": None if self.revoked_at is None else self.revoked_at.isoformat(),
            "hash": self.hash,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Key:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        where = None if found["where"] is None else loads(found["where"])
        if where is not None:
            parse(where)
        if found["role"] not in ROLES or len(bytes.fromhex(found["hash"])) != hashlib.sha256().digest_size:
            raise ValueError("it is none of our keys")
        return cls(
            id=str(found["id"]),
            name=str(found["name"]),
            role=found["role"],
            where=where,
            collections=tuple(map(str, found["collections"])),
            created_at=datetime.fromisoformat(found["created_at"]),
            expires_at=_instant(found["expires_at"]),
            revoked_at=_instant(found["revoked_at"]),
            hash=found["hash"],
            secret=None if found.get("secret") is None else str(found["secret"]),
        )


class KeyFile:
    """The keys of the database in `folder`, to be changed by any number of processes.

    Attributes:
        path: of the file.
        mark: the lock file, which is never deleted.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = Path(folder) / FILE_NAME
        self.mark = self.path.with_suffix(".lock")
        self._mark = str(self.mark)

    def exists(self) -> bool:
        return self.path.exists()

    def were_made(self) -> bool:
        """Whether a key was ever created here: the lock file remains if the file of keys is lost."""
        return os.path.exists(self._mark)  # called for each request

    def read(self) -> list[Key]:
        """Returns all keys ever created, including revoked ones, oldest first.

        Raises:
            Damaged: the file is not valid, so it is unknown who has access.
        """
        try:
            found = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise self._damaged(error) from error
        try:
            if found["format"] != _FORMAT:
                raise ValueError(f"it has format {found['format']!r}, this version knows {_FORMAT}")
            return [Key.from_json(one) for one in found["keys"]]
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(error) from error

    def create(
        self,
        name: str,
        role: str,
        *,
        where: Mapping[str, Any] | None = None,
        collections: tuple[str, ...] = (),
        days: float | None = None,
        signing: bool = False,
    ) -> tuple[Key, str]:
        """Creates a key; the second value is the key itself, which is stored nowhere, or the secret of a pair.

        Args:
            where: see `Key`.
            days: after which it expires.
            signing: creates a pair, which signs requests (signature V4) instead of being sent.

        Raises:
            InvalidArgument: nothing was created.
        """
        _check_new(name, role, where, collections, days)
        id_, now = secrets.token_hex(_ID_BYTES), datetime.now(UTC)
        random = secrets.token_urlsafe(_SECRET_BYTES)
        secret = random if signing else f"{_PREFIX}_{id_}_{random}"
        key = Key(
            id=id_,
            name=name,
            role=ROLES[ROLES.index(role)],
            where=None if where is None else dict(where),
            collections=collections,
            created_at=now,
            expires_at=None if days is None else now + timedelta(days=days),
            revoked_at=None,
            hash=_hash(secret),
            secret=secret if signing else None,
        )
        with self._locked():
            self._write([*self.read(), key])
        return key, secret

    def revoke(self, id_: str) -> Key:
        """Revokes the key at once, in running servers too. It stays in the list.

        Raises:
            NotFound: no key has this id.
        """
        if self.exists():  # if no key was ever created, none must be marked as lost
            with self._locked():
                keys = self.read()
                for i, key in enumerate(keys):
                    if key.id == id_:
                        if key.revoked_at is None:
                            keys[i] = Key.from_json({**key.to_json(), "revoked_at": datetime.now(UTC).isoformat()})
                            self._write(keys)
                        return keys[i]
        raise NotFound(
            f"there is no key {shown(id_)}", name="id", value=id_, place=str(self.path), remedy="vicinal keys list PATH"
        )

    def _write(self, keys: list[Key]) -> None:
        """Writes the file atomically, durably, and readable only by its owner."""
        text = json.dumps({"format": _FORMAT, "keys": [key.to_json() for key in keys]}, indent=1)
        new = self.path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            new.unlink()  # left by a process that died here
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)
        if sys.platform != "win32":
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Only one process at a time changes the file; the system releases the lock of one that dies."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.mark.open("a") as file:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _damaged(self, error: Exception) -> Damaged:
        return Damaged(
            f"the keys cannot be read: {error}",
            name="keys",
            place=str(self.path),
            remedy="Restore the file from a backup, or move it away and make new keys (vicinal keys create PATH): "
            "until then all requests are rejected, and no server starts.",
        )


class KeyRing:
    """The keys as a worker looks them up with each request: read again when the file has changed.

    Args:
        required: whether there were keys when the server started. If so, a missing file means no access. The same holds
            if keys were ever created: a worker that replaces another one does not learn of these by `required`.
    """

    def __init__(self, folder: str | os.PathLike[str], *, required: bool) -> None:
        self._file = KeyFile(folder)
        self._path = str(self._file.path)
        self._required = required
        self._seen: tuple[int, int, int] | None = None
        self._keys: dict[str, Key] = {}

    def is_needed(self) -> bool:
        """Whether requests need a key. Once they do, they do for as long as the server runs."""
        self._look()
        return self._required

    def check_readable(self) -> None:
        """Raises Damaged if the keys cannot be read."""
        if self.is_needed() and self._seen is None:
            raise Damaged("the file of keys is gone", name="keys", place=self._path, remedy="Restore it from a backup.")

    def find(self, presented: str) -> Key:
        """Returns the key that was presented.

        Raises:
            KeyRefused: it is not valid, or no longer.
            Damaged: the file cannot be read, so all requests are rejected.
        """
        self._look()
        parts = presented.split("_", 2)
        key = self._keys.get(parts[1]) if len(parts) == len((_PREFIX, "id", "secret")) else None
        if key is not None and key.secret is not None:  # it signs, and must not be sent
            key = None
        # Compares even if no key has this id, so that timing reveals nothing about existing ids.
        same = hmac.compare_digest(_hash(presented), _NO_HASH if key is None else key.hash)
        if key is None or not same or key.state(datetime.now(UTC)) != "active":
            raise KeyRefused(
                "the server does not know this key",
                name="api_key",
                place="request",
                remedy="Create keys with: vicinal keys create PATH.",
            )
        return key

    def find_signing(self, access_key: str) -> tuple[Key, str]:
        """Returns the signing key with this access key, and its secret.

        Raises:
            KeyRefused: there is none, or it is no longer valid.
            Damaged: the file cannot be read, so all requests are rejected.
        """
        self._look()
        key = self._keys.get(access_key.removeprefix(_ACCESS_PREFIX))
        if (
            key is None
            or key.secret is None
            or key.access_key != access_key
            or key.state(datetime.now(UTC)) != "active"
        ):
            raise KeyRefused(
                "the server does not know this access key",
                name="access_key",
                place="request",
                remedy="Create key pairs for signing with: vicinal keys create PATH --signing.",
            )
        return key, key.secret

    def _look(self) -> None:
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            self._seen, self._keys = None, {}
            self._required = self._required or self._file.were_made()
            return
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            self._required, self._keys, self._seen = True, {}, None  # from now on, access requires the file
            self._keys = {key.id: key for key in self._file.read()}
            self._seen = seen


_NO_HASH: Final = "0" * 64


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _check_new(
    name: str, role: str, where: Mapping[str, Any] | None, collections: tuple[str, ...], days: float | None
) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_CHARS_MAX or not name.isprintable():
        raise InvalidArgument(
            f"a key's name is a line of 1 to {_NAME_CHARS_MAX} characters, not {shown(name)}", name="name", value=name
        )
    if role not in ROLES:
        raise InvalidArgument(
            f"there is no role {shown(role)}", name="role", value=role, remedy=f"Choose one of {', '.join(ROLES)}."
        )
    if where is not None:
        parse(where)
        if not where:
            raise InvalidArgument("an empty filter keeps nothing away", name="where", remedy="Leave it out.")
    if role == "admin" and (where is not None or collections):
        raise InvalidArgument(
            "an admin reaches every row of every collection, so a filter would mean nothing",
            name="role",
            value=role,
            remedy="Choose the role read or write.",
        )
    if days is not None and not 0 < days < 1e5:
        raise InvalidArgument(f"days must be a number above 0, not {shown(days)}", name="days", value=days)
