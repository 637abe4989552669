"""The `async` twin of `vicinal.database`, from where `make docs` brings its calls here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..arguments import AutoIds, EncoderLike, ZeroVectors
from ..collection_settings import ANALYZER, COSINE, ENGLISH, REFUSE, UUIDS
from ..contract import Capabilities, Durability, Metric
from ..inputs.calls import for_users
from ..types import RepairReport, VerifyReport
from .awaited import Awaited
from .collection import AsyncCollection

__all__ = ["AsyncDatabase"]


@for_users
class AsyncDatabase(Awaited):
    """A `vicinal.Database` whose calls are awaited."""

    async def collection(
        self,
        name: str,
        *,
        encoder: EncoderLike | None = None,
        dimension: int | None = None,
        metric: Metric = COSINE,
        durability: Durability = "full",
        language: str = ENGLISH,
        analyzer: str | Mapping[str, Any] = ANALYZER,
        auto_ids: AutoIds = UUIDS,
        zero_vectors: ZeroVectors = REFUSE,
        index: str | Mapping[str, Any] | None = None,
        create: bool = True,
        timeout: float = 30.0,
    ) -> AsyncCollection:
        """Opens the collection, or creates it.

        Args:
            name: any text of 1 to 255 characters.
            encoder: a registered name ("minilm", "hashing", "hashing:256"), or an object with encode(texts).
                A collection remembers its encoder: if omitted, it is loaded by its name.
            dimension: of its vectors; if omitted, the encoder or the first vector determines it.
            metric: "cosine", "ip", "l2" or "l1".
            durability: "full": a write that has returned survives power loss. "process": it survives the death
                of the process; power loss may cost the last second.
            language: the code of the language of the texts, such as "de", for keyword search.
            analyzer: how keyword search splits texts into terms: a name, or a dict with a name and options;
                docs/analyzers.md has the list.
            auto_ids: "uuid" or "integer" (from 1), for rows without an id.
            zero_vectors: "refuse" or "allow" vectors of length zero under cosine.
            index: how the nearest vectors are found: "auto", which is exact as long as that is fast on this machine,
                and a graph beyond that; "flat", always exact; "graph", "ivf", "lsh" or "plain"; or a dict with a name
                and options, for kinds that have options. A collection remembers its index; `alter` changes it.
            create: if False, a collection that does not exist is an error, so a misspelt name creates nothing.
            timeout: the number of seconds that a write waits for other writers.

        Raises:
            CollectionNotFound: no collection has this name, and `create` is False.
            SettingsMismatch, EncoderMismatch: the collection exists with another setting or encoder.
        """
        return AsyncCollection(
            await self._backend.collection(
                {
                    "name": name,
                    "encoder": encoder,
                    "dimension": dimension,
                    "metric": metric,
                    "durability": durability,
                    "language": language,
                    "analyzer": analyzer,
                    "auto_ids": auto_ids,
                    "zero_vectors": zero_vectors,
                    "index": index,
                    "create": create,
                    "timeout": timeout,
                }
            )
        )

    @property
    def capabilities(self) -> Capabilities:
        """The features that this kind of database has and others may lack."""
        found: Capabilities = self._backend.known("capabilities")
        return found

    async def collections(self) -> list[str]:
        """The names of the collections, sorted."""
        found: list[str] = await self._backend.call("collections", {})
        return found

    async def drop(self, name: str, *, timeout: float = 30.0) -> None:
        """Deletes the collection with everything in it, including snapshots.

        A handle on it, here or in another process, raises `CollectionDropped` from then on. The files are deleted
        at once, or as soon as no process has them open.

        Raises:
            CollectionNotFound: no collection has this name.
            Unsupported: a link leads out of its folder, to files that would remain; nothing was changed.
        """
        await self._backend.call("drop", {"name": name, "timeout": timeout})

    async def verify(self, name: str) -> VerifyReport:
        """Checks every file of a collection, even of one that cannot be opened. Changes nothing.

        Raises:
            CollectionNotFound: no folder exists for this name.
        """
        found: VerifyReport = await self._backend.call("verify", {"name": name})
        return found

    async def verify_all(self) -> dict[str, VerifyReport]:
        """Checks every collection. Changes nothing.

        Returns:
            Reports by collection name, sorted. A folder so damaged that nothing in it names its collection is listed
            under its own name followed by a slash.
        """
        found: dict[str, VerifyReport] = await self._backend.call("verify_all", {})
        return found

    async def repair(self, name: str, *, timeout: float = 30.0) -> RepairReport:
        """Rebuilds the collection from what is readable, and keeps the damaged files beside it.

        An intact collection is rebuilt too, without loss. Handles in other programs switch to the repaired collection
        if the damaged one can still tell them; it is safer to close them first.

        Raises:
            CollectionNotFound: no folder exists for this name.
            Damaged: not enough is readable; the remedy says what is missing. Nothing was changed.
            WriterBusy, DiskFull: nothing was changed.
        """
        found: RepairReport = await self._backend.call("repair", {"name": name, "timeout": timeout})
        return found
