"""Text of users on a terminal or in a log: what would act there, or would not be seen, is written out.

An escape sequence in a stored text can clear the screen, change the clipboard or hide what follows; a line break makes
two lines of a log of one; marks of direction show a text in another order than it has.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["LINE_CHARS_MAX", "one_line", "printed", "shortened", "shown", "visible", "visible_json"]

LINE_CHARS_MAX: Final = 120

# Joiners and marks of direction that only scripts need, and have no effect beyond a word.
_NEEDED: Final = "\u200c\u200d\u200e\u200f"


def visible(text: str, *, newlines: bool = False) -> str:
    r"""The text with `\x1b`, `\u202e` and the like written out; white space but line breaks becomes a space.

    Args:
        newlines: line breaks stay.
    """
    if text.isprintable():
        return text
    return "".join(_shown_as(character, newlines) for character in text)


def visible_json(text: str, encoding: str = "utf-8") -> str:
    r"""The same JSON, with `\u001b` and the like in its strings for what would act or would not be seen.

    Args:
        encoding: of where it goes; what that does not have is written so, too.
    """
    shown = text if text.isprintable() else "".join(map(_shown_in_json, text))
    try:
        shown.encode(encoding)
    except UnicodeEncodeError:
        return "".join(one if _is_in(one, encoding) else _escaped_in_json(one) for one in shown)
    return shown


def one_line(text: str, chars_max: int) -> str:
    """The beginning of a text in one visible line of at most so many characters."""
    line = visible(" ".join(text[: 4 * chars_max].split()))
    return line if len(line) <= chars_max else f"{line[: chars_max - 3]}..."


def shown(value: Any, chars_max: int = LINE_CHARS_MAX) -> str:
    """A value for a message, on one line: what Python would print, cut in its middle where it is long."""
    if isinstance(value, (str, bytes)) and len(value) > chars_max:
        return shortened(repr(value[:chars_max])[:-1], chars_max - 1) + repr(value[-1:])[-1]
    try:
        text = printed(value)
    except Exception:  # an object whose repr fails
        text = f"a {type(value).__name__} that cannot be shown"
    return shortened(visible(text), chars_max)


def printed(value: Any) -> str:
    """What Python would print, but ints of more digits than it prints, within lists and dicts too, in hexadecimal."""
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
    """The text, without its middle where it is longer."""
    if len(text) <= chars_max:
        return text
    head = (chars_max - 3) * 2 // 3
    return f"{text[:head]}...{text[head + 3 - chars_max :]}"


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`: for nouns whose plural takes an s."""
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
