"""`install`: registers this package as chromadb."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Final

__all__ = ["install"]

_NAME: Final = "chromadb"
_OURS: Final = __name__.rpartition(".")[0]
_MODULES: Final = (
    "",
    ".config",
    ".errors",
    ".types",
    ".api",
    ".api.client",
    ".api.types",
    ".api.models",
    ".api.models.Collection",
    ".api.models.AsyncCollection",
    ".utils",
    ".utils.batch_utils",
    ".utils.embedding_functions",
)
_PACKAGE_OF_FUNCTIONS: Final = ".utils.embedding_functions"


def install() -> None:
    """Makes `import chromadb` return this package, in this program and in the libraries that it uses.

    Call it before any of them is imported.

    Raises:
        RuntimeError: chromadb itself is imported already, and its classes are in use.
    """
    there = sys.modules.get(_NAME)
    if there is not None and there is not sys.modules[_OURS]:
        raise RuntimeError("chromadb is imported already: call install() before whatever imports it")
    functions = importlib.import_module(_OURS + _PACKAGE_OF_FUNCTIONS).__path__
    each = [f"{_PACKAGE_OF_FUNCTIONS}.{module.name}" for module in pkgutil.iter_modules(functions)]
    for module in [*_MODULES, *each]:
        sys.modules[_NAME + module] = importlib.import_module(_OURS + module)
