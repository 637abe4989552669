"""What a disk may contain after a power failure: the model, and one state drawn from it.

What a sync promised is durable. Of the rest, any part may have arrived, in any order:

- contents: each sector of 512 bytes has its content of the last sync or of any later write to it;
- sizes: any size that the file had since its last sync, or one in between;
- names: creations, renames and removals in a folder are durable once the *folder* is synced. Before that, any of
  them may be missing, with those that depend on them. The sync of a file does not cover its name (POSIX;
  many file systems are kinder).

A rename is atomic, and between folders durable when either is synced (as on file systems with a journal). Bytes inside
the size of a file that were never written, or never arrived, are zeros or garbage.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .recording import NotModelled, Operation

SECTOR_BYTES = 512
JOURNAL = "journal"

STYLES = ("nothing", "everything", "by file", "prefix", "any")


@dataclass(slots=True)
class Write:
    number: int
    offset: int
    data: bytes


@dataclass(slots=True)
class Truncation:
    number: int
    size: int


@dataclass(slots=True, eq=False)
class File:
    """The bytes as of the last sync, and the changes since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Truncation] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.pending:
            if isinstance(change, Write):
                missing = change.offset - len(self.durable)
                self.durable.extend(bytes(max(0, missing)))
                self.durable[change.offset : change.offset + len(change.data)] = change.data
            elif change.size < len(self.durable):
                del self.durable[change.size :]
            else:
                self.durable.extend(bytes(change.size - len(self.durable)))
        self.pending.clear()


@dataclass(slots=True, eq=False)
class Folder:
    """The names as of the last sync, and the current ones."""

    durable: dict[str, File | Folder] = field(default_factory=dict)
    seen: dict[str, File | Folder] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Naming:
    """Names that change together: each gets a node, or None if it is removed."""

    number: int
    names: list[tuple[Folder, str, File | Folder | None]]

    def keys(self) -> set[tuple[int, str]]:
        return {(id(folder), name) for folder, name, _ in self.names}


Entries = Callable[[Folder], dict[str, "File | Folder"]]


def _apply(naming: Naming, entries: Entries) -> None:
    for folder, name, node in naming.names:
        if node is None:
            entries(folder).pop(name, None)
        else:
            entries(folder)[name] = node


class Disk:
    """Applies operations in order; at any point, a state after a power failure can be drawn."""

    def __init__(self, inode: int) -> None:
        self.root = Folder()
        self.operations = 0
        self._nodes: dict[int, File | Folder] = {inode: self.root}
        self._pending: list[Naming] = []

    def apply(self, operation: Operation) -> None:
        self.operations += 1
        kind = operation.kind
        if kind in "CM":
            node: File | Folder = File() if kind == "C" else Folder()
            self._nodes[operation.inode] = node
            self._name((*self._locate(operation.path), node))
        elif kind == "R":
            folder, old = self._locate(operation.path)
            self._name((folder, old, None), (*self._locate(operation.other), folder.seen[old]))
        elif kind == "U":
            self._name((*self._locate(operation.path), None))
        else:
            self._change(kind, self._nodes[operation.inode], operation)

    def _name(self, *names: tuple[Folder, str, File | Folder | None]) -> None:
        naming = Naming(self.operations, list(names))
        _apply(naming, lambda folder: folder.seen)
        self._pending.append(naming)

    def _change(self, kind: str, node: File | Folder, operation: Operation) -> None:
        if isinstance(node, Folder) and kind == "S":
            self._sync_folder(node)
        elif isinstance(node, Folder):
            raise NotModelled(f"{kind} on the folder {operation.path}")
        elif kind == "S":
            node.sync()
        elif kind == "W":
            node.pending.append(Write(self.operations, operation.offset, operation.data))
        elif kind == "T":
            node.pending.append(Truncation(self.operations, operation.offset))
        else:
            raise NotModelled(f"operation {kind}")

    def _sync_folder(self, folder: Folder) -> None:
        """Makes all changes of its names durable, with those in other folders that they depend on."""
        durable: set[int] = set()
        needed: set[tuple[int, str]] = set()
        for naming in reversed(self._pending):
            if any(changed is folder for changed, _, _ in naming.names) or naming.keys() & needed:
                durable.add(naming.number)
                needed |= naming.keys()
        for naming in self._pending:
            if naming.number in durable:
                _apply(naming, lambda folder: folder.durable)
        self._pending = [naming for naming in self._pending if naming.number not in durable]

    def _locate(self, path: str) -> tuple[Folder, str]:
        *folders, name = path.split("/")
        folder = self.root
        for part in folders:
            inner = folder.seen[part]
            assert isinstance(inner, Folder)
            folder = inner
        return folder, name

    def journal(self) -> dict[str, bytes]:
        """Returns what the outside has been told, by writer: it remembers all of it."""
        told = self.root.seen.get(JOURNAL)
        assert told is None or isinstance(told, Folder)
        files = {} if told is None else told.seen
        return {name: contents(file) for name, file in files.items() if isinstance(file, File)}

    def at_risk(self) -> int:
        """Returns how many changes a power failure now may undo, except for those reported to the outside."""
        files = sum(_pending(node) for name, node in self.root.seen.items() if name != JOURNAL)
        return files + len(self._pending)

    def cut(self, place: Path, rng: random.Random, style: str) -> None:
        """Writes a state that a power failure now may leave to the new folder `place`."""
        luck = Luck(style, self.operations, rng)
        place.mkdir(parents=True)
        survivors = self._surviving_names(luck)
        _write_folder(self.root, place, survivors, luck, rng)

    def _surviving_names(self, luck: Luck) -> Entries:
        changed: dict[int, dict[str, File | Folder]] = {}
        choosers: dict[int, Callable[[list[int]], int]] = {}
        missing: set[tuple[int, str]] = set()

        def entries(folder: Folder) -> dict[str, File | Folder]:
            return changed.setdefault(id(folder), dict(folder.durable))

        for naming in self._pending:
            choose = choosers.setdefault(id(naming.names[-1][0]), luck.chooser())
            if naming.keys() & missing or not choose([naming.number]):
                missing |= naming.keys()
            else:
                _apply(naming, entries)
        return entries


