"""The same calls for programs with an event loop.

    from vicinal import aio

    async with aio.connect("./data") as db:  # or ":memory:", or "http://db:8420"
        docs = await db.collection("docs", encoder="minilm")
        await docs.add(texts=["a text", "another text"])
        hits = await docs.search("something similar", k=5)

A database of this process runs calls in threads, one behind a server uses asyncio connections; neither blocks the loop.
Cancelling an await cancels the call: it ends at its next step, and a write is either complete or has no effect.
"""

from .collection import AsyncCollection
from .database import AsyncDatabase
from .notes import AsyncNotes
from .opening import connect

__all__ = ["AsyncCollection", "AsyncDatabase", "AsyncNotes", "connect"]
