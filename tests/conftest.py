"""For every test: no network beyond this machine, a stable name, and in CI no test skipped for lack of a tool."""

from __future__ import annotations

import os
import re
from collections.abc import Generator

import pytest

import no_network

no_network.install()

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
# In CI `make test` has installed everything, so a test with such a message has found a gap in the setup.
_WANTS_A_TOOL = re.compile(r"not installed|could not import|not available|cannot be started|no such command", re.I)


def _fail_for_want_of_a_tool(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if _WANTS_A_TOOL.search(reason):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow for want of a tool: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_for_want_of_a_tool(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_for_want_of_a_tool(report)
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Checks that names of tests are the same in every run, and in every process that shares the work."""
    named = {_ADDRESS.sub("", item.nodeid) for item in items if _ADDRESS.search(item.nodeid)}
    if named:
        raise pytest.UsageError(f"addresses in the names of tests, give them ids=: {', '.join(sorted(named))}")
