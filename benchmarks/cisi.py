"""Search quality on CISI: 1,460 abstracts on information science, 76 judged queries of users.

    python benchmarks/cisi.py [--modes keyword dense hybrid] [--k 10] [--encoder minilm] [--json FILE]

A text is "title. body"; a query is its title, if it has one, and its words, unchanged: with quotation marks, hyphens
and abbreviations. Judgements are binary. `judged.py` describes the output. The data are in ../shared/data/cisi; without
them the program says so and ends.
"""

from __future__ import annotations

import re
from pathlib import Path

from judged import JudgedSet, folder, options, run

_FIELD = re.compile(r"\.([A-Z])(?: (\d+))?\s*")


def cisi() -> JudgedSet:
    where = folder("cisi")
    grades: dict[int, dict[int, int]] = {}
    for line in (where / "CISI.REL").read_text(encoding="latin-1").splitlines():
        if line.strip():
            query, document = line.split()[:2]
            grades.setdefault(int(query), {})[int(document)] = 1
    queries = {number: one_line(f"{one.get('T', '')} {one['W']}") for number, one in read(where / "CISI.QRY").items()}
    return JudgedSet(
        "cisi",
        {
            number: one_line(f"{one['T'].strip()}. {one.get('W', '')}")
            for number, one in read(where / "CISI.ALL").items()
        },
        {number: query for number, query in queries.items() if number in grades},
        grades,
        "linear",
    )


def read(path: Path) -> dict[int, dict[str, str]]:
    """Returns, by number, the text of each field."""
    found: dict[int, dict[str, str]] = {}
    fields: dict[str, str] = {}
    name = ""
    for line in path.read_text(encoding="latin-1").splitlines():
        start = _FIELD.fullmatch(line)
        if start and start[2]:
            fields = found[int(start[2])] = {}
            name = ""
        elif start:
            name = start[1]
        elif name:
            fields[name] = f"{fields.get(name, '')}{line}\n"
    return found


def one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    run(cisi(), options(__doc__))
