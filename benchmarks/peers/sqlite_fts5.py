"""The full-text index of SQLite, through `sqlite3` of this Python."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ..contract import KeywordPeer


class SqliteFts5(KeywordPeer):
    """A table without the texts, in memory, optimized; k1 = 1.2 and b = 0.75 are built in.

    Tokens are split at spaces by `unicode61`, so letters that it would fold or split are written as hexadecimal digits.
    """

    name = "sqlite-fts5"
    module = "sqlite3"
    install = "a Python whose sqlite3 has FTS5"

    def build(self, documents: Sequence[Sequence[str]]) -> None:
        self._spelt: dict[str, str] = {}
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute("CREATE VIRTUAL TABLE t USING fts5(body, content='', detail='none', columnsize=1)")
        rows = ((number, " ".join(map(self._spell, tokens))) for number, tokens in enumerate(documents))
        with self._connection:
            self._connection.executemany("INSERT INTO t (rowid, body) VALUES (?, ?)", rows)
        self._connection.execute("INSERT INTO t (t) VALUES ('optimize')")

    def search(self, tokens: Sequence[str], k: int) -> Any:
        words = " OR ".join(f'"{self._spell(token)}"' for token in tokens)
        return self._connection.execute(
            "SELECT rowid, rank FROM t WHERE t MATCH ? ORDER BY rank LIMIT ?", (words, k)
        ).fetchall()

    def hits(self, answer: Any) -> list[tuple[int, float]]:
        return [(number, -rank) for number, rank in answer]

    def close(self) -> None:
        self._connection.close()

    def _spell(self, token: str) -> str:
        """Returns the token as ASCII letters and digits, unique for each token."""
        spelt = self._spelt.get(token)
        if spelt is None:
            plain = token.isascii() and token.isalnum() and token == token.lower()
            spelt = self._spelt[token] = token if plain else f"x{token.encode().hex()}x"
        return spelt
