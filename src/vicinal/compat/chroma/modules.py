"""Modules that are there after `import chromadb` alone, though only loaded when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

__all__ = ["loaded_when_asked"]


def loaded_when_asked(package: str, *names: str) -> Callable[[str], ModuleType]:
    """The `__getattr__` of a package whose modules have these names."""

    def module(name: str) -> ModuleType:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_module(f"{package}.{name}")

    return module
