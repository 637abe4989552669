"""A folder of documents as a collection: files are found, split, stored, and kept up to date."""

from __future__ import annotations

from .find import FILE_BYTES_MAX
from .index import index_folder
from .report import FolderReport
from .search import FolderHits, search_folder

__all__ = ["FILE_BYTES_MAX", "FolderHits", "FolderReport", "index_folder", "search_folder"]
