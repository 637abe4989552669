"""Submodules that are available after `import chromadb` alone, but loaded on first access."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

__all__ = ["loaded_when_asked"]


def loaded_when_asked(package: str, *names: str) -> Callable[[str], ModuleType]:
    """Returns the `__getattr__` of a package with these lazily loaded modules."""

    def module(name: str) -> ModuleType:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_module(f"{package}.{name}")

    return module
