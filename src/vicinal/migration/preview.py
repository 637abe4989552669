"""What is lost when a collection moves to another kind of database: reported before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..collection import Collection
from ..contract import Capabilities
from ..database import Database

__all__ = ["left_behind", "settings_there"]

# Setting to the feature that an engine without it lacks, and the default, which every engine supports.
_SETTINGS: Final[Mapping[str, tuple[str, Any]]] = {
    "index": ("index", "auto"),
    "auto_ids": ("automatic integers", "uuid"),
}


def settings_there(source: Collection, target: Capabilities) -> dict[str, Any]:
    """Returns the arguments of `Database.collection` for such a collection in the target, without its encoder."""
    stats = source.stats()
    kept = {name: value for name, value in stats.settings.items() if not _is_lacking(name, target)}
    return {**kept, "metric": stats.metric, "dimension": stats.dimension}


def _is_lacking(setting: str, target: Capabilities) -> bool:
    return setting in _SETTINGS and _SETTINGS[setting][0] in target.lacks


def left_behind(source: Collection, here: Database, there: Database) -> list[str]:
    """Returns sentences about what is lost; empty if nothing is."""
    mine, theirs = here.capabilities, there.capabilities
    stats, told = source.stats(), []
    for name, (_, usual) in _SETTINGS.items():
        value = stats.settings.get(name, usual)
        if value != usual and _is_lacking(name, theirs):
            told.append(f"the setting {name}={value!r}: the target has no such setting")
    if not stats.settings and "language" not in stats.settings:
        told.append("settings of language, analyzer, ids and index: the source's server is too old to tell them")
    if mine.snapshots and (kept := source.snapshots()):
        told.append(f"snapshots ({', '.join(repr(one.name) for one in kept)}): they stay with the source")
    if "notes" not in mine.lacks:
        told.append("notes() that programs keep beside the rows, and the log of queries: they stay with the source")
    if missing := sorted(theirs.lacks - mine.lacks):
        told.append(f"calls that the target lacks: {', '.join(missing)}; docs/distributed.md says what to do instead")
    if mine.whole_writes and not theirs.whole_writes:
        told.append("writes as a whole: of a call that is cut off, the target may keep a part")
    return told
