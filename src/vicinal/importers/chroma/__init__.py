"""A folder that Chroma wrote, brought into a database; chromadb is not needed."""

from .importing import Imported, import_chroma

__all__ = ["Imported", "import_chroma"]
