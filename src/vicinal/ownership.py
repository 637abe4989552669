"""Detects another distribution with the same import name: pip silently lets one overwrite the other."""

from __future__ import annotations

import warnings
from pathlib import Path

__all__ = ["warn_of_other_owners"]


def warn_of_other_owners(package: str, distribution: str, file: str) -> None:
    """Warns if a distribution other than `distribution` claims to have installed `package` too.

    Args:
        package: the import name, such as "pyvdb".
        distribution: the expected owner, such as "vicinal-pyvdb".
        file: `__file__` of the package.
    """
    others = [name for name in _owners(package, Path(file).parents[1]) if _normal(name) != _normal(distribution)]
    if others:
        warnings.warn(
            f"{' and '.join(others)} installed a package {package!r} too, and files of the two may be mixed. "
            f"Uninstall both, then install the one that you want: pip uninstall {' '.join([*others, distribution])}",
            RuntimeWarning,
            stacklevel=3,  # the code that imports the package
        )


def _owners(package: str, folder: Path) -> list[str]:
    """Names of the distributions in `folder` whose list of files includes the package's first file, sorted."""
    wanted = f"{package}/__init__.py,"
    found = []
    for record in folder.glob("*.dist-info/RECORD"):
        try:
            lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue  # uninstalled in the meantime
        if any(line.startswith(wanted) for line in lines):
            found.append(record.parent.name.removesuffix(".dist-info").rsplit("-", 1)[0])
    return sorted(found)


def _normal(name: str) -> str:
    """The name normalized as PyPI does."""
    return name.lower().replace("_", "-").replace(".", "-")
