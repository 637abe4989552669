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
                A collection remembers its encoder: left out, it is found again by its name.
            dimension: of its vectors; left out, the encoder or the first vector decides.
            metric: "cosine", "ip", "l2" or "l1".
            durability: "full": a write that returned survives power loss. "process": it survives the death
                of the process; power loss may cost the last second.
            language: code of the language of the texts, such as "de", for keyword search.
            analyzer: how keyword search takes texts apart: a name, or a dict with a name and options;
                docs/analyzers.md has them.
            auto_ids: "uuid" or "integer" (from 1) for rows that come without an id.
            zero_vectors: "refuse" or "allow" a vector of length zero under cosine.
            index: how the nearest vectors are found: "auto", which is exact while that is quick on this machine and has
                a graph above; "flat", always exact; "graph", "ivf", "lsh" or "plain"; a dict with a name and options
                where a kind has options. A collection remembers its index, `alter` changes it.
            create: False: one that does not exist is an error, and nothing is made of a misspelt name.
            timeout: seconds that a write waits for other writers.

        Raises:
            CollectionNotFound: with create=False: there is none of this name.
            SettingsMismatch, EncoderMismatch: it exists with another setting or encoder.
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
        """What this kind of database can do, and others may not."""
        found: Capabilities = self._backend.known("capabilities")
        return found

    async def collections(self) -> list[str]:
        """Names of the collections, sorted."""
        found: list[str] = await self._backend.call("collections", {})
        return found

    async def drop(self, name: str, *, timeout: float = 30.0) -> None:
        """Deletes the collection with everything in it, snapshots included.

        A handle on it, here or in another process, raises `CollectionDropped` from then on. The files go at
        once, or as soon as no process has them open.

        Raises:
            CollectionNotFound: there is none of this name.
            Unsupported: a link leads out of its folder, to files that would stay; nothing was changed.
        """
        await self._backend.call("drop", {"name": name, "timeout": timeout})

    async def verify(self, name: str) -> VerifyReport:
        """Checks every file of a collection, also of one that cannot be opened. Changes nothing.

        Raises:
            CollectionNotFound: there is no folder for this name.
        """
        found: VerifyReport = await self._backend.call("verify", {"name": name})
        return found

    async def verify_all(self) -> dict[str, VerifyReport]:
        """Checks every collection. Changes nothing.

        Returns:
            Reports by collection name, sorted. A folder so damaged that nothing in it says which collection it holds
            is there too, as its own name with a slash after it.
        """
        found: dict[str, VerifyReport] = await self._backend.call("verify_all", {})
        return found

    async def repair(self, name: str, *, timeout: float = 30.0) -> RepairReport:
        """Rebuilds the collection from what is readable, and keeps the damaged files beside it.

        A sound collection is rebuilt too; nothing is lost by that. Handles in other programs go on with the
        repaired collection where the damaged one can still tell them; it is safer to close them first.

        Raises:
            CollectionNotFound: there is no folder for this name.
            Damaged: not enough is readable; the remedy says what is missing. Nothing was changed.
            WriterBusy, DiskFull: nothing was changed.
        """
        found: RepairReport = await self._backend.call("repair", {"name": name, "timeout": timeout})
        return found
