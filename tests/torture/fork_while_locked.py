"""Forks while another thread holds a lock, and searches in the child. Exit status 0 if that worked.

python fork_while_locked.py FOLDER WHICH
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import vicinal
from vicinal.locks import _known
from vicinal.store import housekeeping, open_stores, registry

_CHILD_SECONDS = 30


def main(folder: str, which: str) -> int:
    database = vicinal.connect(folder)
    docs = database.collection("docs", encoder="hashing")
    docs.add(["a"], texts=["a text"])
    docs.search("other words")
    context = docs._context
    named = {
        "database": [database._lock],
        "stores": [database._stores._lock],
        "encoder": [context._encoder[1]._lock],
        "context": [context._lock],
        "memory store": [database._cache._lock],
        "registry": [registry._lock],
        "housekeeping": [housekeeping._start_lock],
        "open_stores": [open_stores._lock],
        "store": [context.store.open_files.lock],
        "index": [context.store.open_files.opened.feed.lock.turn, context.store.open_files.opened.feed.lock.held],
        "rows": [context.store.open_files.opened.feed.rows._lock],
    }
    # Except for these two, whose holder is inside a call of SQLite: a fork waits for that.
    connections = context.store.open_files.opened.generation.connections
    of_sqlite = {connections.lock, connections._write_lock}
    known = {lock for reference in list(_known) if (lock := reference()) is not None}
    locks = named[which] if which in named else known - of_sqlite
    held, ended = threading.Event(), threading.Event()

    def hold() -> None:
        taken = [lock for lock in locks if lock.acquire(timeout=1)]
        held.set()
        ended.wait()
        for lock in taken:
            lock.release()

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(_CHILD_SECONDS)
        assert docs.search("a text")[0].id == "a"
        assert docs.search("text", mode="keyword")[0].id == "a"
        docs.add(["b"], texts=["from the child"])
        assert database.collection("docs").count() == 2
        assert vicinal.connect(folder).collection("docs").count() == 2
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    ended.set()
    thread.join()
    assert docs.count() == 2
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