class Luck:
    """Decides which of the unsynced changes arrived.

    nothing, everything; by file: all or nothing, for each file and folder; prefix: up to one moment, with the change at
    that moment torn; any: each sector and each name separately.
    """

    def __init__(self, style: str, operations: int, rng: random.Random) -> None:
        self._style = style
        self._rng = rng
        self._moment = operations - int(rng.expovariate(1 / 20))
        self.garbage = rng.random() < 0.25

    def chooser(self) -> Callable[[list[int]], int]:
        """For one file or folder: maps the numbers of the changes to one thing, in order, to how many arrived."""
        rng, moment = self._rng, self._moment
        if self._style == "by file":
            arrives = rng.random() < 0.5
            return lambda numbers: len(numbers) if arrives else 0
        if self._style == "prefix":
            return lambda numbers: sum(n < moment or (n == moment and rng.random() < 0.5) for n in numbers)
        if self._style == "any":
            return lambda numbers: rng.randint(0, len(numbers))
        return lambda numbers: len(numbers) if self._style == "everything" else 0

    def size(self, sizes: list[int], arrived: int) -> int:
        """Returns one of the sizes of a file since its last sync; in the style "any", also one in between."""
        if self._style == "any" and self._rng.random() < 0.3:
            return self._rng.randint(min(sizes), max(sizes))
        return sizes[arrived]


def _pending(node: File | Folder) -> int:
    if isinstance(node, Folder):
        return sum(_pending(child) for child in node.seen.values())
    return len(node.pending)


def contents(file: File) -> bytes:
    """Returns the contents as a program sees them: everything arrived."""
    whole = File(bytearray(file.durable), list(file.pending))
    whole.sync()
    return bytes(whole.durable)


def _write_folder(folder: Folder, place: Path, survivors: Entries, luck: Luck, rng: random.Random) -> None:
    for name, node in survivors(folder).items():
        if name.endswith("-shm"):  # memory of dead processes; its bytes may be anything
            _leave_shared_memory(place / name, rng)
        elif isinstance(node, Folder):
            (place / name).mkdir()
            _write_folder(node, place / name, survivors, luck, rng)
        else:
            (place / name).write_bytes(surviving_bytes(node, luck, rng))


def _leave_shared_memory(path: Path, rng: random.Random) -> None:
    size = rng.choice((None, 0, 32768))
    if size is not None:
        path.write_bytes(rng.randbytes(size))


def surviving_bytes(file: File, luck: Luck, rng: random.Random) -> bytes:
    if not file.pending:
        return bytes(file.durable)
    choose = luck.chooser()
    sizes = _sizes(file)
    size = luck.size(sizes, choose([change.number for change in file.pending]))
    chosen = bytearray(file.durable[:size].ljust(size, b"\0"))
    for sector, versions in _sector_versions(file).items():
        start = sector * SECTOR_BYTES
        if start >= size:
            continue
        arrived = choose([number for number, _ in versions])
        if arrived:
            held = versions[arrived - 1][1]
        elif start >= len(file.durable) and luck.garbage:
            held = rng.randbytes(SECTOR_BYTES)
        else:
            held = bytes(file.durable[start : start + SECTOR_BYTES])
        chosen[start : start + SECTOR_BYTES] = held[: size - start].ljust(min(SECTOR_BYTES, size - start), b"\0")
    return bytes(chosen)


def _sizes(file: File) -> list[int]:
    """Returns the size at the last sync and after each change since."""
    sizes = [len(file.durable)]
    for change in file.pending:
        end = change.size if isinstance(change, Truncation) else max(sizes[-1], change.offset + len(change.data))
        sizes.append(end)
    return sizes


def _sector_versions(file: File) -> dict[int, list[tuple[int, bytes]]]:
    """Returns each changed sector's contents after each change, oldest first: (number of the change, 512 bytes)."""
    versions: dict[int, list[tuple[int, bytes]]] = {}
    end = len(file.durable)

    def held(sector: int) -> bytearray:
        start = sector * SECTOR_BYTES
        before = versions[sector][-1][1] if sector in versions else bytes(file.durable[start : start + SECTOR_BYTES])
        return bytearray(before.ljust(SECTOR_BYTES, b"\0"))

    for change in file.pending:
        if isinstance(change, Write):
            for sector in _sectors(change.offset, change.offset + len(change.data)):
                now, start = held(sector), sector * SECTOR_BYTES
                low, high = max(start, change.offset), min(start + SECTOR_BYTES, change.offset + len(change.data))
                now[low - start : high - start] = change.data[low - change.offset : high - change.offset]
                versions.setdefault(sector, []).append((change.number, bytes(now)))
            end = max(end, change.offset + len(change.data))
        else:
            for sector in _sectors(change.size, end):  # truncated bytes read as zeros if the file grows again
                now, keep = held(sector), max(0, change.size - sector * SECTOR_BYTES)
                now[keep:] = bytes(SECTOR_BYTES - keep)
                versions.setdefault(sector, []).append((change.number, bytes(now)))
            end = change.size
    return versions


def _sectors(start: int, end: int) -> Iterable[int]:
    return range(start // SECTOR_BYTES, -(-end // SECTOR_BYTES)) if end > start else ()
