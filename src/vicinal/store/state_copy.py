"""A second copy of the permanent part of a state, beside the records.

The state is in a single page of `records.db`. Without this copy, losing that page would make every row meaningless.
"""

from __future__ import annotations

import json
import os
from typing import Any
from zlib import crc32

from ..errors import StoreError
from .files import Files
from .state import FORMAT, State

STATE_COPY = "state.json"


def state_copy(state: State) -> bytes:
    """The content of the file, which is written once, when the generation is created."""
    said = _said(state)
    return json.dumps({**said, "crc": crc32(_canonical(said))}, indent=2).encode()


def read_state_copy(files: Files, generation: str) -> State | None:
    """A state whose counters are zero; None if the copy is missing or damaged."""
    try:
        file = files.open(os.path.join(generation, STATE_COPY))
    except StoreError:
        return None
    try:
        said: dict[str, Any] = json.loads(file.read_at(0, file.size()))
        if crc32(_canonical({name: said[name] for name in said if name != "crc"})) != said["crc"]:
            return None
        return State(
            uuid=bytes.fromhex(said["uuid"]), format=FORMAT, writer=said["writer"], name=said["name"],
            dimension=said["dimension"], metric=said["metric"], encoder=said["encoder"], settings=said["settings"],
            next_slot=0, next_id=1, change=0, synced=0, trimmed=0, trimmed_nonce=b"", moved_to=None,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, StoreError):
        return None
    finally:
        file.close()


def agrees(copy: State, state: State) -> bool:
    """Whether copy and state agree. A dimension that was not set when the copy was made is not compared."""
    mine, its = _said(copy), _said(state)
    return all(mine[name] == its[name] for name in mine if name != "dimension" or mine[name] is not None)


def _said(state: State) -> dict[str, Any]:
    return {
        "uuid": state.uuid.hex(),
        "writer": state.writer,
        "name": state.name,
        "dimension": state.dimension,
        "metric": state.metric,
        "encoder": state.encoder,
        "settings": state.settings,
    }


def _canonical(said: dict[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True).encode()
