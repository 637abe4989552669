"""Lasting facts that users state about themselves: patterns of clauses, and the fact that each states."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from .vocabulary import DIETS, LANGUAGES, NATIONALITIES, OCCUPATION, RELATIONS

__all__ = ["Fact", "facts_of"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact stated about a user.

    Attributes:
        topic: what it is about. A later fact of the same topic replaces it, unless a topic may have several.
        several: whether a topic may have several facts.
        holds: False if it is no longer true.
        changed: whether the clause describes a change, which is an event too.
    """

    topic: str
    value: str
    text: str
    several: bool = False
    holds: bool = True
    changed: bool = False

    @property
    def key(self) -> str:
        return f"{self.topic}: {self.value.lower()}" if self.several else self.topic


# A value ends where something else begins.
_REST: Final = re.compile(
    r"\s*(?:[.,;!?()]|\s-\s|\b(?:and|but|because|since|so|when|while|which|who|though|although|now|nowadays|these "
    r"days|"
    r"at the moment|right now|currently|too|as well|anymore|any more|last|next|yesterday|today|tomorrow|ago|"
    r"instead|"
    r"these|lately|recently|already|again|for (?:the|about|over|almost|\d|two|three|four|five|six|ten|many|years|"
    r"a)|"
    r"in (?:\d{4}|january|february|march|april|may|june|july|august|september|october|november|december)|with my|"
    r"(?:one|two|three|four|five|six|\d+) (?:day|week|month|year)s?|after|before|until|to be|very much|a lot|so "
    r"much|the most|every|on (?:mon|tues|wednes|thurs|fri|satur|"
    r"sun)days?|"
    r"on weekends|most of all)\b).*$",
    re.IGNORECASE | re.DOTALL,
)
_LIST: Final = re.compile(r"\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+", re.IGNORECASE)
_ARTICLE: Final = re.compile(r"^(?:a|an|the|some|all|any|my)\s+", re.IGNORECASE)
# Likes of these state nothing lasting.
_EMPTY: Final = re.compile(
    r"^(?:it|this|that|these|those|you|your|him|her|them|to (?:know|see|hear|ask|thank|talk|have|get|book|go back|"
    r"be)|"
    r"how|what|when|the (?:idea|sound|look|way|first|second|one)|one|both|so|much|more|where|if)\b",
    re.IGNORECASE,
)
_NAME: Final = r"(?-i:[A-Z][\w'-]+(?: (?:de |van |von )?[A-Z][\w'-]+){0,2})"
_PLACE: Final = r"(?:the )?(?-i:[A-Z][\w'.-]+(?:,? (?:of |de )?[A-Z][\w'.-]+){0,3})"
_AM: Final = r"I(?:'m| am)(?: (?:also|now|still|currently|actually|a bit))*"
_VERY: Final = r"(?:(?:really|also|still|absolutely|totally|always|just|mostly|quite|do|especially|generally) )*"

_Make = Callable[[re.Match[str]], Iterator[Fact]]
_RULES: Final[list[tuple[re.Pattern[str], _Make]]] = []


def facts_of(clause: str) -> list[Fact]:
    """The facts that a clause states, each once."""
    found: dict[str, Fact] = {}
    for pattern, make in _RULES:
        for match in pattern.finditer(clause):
            for fact in make(match):
                found.setdefault(fact.key, fact)
    return list(found.values())


def _rule(pattern: str, make: _Make) -> None:
    _RULES.append((re.compile(pattern, re.IGNORECASE), make))


def _one(topic: str, told: str, *, changed: bool = False) -> _Make:
    """A rule whose group 1 is the value."""

    def make(match: re.Match[str]) -> Iterator[Fact]:
        value = _value(match[1])
        if value:
            yield Fact(topic, value, told.format(value), changed=changed)

    return make


def _each(topic: str, told: str, *, holds: bool = True, changed: bool = False) -> _Make:
    """A rule whose group 1 is a list."""

    def make(match: re.Match[str]) -> Iterator[Fact]:
        given = [_value(part) for part in _LIST.split(_enumeration(match[1]))]
        for value in given:
            if value and not _EMPTY.match(value) and len(value.split()) <= 6:
                yield Fact(topic, value, told.format(value), several=True, holds=holds, changed=changed)

    return make


def _enumeration(text: str) -> str:
    """The longest start of a text that may be a list: each item is short, and none begins a new sentence."""
    parts = re.split(r"(\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+)", text, flags=re.IGNORECASE)
    kept = parts[0]
    for separator, part in zip(parts[1::2], parts[2::2], strict=True):
        if len(part.split()) > 3 or re.match(
            r"(?:I|it|that|then|he|she|they|we|you|just|would|will|can|am|is|are)\b", part, re.I
        ):
            break
        kept += separator + part
    return kept


def _value(text: str) -> str:
    return _ARTICLE.sub("", _REST.sub("", text.strip(" \"'"))).strip(" \"'.,:;-")


