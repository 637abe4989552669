"""`vicinal import --from`: imports the whole database of another program."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..database import connect
from ..errors import InvalidArgument
from ..importers.chroma import Imported, import_chroma
from ..visible import shown
from .common import say

__all__ = ["ORIGINS", "import_database"]

ORIGINS: Final = ("chroma",)
_LISTED_MAX: Final = 20


def import_database(path: Path, origin: str, folder: Path) -> None:
    """Imports all collections, and reports the result for each."""
    if origin not in ORIGINS:
        raise InvalidArgument(
            f"--from is {' or '.join(ORIGINS)}, not {shown(origin)}",
            name="--from",
            value=origin,
            remedy="Leave it out for a file.",
        )
    if path.resolve() == folder.resolve():
        raise InvalidArgument(
            "the database is to lie in another folder than Chroma's",
            name="PATH",
            value=path,
            remedy="Write vicinal import ./new --from chroma ./old.",
        )
    with connect(path) as database:
        reports = import_chroma(database, folder)
    for report in reports:
        _tell(report)
    say(f"{len(reports):,} collections from {folder}, each read once more and found to be the same.")


def _tell(report: Imported) -> None:
    resumed = f", {report.resumed:,} of them by an earlier run" if report.resumed else ""
    say(f"{report.name}: {report.rows:,} rows{resumed}.")
    if report.from_index:
        lengths = ", which has them of length 1" if report.space == "cosine" else ""
        say(f"  {report.from_index:,} vectors are from Chroma's index alone{lengths}.")
    if report.without_vector:
        say(f"  {len(report.without_vector):,} rows have no vector, as it is nowhere: {report.problem}", to_errors=True)
        for id_ in report.without_vector[:_LISTED_MAX]:
            say(f"    {shown(id_)}", to_errors=True)
        if len(report.without_vector) > _LISTED_MAX:
            say(f"    and {len(report.without_vector) - _LISTED_MAX:,} more", to_errors=True)
