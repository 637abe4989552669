"""Search quality on Cranfield: 1,400 abstracts on aerodynamics, 225 judged queries.

    python benchmarks/cranfield.py [--modes keyword dense hybrid] [--k 10] [--encoder minilm] [--json FILE]

Title and body are one text. Grades range from 1 (minimum interest) to 4 (a complete answer); the gain of a grade is
2**grade - 1. `judged.py` describes the output. The data are in ../shared/data/cranfield; without them the program says
so and ends.
"""

from __future__ import annotations

import json
from typing import Any

from judged import JudgedSet, folder, options, run


def cranfield() -> JudgedSet:
    """Queries are identified by their position in the file, as in the judgements."""
    where = folder("cranfield")

    def read(name: str) -> list[dict[str, Any]]:
        return json.loads((where / f"cran_{name}.json").read_text(encoding="utf-8"))

    grades: dict[int, dict[int, int]] = {}
    for one in read("qrels"):  # grade 4 for the file's position 1, down to 1 for its position 4
        grades.setdefault(int(one["query_num"]), {})[int(one["id"])] = 5 - int(one["position"])
    return JudgedSet(
        "cranfield",
        {int(one["id"]): f"{one['title']} {one['body']}".strip() for one in read("docs")},
        {number: one["query"] for number, one in enumerate(read("queries"), 1)},
        grades,
        "exponential",
    )


if __name__ == "__main__":
    run(cranfield(), options(__doc__))