def _occupation(match: re.Match[str]) -> Iterator[Fact]:
    value = _value(match[1])
    last = value.split(" at ")[0].split(" in ")[0].split(" for ")[0].split(" of ")[0].split()
    if last and OCCUPATION.fullmatch(last[-1]):
        yield Fact("occupation", value, f"works as {value}")


def _relation(match: re.Match[str]) -> Iterator[Fact]:
    kind, name = match["kind"].lower(), match["name"]
    yield Fact(kind, name, f"{kind} is called {name}")


def _owns(match: re.Match[str]) -> Iterator[Fact]:
    number, kind = match[1].lower(), match[2].lower()
    told = kind if number in ("a", "an", "one") else f"{number} {kind}"
    yield Fact("has", told, f"has {told}", several=True)
    if match[3]:
        yield Fact(kind, match[3], f"{kind} is called {match[3]}")


def _favorite(match: re.Match[str]) -> Iterator[Fact]:
    kind, value = match[1].lower().strip(), _value(match[2])
    if value and not value.lower().startswith(("when", "that", "how")):
        yield Fact(f"favorite {kind}", value, f"favorite {kind} is {value}")


def _nationality(match: re.Match[str]) -> Iterator[Fact]:
    if match[1].lower() in NATIONALITIES:
        yield Fact("nationality", match[1], f"is {match[1]}")


def _introduced(match: re.Match[str]) -> Iterator[Fact]:
    if match[1].split()[0].lower() not in NATIONALITIES:
        yield Fact("name", match[1], f"is called {match[1]}")


def _languages(match: re.Match[str]) -> Iterator[Fact]:
    for word in re.findall(r"[A-Za-z]+", match[1]):
        if word.lower() in LANGUAGES:
            yield Fact("speaks", word, f"speaks {word}", several=True)


