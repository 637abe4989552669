"""The findings of verify."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..errors import VicinalError, WriterBusy
from ..types import Problem, VerifyReport
from .forensics import READ_ERRORS


class Findings:
    """Collects problems and notes, and turns errors caused by damaged bytes into problems."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._notes: list[Problem] = []
        self.rows = 0
        self.files = 0

    def problem(self, file: str, place: str, what: str) -> None:
        self._problems.append(Problem(file, place, what))

    def note(self, file: str, place: str, what: str) -> None:
        self._notes.append(Problem(file, place, what))

    @contextlib.contextmanager
    def guarding(self, file: str, place: str = "") -> Iterator[None]:
        """Turns an error in the block into a problem, so that the next check can run."""
        try:
            yield
        except WriterBusy:
            raise  # the files are in use, which says nothing about their contents
        except VicinalError as error:
            self.problem(file, place, error.message)
        except READ_ERRORS as error:
            self.problem(file, place, f"cannot be read: {error}")

    @property
    def problem_count(self) -> int:
        return len(self._problems)

    def report(self) -> VerifyReport:
        return VerifyReport(tuple(self._problems), tuple(self._notes), self.rows, self.files)
