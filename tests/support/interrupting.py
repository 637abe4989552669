"""Interrupts at every point where Python can raise one in a call, one after the other."""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Callable
from itertools import pairwise
from types import CodeType, FrameType
from typing import Any

_TRACED = ("vicinal", "contextlib.py", "weakref.py", "threading.py")
# After these, Python checks for signals; not after a call of a Python function, which only makes the test stricter.
_LETS_IN = ("RESUME", "JUMP_BACKWARD", "CALL", "CALL_FUNCTION_EX", "CALL_KW", "CALL_METHOD")


class Interrupt(BaseException):
    """Like KeyboardInterrupt, which pytest handles itself."""


def interrupted_at(number: int, call: Callable[[], Any]) -> bool:
    """Runs `call` and raises `Interrupt` at the point with this number; returns False if the call ended before."""
    left = number
    raised = False

    def enter(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        if event != "call" or not any(part in frame.f_code.co_filename for part in _TRACED):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        places = _places(frame.f_code)
        previous = -1

        def step(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
            nonlocal left, raised, previous
            if event == "opcode":
                if previous in places and not raised:
                    left -= 1
                    if left < 0:
                        raised = True
                        sys.settrace(None)
                        raise Interrupt
                previous = frame.f_lasti
            return step

        return step

    before = sys.gettrace()
    try:
        sys.settrace(enter)
        call()
    except Interrupt:
        pass
    finally:
        sys.settrace(before)
    return raised


@functools.cache
def _places(code: CodeType) -> frozenset[int]:
    """Returns offsets after which the next instruction may be interrupted: the same handlers must catch it."""
    handlers = [(entry.start, entry.end, entry.target) for entry in dis._parse_exception_table(code)]  # type: ignore

    def handler_at(offset: int) -> int | None:
        return next((target for start, end, target in handlers if start <= offset < end), None)

    places = set[int]()
    instructions = list(dis.get_instructions(code))
    for at, following in pairwise(instructions):
        if at.opname in _LETS_IN and handler_at(at.offset) == handler_at(following.offset):
            places.add(at.offset)
    return frozenset(places)
