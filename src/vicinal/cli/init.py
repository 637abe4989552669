"""`vicinal init`: a project folder with a working program in it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from .common import at_home, say

__all__ = ["init", "make_project"]

_FOLDERS = (
    "data/raw",
    "data/processed",
    "data/embeddings",
    "data/indexes",
    "src/models",
    "src/utils",
    "src/databases",
    "src/search",
    "notebooks",
    "tests",
    "configs",
    "logs",
    "outputs",
    "benchmarks",
)
_EMPTY_FILES = (
    "__init__.py",
    "src/__init__.py",
    "src/models/__init__.py",
    "src/utils/__init__.py",
    "src/databases/__init__.py",
    "src/search/__init__.py",
)
# Files with content, and their templates: a package must not contain a file named .env.
_TEMPLATES = {
    "main.py": "main.py.txt",
    "requirements.txt": "requirements.txt",
    ".env": "env.txt",
    ".gitignore": "gitignore.txt",
    "data/raw/kitchen.txt": "kitchen.txt",
    "data/raw/workshop.txt": "workshop.txt",
}


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Created if it does not exist.", show_default=False, callback=at_home)
    ],
) -> None:
    """Create a project: folders, settings in .env, and a main.py that indexes data/raw and searches it.

    Existing files are kept, so a second run does no harm.

    \b
    Examples:
      vicinal init my_project
      python my_project/main.py "how do I sharpen a knife?"
    """
    made = make_project(folder)
    for name in made:
        say(f"made {folder / name}")
    say(f"Next: python {folder / 'main.py'}" if made else f"{folder} was complete; nothing was changed.")


def make_project(folder: Path) -> list[str]:
    """Creates what is missing in `folder` and returns the names of the files created."""
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    templates = files("vicinal.cli") / "templates"
    contents = dict.fromkeys(_EMPTY_FILES, "")
    contents |= {name: (templates / template).read_text("utf-8") for name, template in _TEMPLATES.items()}
    return [name for name, content in contents.items() if _write_new(folder / name, content)]


def _write_new(path: Path, content: str) -> bool:
    """Writes a file unless it exists; returns whether it did."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True
