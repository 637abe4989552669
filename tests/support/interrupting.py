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
# After these Python looks whether a signal has come; not after a call of a Python function, which is only stricter.
_LETS_IN = ("RESUME", "JUMP_BACKWARD", "CALL", "CALL_FUNCTION_EX", "CALL_KW", "CALL_METHOD")


class Interrupt(BaseException):
    """Like KeyboardInterrupt, which pytest takes for itself."""


def interrupted_at(number: int, call: Callable[[], Any]) -> bool:
    """Runs `call` and raises `Interrupt` inside at the place of this number; False where it came to its end before."""
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
    """Offsets after which an interrupt may be raised from the next instruction: the same handlers have to catch it."""
    handlers = [(entry.start, entry.end, entry.target) for entry in dis._parse_exception_table(code)]  # type: ignore

    def handler_at(offset: int) -> int | None:
        return next((target for start, end, target in handlers if start <= offset < end), None)

    places = set[int]()
    instructions = list(dis.get_instructions(code))
    for at, following in pairwise(instructions):
        if at.opname in _LETS_IN and handler_at(at.offset) == handler_at(following.offset):
            places.add(at.offset)
    return frozenset(places)
