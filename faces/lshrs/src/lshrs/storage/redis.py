"""Buckets in Redis or Redis Cluster.

Keys, with the prefix `lsh`:

    lsh:3:bucket:0aff   a set of indices in decimal: the bucket 0aff of band 3
    lsh:places:42       where index 42 is, so that deleting it need not scan every bucket: a set whose members list
                        bands and signatures, such as "0:1f3c 1:88a0"

Adding and removing members of sets is idempotent, so a batch whose outcome is unknown is sent again.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import numpy as np
import redis
from numpy.typing import NDArray
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from ..spelling import also_spelt
from .base import Storage, is_lasting

__all__ = ["RedisStorage"]

_TIMEOUT_SECONDS: Final = 5
_RETRIES: Final = 3
_CHUNK: Final = 10_000  # commands in flight: their replies wait in the server until we read them
_AGAIN: Final = (redis.ConnectionError, redis.TimeoutError)


class RedisStorage(Storage):
    """Sets of indices in Redis; a cluster is detected automatically. Constructing needs no server.

    Args:
        host, port, db, password: of the server, or of any node of a cluster.
        prefix: the start of all keys; no colon, which would put keys of one prefix below another's. Braces make a
            cluster keep every key on one node; this is warned about.
        decode_responses: whether the client returns str instead of bytes; buckets are integers either way.
        max_connections: of the pool.
        reverse_keys: keep a key for each index with its places, so that deleting does not scan. This costs memory.
        cluster: True for Redis Cluster, False for one server, None to ask the server at the first command.
        options: more for the connection: username, ssl, ssl_ca_certs, socket_timeout, ...

    Raises:
        ValueError: the prefix has a colon, or `db` is not 0 with `cluster=True`.
        redis.RedisError: is passed through from every method, with a note of what was being done.
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int = 6379,
        db: int = 0,
        password: str | None = None,
        prefix: str = "lsh",
        decode_responses: bool = False,
        max_connections: int = 50,
        *,
        reverse_keys: bool = True,
        cluster: bool | None = None,
        **options: Any,
    ) -> None:
        _check_prefix(prefix)
        if type(port) is not int or not 0 < port < 65_536:
            raise ValueError(f"port must be a whole number from 1 to 65535, got {port!r}")
        if cluster and db != 0:
            raise ValueError(f"Redis Cluster has only database 0, got db={db}")
        self.host, self.port, self.db = host, port, db
        self._prefix = prefix
        self._reverse_keys = reverse_keys
        self._settings: dict[str, Any] = {
            "host": host,
            "port": port,
            "password": password,
            "decode_responses": decode_responses,
            "socket_timeout": _TIMEOUT_SECONDS,
            "socket_connect_timeout": _TIMEOUT_SECONDS,
            "max_connections": max_connections,
            **options,
        }
        self._retry = Retry(ExponentialBackoff(cap=1.0, base=0.05), _RETRIES, supported_errors=_AGAIN)
        self._is_cluster: bool | None = cluster
        self._client: Any = None

    # Server

    @property
    def prefix(self) -> str:
        """The start of all keys."""
        return self._prefix

    @property
    def client(self) -> Any:
        """The client of redis-py: `redis.Redis`, or `redis.RedisCluster` once a cluster was found."""
        if self._client is None:
            self._client = self._cluster_client() if self._is_cluster else self._single_client()
        return self._client

    def _single_client(self) -> redis.Redis:
        settings = {**self._settings, "db": self.db, "retry": self._retry}
        return redis.Redis(**settings)

    def _cluster_client(self) -> redis.RedisCluster:
        if "{" in self._prefix or "}" in self._prefix:
            warnings.warn(
                f"the prefix {self._prefix!r} has braces, a hash tag: Redis Cluster keeps all its keys on one node. "
                "Use a prefix without braces",
                RuntimeWarning,
                stacklevel=5,
            )
        return redis.RedisCluster(**self._settings)

    def _connected(self) -> Any:
        """Returns the client, after asking the server once whether it belongs to a cluster."""
        if self._is_cluster is None:
            try:
                found = self.client.info("cluster").get("cluster_enabled") == 1
            except redis.ResponseError as error:
                if "cluster mode" not in str(error):
                    raise
                where = f"{self.host}:{self.port}"
                raise ValueError(f"{where} is a cluster and has only database 0, got db={self.db}") from error
            self._is_cluster = found
            if found:
                self.client.close()
                self._client = None
        return self.client

    def close(self) -> None:
        """Disconnects; a later call reconnects."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
            if not self._is_cluster:
                client.connection_pool.disconnect()

    # Writing

    @also_spelt(hash_val="signature")
    def add_to_bucket(self, band_id: int, signature: bytes, index: int) -> None:
        self.batch_add([(band_id, signature, index)])

    def batch_add(self, operations: Sequence[tuple[int, bytes, int]]) -> None:
        """Sends operations in pipelines of 10,000, and again if the connection is lost.

        After an error, some may have arrived. Sending the batch again is safe.
        """
        commands = [(self.bucket_key(band, signature), str(int(index))) for band, signature, index in operations]
        if self._reverse_keys:
            commands[:0] = self._places_of(operations)
        self._pipelined(f"adding {len(operations)} operations", [("SADD", *command) for command in commands])

    def _places_of(self, operations: Iterable[tuple[int, bytes, int]]) -> list[tuple[str, str]]:
        """Commands that record where each index is. They go first: an extra place is harmless, a missing one is not."""
        places: dict[int, list[str]] = {}
        for band, signature, index in operations:
            places.setdefault(int(index), []).append(f"{band}:{bytes(signature).hex()}")
        return [(self._places_key(index), " ".join(found)) for index, found in places.items()]

    def add_signatures(self, indices: Sequence[int], signatures: NDArray[np.uint8]) -> None:
        """The same as `batch_add` of all operations, packed for one server without a Python object for each."""
        if type(self).batch_add is not RedisStorage.batch_add or len(indices) == 0:
            if len(indices):
                super().add_signatures(indices, signatures)
            return
        with self._noting(f"adding {len(indices)} vectors to {signatures.shape[1]} buckets each"):
            self._connected()
            if self._is_cluster:
                super().add_signatures(indices, signatures)
                return
            failed: redis.ResponseError | None = None
            step = max(1, _CHUNK // (signatures.shape[1] + 1))
            for start in range(0, len(indices), step):
                part = slice(start, start + step)
                packed, count = self._pack(indices[part], signatures[part])
                found = self._retry.call_with_retry(partial(self._send, packed, count), _ignore)
                failed = failed or found
            if failed is not None:
                raise failed

    def _pack(self, indices: Sequence[int], signatures: NDArray[np.uint8]) -> tuple[bytes, int]:
        """SADD commands in Redis protocol (redis.io/docs/latest/develop/reference/protocol-spec), and their number."""
        width = 2 * signatures.shape[2]
        members = [str(index).encode() for index in indices]
        tails = [b"\r\n$%d\r\n%b\r\n" % (len(member), member) for member in members]
        bands = [signatures[:, band].tobytes().hex().encode() for band in range(signatures.shape[1])]
        starts = range(0, width * len(members), width)
        packed = self._pack_places(members, bands, width) if self._reverse_keys else []
        for band, text in enumerate(bands):
            head = f"{self._prefix}:{band}:bucket:".encode()
            head = b"*3\r\n$4\r\nSADD\r\n$%d\r\n%b" % (len(head) + width, head)
            packed += [head + text[start : start + width] + tail for start, tail in zip(starts, tails)]
        return b"".join(packed), len(packed)

    def _pack_places(self, members: list[bytes], bands: list[bytes], width: int) -> list[bytes]:
        head = f"{self._prefix}:places:".encode()
        names = [b"%d:" % band for band in range(len(bands))]
        packed = []
        for row, member in enumerate(members):
            start = row * width
            places = b" ".join([name + text[start : start + width] for name, text in zip(names, bands)])
            packed.append(
                b"*3\r\n$4\r\nSADD\r\n$%d\r\n%b%b\r\n$%d\r\n%b\r\n"
                % (len(head) + len(member), head, member, len(places), places)
            )
        return packed

    def _send(self, packed: bytes, count: int) -> redis.ResponseError | None:
        """Sends packed commands on one connection and reads every reply.

        Returns:
            The first error of a key of another type, despite which all other commands were carried out; or None.

        Raises:
            redis.RedisError: the first error of any other kind.
        """
        pool = self.client.connection_pool
        connection = pool.get_connection()
        errors: list[redis.ResponseError] = []
        waiting = count
        try:
            connection.send_packed_command([packed])
            while waiting:
                try:
                    connection.read_response(disable_decoding=True)
                except redis.ResponseError as error:
                    errors.append(error)
                waiting -= 1
        finally:
            if waiting:
                connection.disconnect()  # the remaining replies must not answer another request
            pool.release(connection)
        lasting: redis.ResponseError | None = _lasting(errors)
        return lasting

    # Reading

    @also_spelt(hash_val="signature")
    def get_bucket(self, band_id: int, signature: bytes) -> set[int]:
        key = self.bucket_key(band_id, signature)
        with self._noting(f"reading {key}"):
            return _indices(key, self._connected().smembers(key))

    def get_buckets(self, places: Iterable[tuple[int, bytes]]) -> list[set[int]]:
        """Returns several buckets in one round trip; one by one if a subclass overrides `get_bucket`."""
        if type(self).get_bucket is not RedisStorage.get_bucket:
            return super().get_buckets(places)
        keys = [self.bucket_key(band, signature) for band, signature in places]
        replies = self._pipelined(f"reading {len(keys)} buckets", [("SMEMBERS", key) for key in keys])
        return [_indices(key, reply) for key, reply in zip(keys, replies)]

    # Deleting

    def remove_indices(self, indices: Sequence[int]) -> None:
        """Removes indices from the buckets that their place keys name.

        Indices without such a key, including those of another program or of `reverse_keys=False`, are searched for in
        every bucket of the prefix.
        """
        wanted = list(dict.fromkeys(int(index) for index in indices))
        if not wanted:
            return
        keys = [self._places_key(index) for index in wanted]
        what = f"removing {len(wanted)} indices"
        found = self._pipelined(what, [("SMEMBERS", key) for key in keys])
        without = [index for index, places in zip(wanted, found) if not places]
        if without:
            self._remove_everywhere(without)
        commands = []
        for index, places in zip(wanted, found):
            named = {place for member in places for place in _text(member).split(" ")}
            commands += [("SREM", self._key_of(place), str(index)) for place in sorted(named)]
        self._pipelined(what, commands)
        # Last, so that after a removal that failed halfway the rest can still be found.
        self._pipelined(what, [("UNLINK", key) for key, places in zip(keys, found) if places])

    def _remove_everywhere(self, indices: list[int]) -> None:
        members = [str(index) for index in indices]
        for keys in self._scan(f"{_literal(self._prefix)}:*:bucket:*"):
            self._pipelined("removing indices from every bucket", [("SREM", key, *members) for key in keys])

    def clear(self) -> None:
        """Deletes all keys with the prefix, without blocking the server."""
        for keys in self._scan(f"{_literal(self._prefix)}:*"):
            self._pipelined("deleting all keys", [("UNLINK", key) for key in keys])

    def _scan(self, pattern: str) -> Iterator[list[str]]:
        """Yields the keys that match a pattern, in chunks; on a cluster, those of all nodes."""
        with self._noting(f"looking for keys like {pattern}"):
            chunk: list[str] = []
            for key in self._connected().scan_iter(match=pattern, count=1_000):
                chunk.append(_text(key))
                if len(chunk) == _CHUNK:
                    yield chunk
                    chunk = []
            if chunk:
                yield chunk

    # Shared

    def bucket_key(self, band_id: int, signature: bytes) -> str:
        """Returns a key such as "lsh:3:bucket:0aff"."""
        return f"{self._prefix}:{band_id}:bucket:{bytes(signature).hex()}"

    def _key_of(self, place: str) -> str:
        band, _, signature = place.partition(":")
        return f"{self._prefix}:{band}:bucket:{signature}"

    def _places_key(self, index: int) -> str:
        return f"{self._prefix}:places:{index}"

    @contextmanager
    def pipeline(self) -> Iterator[Any]:
        """Yields a pipeline of the client, which is sent if the block ends without an error."""
        pipe = self._connected().pipeline(transaction=False)
        try:
            yield pipe
            pipe.execute()
        finally:
            pipe.reset()

    def _pipelined(self, doing: str, commands: Sequence[tuple[str, ...]]) -> list[Any]:
        """Returns the replies to commands, sent in chunks; the client sends a chunk again if its connection is lost.

        A key of another type does not prevent other commands from being carried out.
        """
        replies: list[Any] = []
        failed: Exception | None = None
        with self._noting(doing):
            client = self._connected() if commands else None
            for start in range(0, len(commands), _CHUNK):
                chunk = commands[start : start + _CHUNK]
                found = _execute(client, chunk)
                failed = failed or _lasting([reply for reply in found if isinstance(reply, Exception)])
                replies += found
            if failed is not None:
                failed.add_note(f"at the key {next(c[1] for c, r in zip(commands, replies) if r is failed)}")
                raise failed
        return replies

    @contextmanager
    def _noting(self, doing: str) -> Iterator[None]:
        """Adds to an error of redis-py what was being done, and where."""
        try:
            yield
        except redis.RedisError as error:
            error.add_note(f"while {doing} at {self.host}:{self.port}, prefix {self._prefix!r}; sending again is safe")
            raise

    def __repr__(self) -> str:
        return f"RedisStorage(host={self.host!r}, port={self.port}, db={self.db}, prefix={self._prefix!r})"


def _execute(client: Any, commands: Sequence[tuple[str, ...]]) -> list[Any]:
    pipe = client.pipeline(transaction=False)
    try:
        for command in commands:
            pipe.execute_command(*command)
        return list(pipe.execute(raise_on_error=False))
    finally:
        pipe.reset()


def _lasting(errors: Sequence[Any]) -> Any:
    """Returns the first error that recurs if the commands are sent again; raises the first error of another kind."""
    for error in errors:
        if not is_lasting(error):
            raise error
    return errors[0] if errors else None


def _indices(key: str, members: Iterable[str | bytes]) -> set[int]:
    try:
        return {int(member) for member in members}
    except ValueError as error:
        raise ValueError(f"{key} holds members that are no indices: another program writes there ({error})") from None


def _ignore(error: Exception) -> None:
    """Does nothing: there is nothing to undo before a batch is sent again."""


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _literal(prefix: str) -> str:
    """Escapes the prefix for a pattern of SCAN, so that it matches literally."""
    return "".join("\\" + character if character in "*?[]\\^-" else character for character in prefix)


def _check_prefix(prefix: str) -> None:
    if not isinstance(prefix, str) or not prefix or ":" in prefix:
        raise ValueError(f"prefix must be text, not empty and without a colon, got {prefix!r}; use a hyphen: 'app-lsh'")