_TO_END: Final = r"(.+)$"
_rule(rf"\bmy (?:full |first |last )?name(?:'s| is) ({_NAME})", _one("name", "is called {}"))
_rule(rf"\b(?:call me|people call me|I go by|I(?:'m| am) called) ({_NAME})", _one("name", "is called {}"))
_rule(rf"^(?:I'm|I am|this is) ({_NAME})(?=$|[,.!]| here\b| from\b| and\b|\s-)", _introduced)
_rule(
    rf"\b{_AM} (?:about to turn |almost )?(\d{{1,3}})(?= years? old| y/?o\b|$|[,.!]| and\b)(?! ?(?:am|pm|%|km))",
    _one("age", "is {} years old"),
)
_rule(r"\bI (?:just |recently )?turned (\d{1,3})\b", _one("age", "is {} years old", changed=True))
_rule(r"\bmy birthday(?:'s| is)(?: on| in)? (.*?\w+)(?=$|[,.!])", _one("birthday", "has birthday on {}"))
_rule(r"\bI was born on (.*?\w+)(?=$|[.!])", _one("birthday", "has birthday on {}"))
_rule(rf"\bI was born (?:and raised )?in ({_PLACE})", _one("origin", "is from {}"))
_rule(r"\bI was born in (\d{4})", _one("birth year", "was born in {}"))
_rule(
    rf"\b(?:{_AM}|I(?:'ve| have)?)(?: (?:now|still|currently|also|just|been))* (?:living|live|lived) (?:now "
    rf")?(?:in|near) ({_PLACE})",
    _one("home", "lives in {}"),
)
_rule(
    rf"\bI(?:'ve| have)? (?:just |recently |finally )?moved (?:back )?to ({_PLACE})",
    _one("home", "lives in {}", changed=True),
)
_rule(rf"\b(?:{_AM} based|my (?:home|house|flat|apartment) is) in ({_PLACE})", _one("home", "lives in {}"))
_rule(rf"\b(?:{_AM} (?:originally )?|I come |I originally come )from ({_PLACE})", _one("origin", "is from {}"))
_rule(rf"\b(?:I grew up in|my home ?town is) ({_PLACE})", _one("origin", "is from {}"))
_rule(r"\bI(?:'m| am| also|) ?(?:work|working) as an? (.+?)(?= (?:at|for)\b|$)", _one("occupation", "works as {}"))
_rule(r"\bmy (?:job|profession|occupation) is (?:being |that of )?(?:an? )(.+)$", _one("occupation", "works as {}"))
_rule(rf"\b{_AM} an? (.+)$", _occupation)
_rule(r"\bI(?:'ve| have)? (?:just |recently )?(?:became|become) an? (.+)$", _occupation)
_rule(r"\bI(?:'ve| have)? (?:just |recently )?(?:joined|started at|got a job at) .{1,40} as an? (.+)$", _occupation)
_rule(
    rf"\bI(?:'m| am|)(?: \w+)? (?:work|working) (?:.{{0,40}} )?(?:at|for) ({_PLACE})", _one("employer", "works at {}")
)
_rule(
    rf"\bI(?:'ve| have)? (?:just |recently )?(?:started (?:working|a new job|my new job)|joined|got a (?:new )?job)"
    rf"(?: as .+?)?(?: at| for)? ({_PLACE})",
    _one("employer", "works at {}", changed=True),
)  # fmt: skip
_rule(
    r"\bI(?:'m| am|'ve been| have been)? ?(?:currently )?stud(?:y|ying) (?!for\b)(.+?)(?= at\b| in my\b|$|[,.!])",
    _one("studies", "studies {}"),
)
_rule(rf"\bI\b.{{0,30}} ?stud(?:y|ying) .*?\bat (?:the )?({_PLACE})", _one("university", "studies at {}"))
_rule(rf"\b{_AM} (?:an? )?(?:strict |lifelong )?({'|'.join(DIETS)})\b", _one("diet", "is {}"))
_rule(r"\bI(?:'m| am)? (?:follow|following|on) an? (\w+) diet\b", _one("diet", "follows a diet: {}"))
_rule(r"\bI (?:don't|do not|never|can't|cannot) (?:eat|drink) (.+)$", _each("does not eat", "does not eat {}"))
_rule(
    r"\bI (?:stopped|gave up|quit) (?:eating|drinking|smoking) ?(.+)$",
    _each("does not eat", "does not eat {}", changed=True),
)
_rule(r"\b(?:I(?:'m| am|) (?:\w+ )?)allergic to (.+)$", _each("allergy", "is allergic to {}"))
_rule(r"\bI have an? (?:bad |severe |serious )?([\w-]+) allergy\b", _each("allergy", "is allergic to {}"))
_rule(
    r"\bI(?: have| suffer from|'ve got) (asthma|diabetes|migraines?|hay fever|insomnia|epilepsy|arthritis|high "
    r"blood pressure)\b",
    _each("health", "has {}"),
)
_rule(rf"\bI {_VERY}(?:like|love|enjoy|adore|prefer) (?:to )?(.+)$", _each("likes", "likes {}"))
_rule(
    rf"\b{_AM} (?:really |very |a |an |huge |big |great )*(?:into|fond of|fan of|crazy about|keen on|passionate "
    rf"about) (.+)$",
    _each("likes", "likes {}"),
)
_rule(r"\bmy (?:main )?hobb(?:y|ies)(?: is| are|:) (.+)$", _each("likes", "likes {}"))
_rule(
    rf"\bI {_VERY}(?:hate|dislike|detest|can't stand|cannot stand|(?:don't|do not)(?: really)? (?:like|enjoy|care "
    rf"for)) (.+)$",
    _each("dislikes", "dislikes {}"),
)
_rule(
    r"\bI (?:don't|do not) (?:like|love|enjoy) (.+?) (?:anymore|any more|any longer)",
    _each("likes", "likes {}", holds=False),
)
_rule(
    r"\bI(?: can|) play (?:the )?(piano|guitar|violin|cello|drums|flute|chess|tennis|football|soccer|basketball|"
    r"golf|saxophone|trumpet|bass|ukulele|volleyball|badminton|go)\b",
    _each("plays", "plays {}"),
)
_rule(r"\bmy favou?rite ([\w ]{2,30}?)(?: is| are|'s) (.+)$", _favorite)
_rule(r"\bI(?: can|) (?:also )?speak (.+)$", _languages)
_rule(r"\bmy (?:native|first) language is (\w+)", _languages)
_rule(rf"\b{_AM} ([A-Z]\w+)(?=$|[,.!]| but\b| and\b)", _nationality)
_rule(rf"\b{_AM} (married|single|divorced|engaged|widowed)\b", _one("marital status", "is {}"))
_rule(
    rf"\bmy (?:\w+ )?(?P<kind>{RELATIONS})(?:'s name is|,? (?:is|was) (?:called|named)|,? is| called| named) "
    rf"(?P<name>{_NAME})",
    _relation,
)
_rule(rf"\bmy (?:\w+ )?(?P<kind>{RELATIONS}),? (?P<name>{_NAME})\b", _relation)
_rule(
    rf"\bI(?:'ve got| have| own|'ve) (an?|one|two|three|four|five|\d) (?:\w+ )?({RELATIONS}|children|kids|twins|"
    rf"motorbike|car|boat|garden)s?\b(?:,? (?:called|named) ({_NAME}))?",
    _owns,
)
_rule(r"\bI drive an? (.+)$", _one("car", "drives {}"))
_rule(
    r"\bmy e-?mail(?: address)?(?: is|:) (\S+@\S+\w)",
    lambda match: iter([Fact("email", match[1], f"has the email address {match[1]}")]),
)
_rule(
    r"\bmy (?:phone|mobile|cell)(?: number)?(?: is|:) (\+?[\d][\d ()/-]{4,}\d)",
    lambda match: iter([Fact("phone", match[1], f"has the phone number {match[1]}")]),
)
_rule(r"\bmy time ?zone is (\S+)", _one("time zone", "is in the time zone {}"))
_rule(r"\bI wear (?:shoe )?size (\w+)", _one("size", "wears size {}"))
