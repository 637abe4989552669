"""Escaping of users' text for a terminal or a log: active and invisible characters are written as escapes.

An escape sequence in a stored text can clear the screen, change the clipboard or hide what follows; a line break
splits a log entry into two lines; direction marks display a text in a different order.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["LINE_CHARS_MAX", "one_line", "printed", "shortened", "shown", "visible", "visible_json"]

LINE_CHARS_MAX: Final = 120

# Joiners and direction marks that some scripts require, and that have no effect beyond a word.
_NEEDED: Final = "\u200c\u200d\u200e\u200f"


def visible(text: str, *, newlines: bool = False) -> str:
    r"""The text with `\x1b`, `\u202e` and the like escaped; white space other than line breaks becomes a space.

    Args:
        newlines: keep line breaks.
    """
    if text.isprintable():
        return text
    return "".join(_shown_as(character, newlines) for character in text)


def visible_json(text: str, encoding: str = "utf-8") -> str:
    r"""The same JSON, with active and invisible characters in its strings escaped as `\u001b` and the like.

    Args:
        encoding: the encoding of the output; characters that it lacks are escaped too.
    """
    shown = text if text.isprintable() else "".join(map(_shown_in_json, text))
    try:
        shown.encode(encoding)
    except UnicodeEncodeError:
        return "".join(one if _is_in(one, encoding) else _escaped_in_json(one) for one in shown)
    return shown


def one_line(text: str, chars_max: int) -> str:
    """The beginning of a text as one visible line of at most this many characters."""
    line = visible(" ".join(text[: 4 * chars_max].split()))
    return line if len(line) <= chars_max else f"{line[: chars_max - 3]}..."


def shown(value: Any, chars_max: int = LINE_CHARS_MAX) -> str:
    """A value for a message, on one line: its `repr`, shortened in the middle if it is long."""
    if isinstance(value, (str, bytes)) and len(value) > chars_max:
        return shortened(repr(value[:chars_max])[:-1], chars_max - 1) + repr(value[-1:])[-1]
    try:
        text = printed(value)
    except Exception:  # an object whose repr fails
        text = f"a {type(value).__name__} that cannot be shown"
    return shortened(visible(text), chars_max)


def printed(value: Any) -> str:
    """The `repr` of a value, with ints of more digits than Python prints in hexadecimal, also in lists and dicts."""
    try:
        return repr(value)
    except ValueError:
        if type(value) is int:
            return hex(value)
        if type(value) in (list, tuple):
            inside = ", ".join(map(printed, value))
            return f"[{inside}]" if type(value) is list else f"({inside}{',' if len(value) == 1 else ''})"
        if type(value) is dict:
            return f"{{{', '.join(f'{key!r}: {printed(one)}' for key, one in value.items())}}}"
        raise


def shortened(text: str, chars_max: int) -> str:
    """The text, with its middle cut out if it is longer than `chars_max`."""
    if len(text) <= chars_max:
        return text
    head = (chars_max - 3) * 2 // 3
    return f"{text[:head]}...{text[head + 3 - chars_max :]}"


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`: for nouns with a regular plural."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _shown_as(character: str, newlines: bool) -> str:
    if character.isprintable() or character in _NEEDED or (newlines and character == "\n"):
        return character
    if character.isspace() and not "\x1c" <= character <= "\x1f":
        return " "
    return character.encode("unicode_escape").decode("ascii")


def _shown_in_json(character: str) -> str:
    if character.isprintable() or character in _NEEDED or character in " \t\n\r":
        return character
    return _escaped_in_json(character)


def _is_in(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _escaped_in_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
