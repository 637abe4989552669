"""The options of a suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .data import Data, make


@dataclass(frozen=True, slots=True)
class Options:
    """Attributes:

    rows: sizes; none for the defaults of the suite.
    source: "wordnet", "generated" or a file.
    dimension: of generated vectors.
    queries: searched one by one in each round.
    batch: searched at once.
    threads, batch_threads: of every peer, for single queries and for many at once.
    processes: number of new ones in the suite `opening`.
    peers: only these; none for all of the suite.
    scratch: a folder for databases.
    """

    scratch: Path
    rows: tuple[int, ...] = ()
    source: str = "generated"
    dimension: int = 384
    queries: int = 100
    batch: int = 100
    k: int = 10
    rounds: int = 5
    threads: int = 1
    batch_threads: int = 2
    processes: int = 10
    peers: tuple[str, ...] = ()

    def sizes(self, usual: Sequence[int]) -> Sequence[int]:
        return self.rows or usual

    def chosen(self, usual: Sequence[str]) -> list[str]:
        """Returns the peers of a suite, in its order."""
        return [name for name in usual if not self.peers or name in self.peers]

    def data(self, rows: int) -> tuple[Data, Path]:
        """Returns the data, and the folder where it is saved for the processes of peers."""
        data = make(self.source, rows, self.dimension)
        folder = self.scratch / f"data-{rows}"
        folder.mkdir(exist_ok=True)
        data.save(folder)
        return data, folder

    def record(self) -> dict[str, Any]:
        """Returns the options for the JSON."""
        values = asdict(self)
        del values["scratch"]
        values["source"] = self.source if self.source in ("wordnet", "generated") else Path(self.source).name
        return values
