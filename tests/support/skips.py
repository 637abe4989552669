"""Which tests of the contract an engine need not pass: those in its list, each with the missing feature.

A test that is skipped but not in the list fails, and so does one in the list that passes: run
`VICINAL_NEW_SKIPS=1 pytest tests/contracts -k qdrant` without workers, review the changes of the list, and commit it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

LISTS = Path(__file__).parents[1] / "contracts" / "lacking"


@cache
def listed(kind: str) -> dict[str, str]:
    """Returns features by test, as `test_file.py::test[kind]`."""
    lines = (LISTS / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.rsplit("  ", 1) for line in lines if line)


def check_skip(kind: str, nodeid: str, feature: str | None) -> None:
    """Fails the test unless it may be skipped for this feature; None if it passed."""
    test = nodeid.rsplit("/", 1)[-1]
    if os.environ.get("VICINAL_NEW_SKIPS"):
        _rewrite(kind, test, feature)
    elif (expected := listed(kind).get(test)) != feature:
        pytest.fail(f"lacks {feature}, and the list says {expected}; see tests/support/skips.py", pytrace=False)


def _rewrite(kind: str, test: str, feature: str | None) -> None:
    now = dict(listed(kind))
    now.pop(test, None)
    if feature is not None:
        now[test] = feature
    listed.cache_clear()
    (LISTS / f"{kind}.txt").write_text("".join(f"{one}  {now[one]}\n" for one in sorted(now)), encoding="utf-8")
