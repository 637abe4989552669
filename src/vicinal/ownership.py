"""Whether another distribution has installed the same import name: pip lets one overwrite the other in silence."""

from __future__ import annotations

import warnings
from pathlib import Path

__all__ = ["warn_of_other_owners"]


def warn_of_other_owners(package: str, distribution: str, file: str) -> None:
    """Warns where a distribution beside `package` says that it installed it too.

    Args:
        package: the import name, such as "pyvdb".
        distribution: the one that may own it, such as "vicinal-pyvdb".
        file: `__file__` of the package.
    """
    others = [name for name in _owners(package, Path(file).parents[1]) if _normal(name) != _normal(distribution)]
    if others:
        warnings.warn(
            f"{' and '.join(others)} installed a package {package!r} too, and files of the two may be mixed. "
            f"Uninstall both, then install the one that you want: pip uninstall {' '.join([*others, distribution])}",
            RuntimeWarning,
            stacklevel=3,  # whoever imports the package
        )


def _owners(package: str, folder: Path) -> list[str]:
    """Names of the distributions in `folder` whose list of files has the package's first file, sorted."""
    wanted = f"{package}/__init__.py,"
    found = []
    for record in folder.glob("*.dist-info/RECORD"):
        try:
            lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue  # uninstalled since we looked
        if any(line.startswith(wanted) for line in lines):
            found.append(record.parent.name.removesuffix(".dist-info").rsplit("-", 1)[0])
    return sorted(found)


def _normal(name: str) -> str:
    """As PyPI compares names."""
    return name.lower().replace("_", "-").replace(".", "-")
