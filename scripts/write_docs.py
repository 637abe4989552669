"""Writes the pages that are generated from the code.

python scripts/write_docs.py            writes them
python scripts/write_docs.py --check    exits with 1 if one is out of date
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from api_reference import api_page
from figures import beside_others, figures

from vicinal import errors
from vicinal.distributed.lacking import FEATURES, LACKS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

ERRORS_PAGE = """\
# Errors

<!-- Made from src/vicinal/errors.py by `make docs`. -->

Every error that Vicinal raises on purpose is a `VicinalError`, and also one of Python's own, so that code that knows
nothing of Vicinal catches it where it would expect to.

```text
{tree}
```

Each has `name` (the argument or part), `value` (what was found there), `place` (row and id, file and line) and
`remedy` (what to do). Printed, it is one line: the place, what is wrong there, the remedy.

| Error | Is also a | When |
|---|---|---|
{rows}
"""


def errors_page() -> str:
    doc = inspect.cleandoc(errors.__doc__ or "")
    tree = [line for line in doc.splitlines() if line.lstrip("|`+ -") != line or line.strip() == "VicinalError"]
    rows = [_row(name) for name in errors.__all__ if name != "VicinalError"]
    return ERRORS_PAGE.format(tree=inspect.cleandoc("\n".join(tree)), rows="\n".join(rows))


def _row(name: str) -> str:
    error = getattr(errors, name)
    builtin = [base.__name__ for base in error.__mro__ if base.__module__ == "builtins"]
    common = {"Exception", "BaseException", "object", "LookupError"}
    also = ", ".join(f"`{base}`" for base in builtin if base not in common)
    when = " ".join((error.__doc__ or "").split("\n\n")[0].split())
    return f"| `{name}` | {also} | {when} |"


def benchmarks_page() -> str:
    """Returns the page with the current figures."""
    return _with_figures(DOCS / "benchmarks.md", figures())


def readme() -> str:
    """Returns the README with the current figures."""
    return _with_figures(ROOT / "README.md", beside_others())


def distributed_page() -> str:
    """Returns the page with what each engine currently lacks."""
    head = ["Feature", "Asked for by", *LACKS, "Instead"]
    rows = []
    for name, about in sorted(FEATURES.items()):
        there = ["lacking" if name in lacks else "there" for lacks in LACKS.values()]
        rows.append([name, f"`{about.asked_by}`", *there, about.remedy])
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    table = "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])
    return _with_figures(DOCS / "distributed.md", table, "<!-- The end of the table. -->")


def _with_figures(page: Path, tables: str, end: str = "<!-- The end of the figures. -->") -> str:
    begin = "`make docs`. -->\n"
    text = page.read_text(encoding="utf-8")
    before, after = text.index(begin) + len(begin), text.index(end)
    return f"{text[:before]}\n{tables}\n\n{text[after:]}"


PAGES = {
    "docs/api.md": api_page,
    "docs/errors.md": errors_page,
    "docs/benchmarks.md": benchmarks_page,
    "docs/distributed.md": distributed_page,
    "README.md": readme,
}


def main() -> int:
    stale = []
    for name, page in PAGES.items():
        path = ROOT / name
        text = page()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if "--check" in sys.argv[1:]:
            stale.append(name)
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote {name}")
    if stale:
        print(f"not as the code says: {', '.join(stale)}; run: make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
