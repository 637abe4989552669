"""The same calls for programs with an event loop.

    from vicinal import aio

    async with aio.connect("./data") as db:  # or ":memory:", or "http://db:8420"
        docs = await db.collection("docs", encoder="minilm")
        await docs.add(texts=["a text", "another text"])
        hits = await docs.search("something similar", k=5)

A database of this process works in threads, one of a server over asyncio's connections; neither blocks the loop. Who
stops waiting for a call stops the call: it ends at its next step, and a write is done whole or not at all.
"""

from .collection import AsyncCollection
from .database import AsyncDatabase
from .notes import AsyncNotes
from .opening import connect

__all__ = ["AsyncCollection", "AsyncDatabase", "AsyncNotes", "connect"]
