"""Splits a message into sentences, and these into clauses that are each about one thing."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["clauses_of", "is_question", "is_request", "sentences_of"]

_END: Final = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[\"'(]?\w)|\n+")
# A full stop after these does not end a sentence.
_SHORT: Final = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Prof|St|No|vs|e\.g|i\.e|a\.m|p\.m|approx|Inc|Ltd)\.$|\b[A-Z]\.$")
# Introductory phrases without content.
_OPENING: Final = re.compile(
    r"^(?:(?:hi|hello|hey|dear|well|so|ok|okay|yes|yeah|yep|no|nope|oh|ah|btw|by the way|actually|anyway|also|sure|"
    r"right|"
    r"thanks(?! for)|thank you(?! for)|great|cool|nice|good (?:morning|afternoon|evening)|fyi|just so you know|to "
    r"be honest|"
    r"honestly|"
    r"for the record|sadly|unfortunately|luckily|and|but|hmm+|um+|sorry)"
    r"(?:[ ,]+(?:there|everyone|all|again|so much|a lot))*\b[\s,.!:;\u2013\u2014-]+)+",
    re.IGNORECASE,
)
_CUT: Final = re.compile(
    r"(?:(?:[,;]|\s-)\s+|\s+)(?:(?:and|but|so|because|while|although)\s+)(?=(?:I|my|we|our)\b)|[,;]\s+(?=(?:I|my|"
    r"we|our)\b)",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(
    r"^(?:what|who|whom|whose|where|when|why|how|which|is|are|am|was|were|do|does|did|can|could|would|will|should|"
    r"shall|"
    r"may|might|have|has|any idea)\b(?!\s+(?:you\b.*\bremember that|a (?:good|nice|great)))",
    re.IGNORECASE,
)
_REQUESTS: Final = re.compile(
    r"^(?:please\b|(?:can|could|would|will) you\b|tell|show|give|explain|write|translate|help|find|search|list|"
    r"summari[sz]e|"
    r"recommend|suggest|make|create|draft|compute|calculate|convert|describe|compare|generate|fix|check|define|"
    r"let's|"
    r"look up|rewrite|proofread|set up|play|turn|open|book|order|schedule|cancel)\b",
    re.IGNORECASE,
)


def sentences_of(text: str) -> list[str]:
    """Sentences in order, without introductory phrases."""
    parts: list[str] = []
    for part in _END.split(text.replace("\u2019", "'").replace("\u2018", "'")):
        if parts and _SHORT.search(parts[-1]):
            parts[-1] = f"{parts[-1]} {part}"
        else:
            parts.append(part)
    opened = (_OPENING.sub("", part.strip()) for part in parts)
    return [part for part in opened if re.search(r"\w", part)]


def clauses_of(sentence: str) -> list[str]:
    """Splits at the subjects: "I live in Rome and my dog is called Pip" has two parts."""
    return [clause for part in _CUT.split(sentence) if (clause := part.strip(" ,;-"))]


def is_question(sentence: str) -> bool:
    return sentence.rstrip("\"')").endswith("?") or bool(_ASKS.match(sentence) and not sentence.endswith("!"))


def is_request(sentence: str) -> bool:
    return bool(_REQUESTS.match(sentence))
