"""The mark of a migration in progress: a row of the target, which the last step deletes.

It records the collection that rows come from, the run that writes them, and how many are certainly there. So rows are
not mixed with others, a run that was killed can be resumed, and of two runs the later one continues and the other
stops.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from ..collection import Collection
from ..errors import DuplicateId, InvalidArgument, WriterBusy
from ..types import Id
from .reading import all_ids

__all__ = ["CLAIM_ID", "Claim", "ids_without_claim"]

CLAIM_ID: Final = uuid.UUID("b1f6d0d2-5f0e-4c7a-9a55-6d6967726174")


def ids_without_claim(collection: Collection) -> list[Id]:
    """Returns the ids of the actual rows, in insertion order."""
    return [id_ for id_ in all_ids(collection) if id_ != CLAIM_ID]


class Claim:
    """A target's claim, as seen by one run.

    Args:
        source: the collection that rows come from.
    """

    def __init__(self, source: Collection, target: Collection) -> None:
        self._target = target
        self._source = str(source.uuid)
        self._run = uuid.uuid4().hex
        self._known = self._read()

    @property
    def is_there(self) -> bool:
        """Whether a migration of the same collection was begun and not finished.

        Raises:
            InvalidArgument: it was another collection.
        """
        if self._known is not None and self._known.get("source") != self._source:
            raise InvalidArgument(
                f"collection {self._target.name!r} is the target of another migration, which has not been finished",
                name="target",
                remedy="Finish that one, or drop the collection; nothing was changed.",
            )
        return self._known is not None

    def rows_certain(self, change: int) -> int:
        """The number of rows, from the first on, that are in the target if the source has not changed since.

        Args:
            change: the number of the source's last commit; 0 if commits are not counted.
        """
        known = self._known or {}
        return int(known.get("rows", 0)) if change and known.get("change") == change else 0

    def take(self) -> None:
        """Claims the target: from now on only this run writes."""
        if self.is_there:
            self._target.update([CLAIM_ID], metadata=[{"run": self._run}])
            return
        try:
            self._target.add([CLAIM_ID], metadata=[{"source": self._source, "run": self._run, "rows": 0, "change": 0}])
        except DuplicateId:
            raise self._lost() from None

    def advance(self, rows: int, change: int) -> None:
        """Records that this many rows are in the target.

        Raises:
            WriterBusy: another run has taken over.
        """
        self.check()
        self._target.update([CLAIM_ID], metadata=[{"rows": rows, "change": change}])

    def check(self) -> None:
        """Checks that this run still holds the claim.

        Raises:
            WriterBusy: another run has taken over.
        """
        known = self._read()
        if known is None or known.get("run") != self._run:
            raise self._lost()

    def drop(self) -> None:
        """Deletes the claim: all rows were written and checked."""
        self._target.delete([CLAIM_ID])

    def _read(self) -> dict[str, Any] | None:
        found = self._target.get([CLAIM_ID])
        return found[0].metadata if found else None

    def _lost(self) -> WriterBusy:
        return WriterBusy(
            f"another migration into collection {self._target.name!r} has begun, and this one stopped",
            name="target",
            remedy="Wait until it has finished, and make the call again to see that all rows are there.",
        )
