"""Vicinal: a vector database for Python.

Five lines to begin with:

    import vicinal

    db = vicinal.connect("./data")
    docs = db.collection("docs", encoder="minilm")
    docs.add(texts=["a text", "another text"])
    hits = docs.search("something similar", k=5)
"""

from .arguments import Row
from .collection import Collection
from .database import Database
from .duplicates import Duplicates
from .errors import VicinalError
from .explanation import Explanation, WhyNot
from .groups import Group
from .indexes.text_query import Bm25, TfIdf
from .logged_query import LoggedQuery
from .migration.migrate import migrate
from .migration.receipt import MigratedCollection, MigrationReceipt
from .opening import connect
from .types import (
    Hit,
    Hits,
    Id,
    LegScore,
    Problem,
    PurgeReceipt,
    Record,
    RepairReport,
    Snapshot,
    Stats,
    VerifyReport,
)
from .version import __version__

__all__ = [
    "Bm25",
    "Collection",
    "Database",
    "Duplicates",
    "Explanation",
    "Group",
    "Hit",
    "Hits",
    "Id",
    "LegScore",
    "LoggedQuery",
    "MigratedCollection",
    "MigrationReceipt",
    "Problem",
    "PurgeReceipt",
    "Record",
    "RepairReport",
    "Row",
    "Snapshot",
    "Stats",
    "TfIdf",
    "VerifyReport",
    "VicinalError",
    "WhyNot",
    "__version__",
    "connect",
    "migrate",
]
