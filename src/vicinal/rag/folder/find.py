"""Finds the documents in a folder: files that are not hidden, not ignored and not too large."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InvalidArgument, MissingExtra
from ..loaders import kind_of

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["FILE_BYTES_MAX", "Finder", "FoundFile"]

FILE_BYTES_MAX = 20_000_000

# No path made by people is this deep; each level is a frame of the walk.
_DEPTH_MAX = 100
# Limit for stars in one part of a rule, and for "**" in all of it. Matching tries all ways to divide a name among them:
# with five stars and a long name it takes hours, and the author of a .gitignore is not always the person indexing.
_STARS_MAX = 3

# Created by programs, and never meant, even if nothing ignores them.
_NEVER = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file found in the folder.

    Attributes:
        name: relative to the folder, with "/".
        modified: nanoseconds since 1970.
    """

    name: str
    path: str
    size: int
    modified: int


@dataclass(slots=True)
class Finder:
    """Walks a folder. Symbolic links are not followed; names that begin with a dot are ignored.

    Args:
        root: the folder.
        include: only files that match one of these patterns, which are those of .gitignore.
        exclude: files and folders to skip.
        bytes_max: larger files are skipped, and counted in `too_large`.
        skip: a folder to skip, such as that of the database.

    Attributes:
        problems: name and reason of what could not be read.
    """

    root: Path
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    bytes_max: int = FILE_BYTES_MAX
    skip: Path | None = None
    problems: list[tuple[str, str]] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)

    def files(self) -> list[FoundFile]:
        """Returns the files, sorted by name.

        Raises:
            MissingExtra: pathspec is not installed.
        """
        if find_spec("pathspec") is None:
            raise MissingExtra("pathspec", "loaders", "indexing a folder")
        included, excluded = _spec("include", self.include), _spec("exclude", self.exclude)
        found = self._walk(self.root, "", [*_above(self.root, self.problems), ("", excluded)])
        return [file for file in found if not self.include or included.match_file(file.name)]

    def _walk(self, folder: Path, prefix: str, specs: list[tuple[str, GitIgnoreSpec]]) -> Iterator[FoundFile]:
        if prefix.count("/") > _DEPTH_MAX:
            self.problems.append((f"{prefix[:60]}...", f"folders more than {_DEPTH_MAX} deep are not looked into"))
            return
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            self.problems.append((prefix or ".", f"the folder cannot be read ({error.strerror})"))
            return
        has_rules = any(entry.name == ".gitignore" for entry in entries)
        rules = [_ignore_file(folder, f"{prefix}.gitignore", self.problems)] if has_rules else []
        specs = [*specs[:-1], *((prefix, rule) for rule in rules), specs[-1]]  # the caller's exclusions win
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _NEVER or entry.is_symlink():
                continue
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                path = folder / entry.name
                if path != self.skip and not _ignored(f"{name}/", specs):
                    yield from self._walk(path, f"{name}/", specs)
            elif entry.is_file(follow_symlinks=False) and kind_of(entry.name) and not _ignored(name, specs):
                yield from self._looked_at(entry, name)

    def _looked_at(self, entry: os.DirEntry[str], name: str) -> Iterator[FoundFile]:
        try:
            name.encode()
            status = entry.stat(follow_symlinks=False)
        except UnicodeEncodeError:
            self.problems.append((os.fsencode(name).decode(errors="replace"), "the name of the file is not UTF-8"))
        except OSError as error:
            self.problems.append((name, f"the file cannot be looked at ({error.strerror})"))
        else:
            if status.st_size > self.bytes_max:
                self.too_large.append(name)
            else:
                yield FoundFile(name, entry.path, status.st_size, status.st_mtime_ns)


def _spec(name: str, patterns: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError as error:
        raise InvalidArgument(
            f"{name} has a pattern that is none ({error})",
            name=name,
            value=patterns,
            remedy="Write for example '*.md'.",
        ) from None


def _ignore_file(folder: Path, name: str, problems: list[tuple[str, str]]) -> GitIgnoreSpec:
    """The rules of its .gitignore; invalid ones are ignored, as by git, and so are those with too many stars."""
    from pathspec import GitIgnoreSpec

    rules = GitIgnoreSpec([])
    try:
        lines = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return rules
    for line in lines:
        if not line.startswith("#") and _has_too_many_stars(line):
            problems.append((name, f"a rule of more than {_STARS_MAX} stars in one name is ignored: {line[:60]!r}"))
            continue
        try:
            rules += GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
    return rules


def _has_too_many_stars(rule: str) -> bool:
    parts = rule.split("/")
    return parts.count("**") > _STARS_MAX or any(part.count("*") > _STARS_MAX for part in parts)


def _above(root: Path, problems: list[tuple[str, str]]) -> list[tuple[str, GitIgnoreSpec]]:
    """Rules of the folders above, up to the root of the repository that contains `root`; empty outside a repository.

    Rules that ignore `root` itself are left out: a folder that is named explicitly is meant.
    """
    folders = [root, *root.parents]
    top = next((place for place, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    rules = [
        (
            "/" + "/".join(root.relative_to(folder).parts) + "/",
            _ignore_file(folder, str(folder / ".gitignore"), problems),
        )
        for folder in folders[top:0:-1]
    ]
    return [(prefix, rule) for prefix, rule in rules if not rule.check_file(prefix[1:]).include]


def _ignored(name: str, specs: list[tuple[str, GitIgnoreSpec]]) -> bool:
    """Whether the last rule that matches ignores the name; rules of deeper folders come later.

    A prefix that begins with "/" belongs to a folder above the root, and is put before the name. Any other prefix is a
    folder below the root, and is stripped from the name.
    """
    for prefix, spec in reversed(specs):
        relative = prefix[1:] + name if prefix.startswith("/") else name[len(prefix) :]
        decision = spec.check_file(relative).include
        if decision is not None:
            return decision
    return False
