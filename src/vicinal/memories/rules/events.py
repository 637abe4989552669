"""Finds the sentences of a conversation about something that happened, is planned, or was asked and answered."""

from __future__ import annotations

import re
from typing import Final

from .facts import Fact, facts_of
from .sentences import clauses_of, is_question, is_request, sentences_of
from .vocabulary import FEELING, FILLER, FIRST_PERSON, PAST, PLAN, PLEASANTRY, RELATION, TIME

__all__ = ["facts_in", "summary_of"]

_ANSWER_CHARS_MAX: Final = 300
# Phrases by which a user asks to remember something; the rest is taken verbatim.
_REMEMBER: Final = re.compile(
    r"^(?:(?:please|can you|could you) )*(?:remember|don't forget|do not forget|keep in mind|note down|note|remind "
    r"me)"
    r"(?: please)?(?: that| to| about|:)?\s+(?=\w+ \w+)",
    re.IGNORECASE,
)
# Phrases by which an assistant says that it has done or will do something other than talk.
_DONE: Final = re.compile(
    r"\bI(?:'ve| have| will|'ll| am going to|)(?: just| already| now| also)* (?:booked|book|scheduled|schedule|"
    r"ordered|order|"
    r"reserved|reserve|cancell?ed|cancel|sent|send|added|add|created|moved|rescheduled|reminded|remind|noted|saved|"
    r"paid|"
    r"set (?:a|an|up|your)|put|registered|transferred|renewed|changed|updated)\b",
    re.IGNORECASE,
)
_NO_ANSWER: Final = re.compile(
    r"^(?:sorry|i'm sorry|i am sorry|i don't know|i do not know|i'm not sure|unfortunately|i can't|i cannot|could "
    r"you|"
    r"can you|what|which|where|when|how|who)\b",
    re.IGNORECASE,
)
_OWN: Final = re.compile(r"\b(?:my|our|mine)\b", re.IGNORECASE)
_NOTHING_SAID: Final = re.compile(
    r"^(?:what time|what day|what date|what's the (?:time|date)|is it)\b.*\b(?:now|is it)\b", re.I
)


def facts_in(text: str) -> list[Fact]:
    """Facts that a message states about its speaker; for each topic the last one counts."""
    found: dict[str, Fact] = {}
    for sentence in sentences_of(text):
        told = _REMEMBER.sub("", sentence)
        if is_question(told) or (told == sentence and is_request(sentence)):
            continue
        for clause in clauses_of(told):
            for fact in facts_of(clause):
                found[fact.key] = fact
    return list(found.values())


def summary_of(said: str, answered: str) -> str:
    """Sentences of a turn that are an event, in order; "" if there are none."""
    kept = []
    for sentence in sentences_of(said):
        if _is_told(sentence):
            kept.append(_REMEMBER.sub("", sentence))
        elif _is_asked(sentence) and (answer := _answer(answered)):
            kept.append(f"{sentence} {answer}")
    kept += [f"Assistant: {sentence}" for sentence in sentences_of(answered) if _is_done(sentence)]
    return " ".join(one[0].upper() + one[1:] for one in kept)


def _is_told(sentence: str) -> bool:
    if _REMEMBER.match(sentence) and not sentence.endswith("?"):
        return not _is_lasting(_REMEMBER.sub("", sentence))
    if PLEASANTRY.fullmatch(sentence) or is_question(sentence) or is_request(sentence):
        return False
    return any(_is_eventful(clause) for clause in clauses_of(sentence) if not FILLER.search(clause))


def _is_lasting(sentence: str) -> bool:
    """Whether a sentence states only a fact, which is kept as one."""
    clauses = clauses_of(sentence)
    return all(facts_of(clause) and not _is_eventful(clause) for clause in clauses)


def _is_eventful(clause: str) -> bool:
    facts, timed = facts_of(clause), TIME.search(clause)
    if facts and not any(fact.changed or not fact.holds for fact in facts):
        relations = all(RELATION.fullmatch(fact.topic) for fact in facts)
        lasting = all(
            fact.topic in ("birthday", "birth year", "origin", "home", "employer", "studies", "university")
            for fact in facts
        )
        return bool(timed) and not lasting and bool(relations or PAST.search(clause) or PLAN.search(clause))
    if not FIRST_PERSON.search(clause):
        return bool(timed) and len(clause.split()) > 3
    return bool(timed or PAST.search(clause) or PLAN.search(clause) or FEELING.search(clause) or facts)


def _is_asked(sentence: str) -> bool:
    """Whether a sentence is a question about the speaker or about the present time."""
    if not is_question(sentence) or PLEASANTRY.fullmatch(sentence) or _NOTHING_SAID.search(sentence):
        return False
    return bool(TIME.search(sentence) or _OWN.search(sentence)) and not is_request(sentence)


def _answer(answered: str) -> str:
    sentences = [one for one in sentences_of(answered) if not PLEASANTRY.fullmatch(one)]
    if not sentences or _NO_ANSWER.match(sentences[0]) or (len(sentences) == 1 and sentences[0].endswith("?")):
        return ""
    told = " ".join(one for one in sentences if not one.endswith("?") and not _is_done(one))
    return told if len(told) <= _ANSWER_CHARS_MAX else told[:_ANSWER_CHARS_MAX].rsplit(" ", 1)[0] + " \u2026"


def _is_done(sentence: str) -> bool:
    return bool(_DONE.search(sentence)) and not sentence.endswith("?")
