"""A folder of documents: time to index, a second run, ten queries, and deleted files.

    python -m benchmarks.folder library --encoder hashing:256
    python -m benchmarks.folder documentation --encoder hashing:256
    python -m benchmarks.folder library --encoder minilm --every 8

`documentation` is the installed documentation of system packages, `library` the source code of Python's standard
library without its tests. Each query comes with the files that answer it; similar queries had been tried by hand
before. Queries whose files are not on this machine are skipped and counted.

A copy of the folder is indexed. At the end, the files that answered are deleted from it, and the same queries are run
before and after the next run.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import shutil
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import vicinal
from benchmarks.machine import machine
from vicinal.rag import DocumentSplitter
from vicinal.rag.folder import index_folder, search_folder
from vicinal.rag.folder.find import Finder, Found

RESULT = Path(__file__).parent / "results" / "folder.json"
TOP = 3

FOLDERS: dict[str, tuple[Path, tuple[str, ...]]] = {
    "documentation": (Path("/usr/share/doc"), ()),
    "library": (
        Path(sysconfig.get_path("stdlib")),
        ("test/", "tests/", "idle_test/", "site-packages/", "dist-packages/", "config-*/"),
    ),
}
QUESTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "documentation": {
        "how do I find memory leaks in my program with memcheck?": ("valgrind/*",),
        "read a file asynchronously in Node.js": ("nodejs/api/fs.*", "nodejs/api/all.*", "nodejs/api/stream.*"),
        "compress a stream with deflate in C": ("zlib1g-dev/*",),
        "which process has a file open?": ("lsof/*",),
        "default home directory permissions of new users": ("adduser/*",),
        "apply an XSLT stylesheet from a C program": ("libxslt1-dev/*",),
        "sign an XML document and verify the signature": ("libxmlsec1-dev/*",),
        "encrypt with AES in CBC mode in C": ("nettle-dev/*",),
        "call a C function whose arguments are known only at run time": ("libffi-dev/*", "libffi8/*"),
        "multi-threaded LZMA2 compression of a file": ("liblzma-dev/*", "xz-utils/*"),
    },
    "library": {
        "how do I parse command line arguments?": ("argparse.py", "optparse.py", "getopt.py"),
        "copy a directory tree recursively": ("shutil.py", "distutils/dir_util.py"),
        "send an email through a mail server": ("smtplib.py",),
        "compute the difference between two texts line by line": ("difflib.py",),
        "temporary file that is deleted when it is closed": ("tempfile.py",),
        "measure the time that a small piece of code takes": ("timeit.py",),
        "convert a color from RGB to HSV": ("colorsys.py",),
        "run a function in a pool of worker processes": ("concurrent/futures/process.py", "multiprocessing/pool.py"),
        "wrap a paragraph of text to a given width": ("textwrap.py",),
        "escape special characters in HTML": ("html/__init__.py",),
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", choices=FOLDERS)
    parser.add_argument("--encoder", default="hashing:256")
    parser.add_argument("--every", type=int, default=1, help="only every so many files, besides those that answer")
    arguments = parser.parse_args()
    figures = measured(arguments.folder, arguments.encoder, arguments.every)
    print(json.dumps(figures, indent=2))
    keep(f"{arguments.folder} {arguments.encoder}", figures)


def measured(name: str, encoder: str, every: int) -> dict[str, Any]:
    original, exclude = FOLDERS[name]
    questions = QUESTIONS[name]
    with tempfile.TemporaryDirectory() as place:
        folder = copied(chosen(Finder(original, exclude=exclude).files(), questions, every), Path(place) / "documents")
        with vicinal.connect(Path(place) / "database") as database:
            docs = database.collection("docs", encoder=encoder)
            splitter = DocumentSplitter(encoder)
            first = index_folder(docs, folder, splitter=splitter)
            second = index_folder(docs, folder, splitter=splitter)
            ranks = asked(docs, questions, [str(file) for file, _ in docs.facets("file")])
            gone = deleted(docs, folder, questions)
            from_gone = answers_from(docs, questions, gone)
            third = index_folder(docs, folder, splitter=splitter)
            from_gone += answers_from(docs, questions, gone)
    return {
        "files": first.files,
        "files_that_could_not_be_read": len(first.problems),
        "passages": first.passages,
        "seconds": round(first.seconds, 1),
        "passages_per_second": round(first.passages / first.seconds, 1),
        "second_run_seconds": round(second.seconds, 2),
        "second_run_share": round(second.seconds / first.seconds, 4),
        "questions": len(ranks),
        f"right_file_in_top_{TOP}": sum(rank is not None and rank <= TOP for rank in ranks.values()),
        "ranks": ranks,
        "deleted_files": len(gone),
        "answers_from_deleted_files": from_gone,
        "run_after_deletion_seconds": round(third.seconds, 2),
        "every": every,
        "day": time.strftime("%Y-%m-%d"),
        **machine([]),
    }


def chosen(files: list[Found], questions: dict[str, tuple[str, ...]], every: int) -> list[Found]:
    """Returns every n-th file, and all that answer a query."""
    patterns = [pattern for answers in questions.values() for pattern in answers]
    return [file for place, file in enumerate(files) if place % every == 0 or answered(file.name, patterns)]


def copied(files: list[Found], folder: Path) -> Path:
    for file in files:
        (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.path, folder / file.name)
    return folder


def deleted(docs: vicinal.Collection, folder: Path, questions: Iterable[str]) -> set[str]:
    """Deletes every file among the best ten hits of a query, and returns them."""
    names = {str(hit.metadata["file"]) for question in questions for hit in search_folder(docs, question, 10).hits}
    for name in names:
        (folder / name).unlink()
    return names


def answers_from(docs: vicinal.Collection, questions: Iterable[str], names: set[str]) -> int:
    return sum(
        hit.metadata["file"] in names for question in questions for hit in search_folder(docs, question, 10).hits
    )


def asked(docs: vicinal.Collection, questions: dict[str, tuple[str, ...]], files: list[str]) -> dict[str, int | None]:
    """Returns, for each query, the rank of the first passage from a right file among the best ten, or None."""
    ranks: dict[str, int | None] = {}
    for question, patterns in questions.items():
        if any(answered(name, patterns) for name in files):
            hits = search_folder(docs, question, 10).hits
            right = [place for place, hit in enumerate(hits, 1) if answered(hit.metadata["file"], patterns)]
            ranks[question] = right[0] if right else None
    return ranks


def answered(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def keep(name: str, figures: dict[str, Any]) -> None:
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    RESULT.write_text(json.dumps({**results, name: figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
