"""`BM25Engine`: keyword search with BM25."""

from __future__ import annotations

import copy
import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import vicinal
from vicinal import Hit
from vicinal.analyzers import Analyzer, analyzer
from vicinal.indexes.text_query import Bm25
from vicinal.inputs import checks
from vicinal.locks import new_lock

from . import bm25_file
from .errors import core_call
from .fields import Attributes, Field

_COLLECTION: Final = "documents"
_ANALYZER: Final = "pyvdb"
_INT64_MAX: Final = 2**63 - 1
_UINT64_MAX: Final = 2**64 - 1
_OPERATORS: Final = re.compile(r'([+\-"\\])')
_LOADED_AT_ONCE: Final = 4096


class BM25Config(Attributes):
    """How texts are tokenized and scored.

    Attributes:
        k1: 0 or more; how much each further occurrence of a word adds.
        b: from 0 to 1; how much long documents are penalized.
        min_term_length: shorter words are dropped, before stemming.
        use_stemming: whether "prices" and "price" are the same word.
        case_sensitive: whether "Gold" and "gold" are different words.
    """

    __slots__ = ()

    k1 = Field[float](checks.number, 1.2)
    b = Field[float](checks.number, 0.75)
    min_term_length = Field[int](checks.unsigned, 2)
    use_stemming = Field[bool](checks.flag, True)
    case_sensitive = Field[bool](checks.flag, False)


@dataclass(frozen=True, slots=True)
class BM25Result:
    """One hit of a search.

    Attributes:
        id: as it was added.
        score: BM25; higher is better.
        matched_terms: words of the query that the document has, as they are indexed, in the order of the query.
    """

    id: int = 0
    score: float = 0.0
    matched_terms: list[str] = field(default_factory=list)


class BM25Engine:
    """Documents in memory, searchable by keywords. Thread-safe.

    Args:
        config: copied.

    Raises:
        RuntimeError: k1 or b is out of range.
    """

    def __init__(self, config: BM25Config | None = None) -> None:
        if config is not None and not isinstance(config, BM25Config):
            raise TypeError(f"config must be a BM25Config, not {type(config).__name__}")
        self._config = BM25Config() if config is None else copy.copy(config)
        options: dict[str, Any] = {
            "case_sensitive": self._config.case_sensitive,
            "min_term_length": self._config.min_term_length,
            "stemming": self._config.use_stemming,
        }
        with core_call():
            self._scorer = Bm25(k1=self._config.k1, b=self._config.b)
            self._analyzer: Analyzer = analyzer(_ANALYZER, **options)
            self._db = vicinal.connect(":memory:")
            self._rows = self._db.collection(_COLLECTION, analyzer={"name": _ANALYZER, **options})
        self._lock = new_lock()
        self._lengths: dict[int, int] = {}
        self._holders: Counter[str] = Counter()  # for each term, the number of documents that have it

    def add_document(self, id: int, content: str) -> None:
        """Adds a document; one without words is never found.

        Args:
            id: 0 to 2**64 - 1.

        Raises:
            RuntimeError: a document with this id exists.
        """
        self._add([(_checked(id), checks.text("content", content))])

    def remove_document(self, id: int) -> None:
        """Removes a document.

        Raises:
            RuntimeError: no document has this id.
        """
        wanted = _checked(id)
        with self._lock, core_call():
            if wanted not in self._lengths:
                raise RuntimeError(f"there is no document with id {wanted}")
            content = self._content(wanted)
            self._rows.delete([_stored(wanted)])
            self._forget(wanted, content)

    def update_document(self, id: int, content: str) -> None:
        """Replaces the content of a document, or adds the document."""
        wanted, text = _checked(id), checks.text("content", content)
        with self._lock, core_call():
            old = self._content(wanted) if wanted in self._lengths else None
            self._rows.upsert([_stored(wanted)], texts=[text])
            if old is not None:
                self._forget(wanted, old)
            self._remember(wanted, text)

    def search(self, query: str, k: int = 10, min_score: float = 0.0) -> list[BM25Result]:
        """Returns the `k` best documents that have a word of the query and a score of at least `min_score`; ties by id.

        Raises:
            RuntimeError: there are documents, but no word of the query could be in any.
        """
        asked, most = checks.text("query", query), checks.unsigned("k", k)
        least = checks.number("min_score", min_score)
        terms = self._terms(asked)
        if not self._lengths or not most:
            return []
        if not terms:
            raise RuntimeError(
                f"the query {asked!r:.80} has no word to search for: its words are too short or too common"
            )
        with core_call():
            hits = sorted(self._hits(asked, most), key=lambda hit: (-hit.score, _given(hit.id)))
        return [self._result(hit, terms) for hit in hits[:most] if hit.score >= least]

    def document_count(self) -> int:
        """The number of documents."""
        return len(self._lengths)

    def term_count(self) -> int:
        """The number of different words in all documents."""
        return len(self._holders)

    def average_document_length(self) -> float:
        """The average number of words per document; 0.0 if there are no documents."""
        with self._lock:
            return sum(self._lengths.values()) / len(self._lengths) if self._lengths else 0.0

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes documents and configuration to a file, which replaces an existing one once it is complete.

        Raises:
            RuntimeError: the file cannot be written.
        """
        with self._lock, core_call():
            documents = [(_given(row.id), row.text or "") for row in self._rows.get()]
            bm25_file.write(checks.path("path", path), _as_json(self._config, documents))

    @staticmethod
    def load(path: str | os.PathLike[str]) -> BM25Engine:
        """Returns the engine that `save` wrote.

        Raises:
            RuntimeError: the file does not exist, is of another kind, or has a wrong checksum.
        """
        with core_call():
            config, documents = _from_json(bm25_file.read(checks.path("path", path)))
        engine = BM25Engine(config)
        for first in range(0, len(documents), _LOADED_AT_ONCE):
            engine._add(documents[first : first + _LOADED_AT_ONCE])
        return engine

    def __repr__(self) -> str:
        return f"<BM25Engine: {self.document_count()} documents, {self.term_count()} terms>"

    # -- internal

    def _add(self, documents: list[tuple[int, str]]) -> None:
        with self._lock, core_call():
            for id_, _ in documents:
                if id_ in self._lengths:
                    raise RuntimeError(f"there is a document with id {id_} already. update_document() changes it.")
            self._rows.add([_stored(id_) for id_, _ in documents], texts=[text for _, text in documents])
            for id_, text in documents:
                self._remember(id_, text)

    def _hits(self, query: str, k: int) -> list[Hit]:
        """Returns the `k` best hits and all that tie with the last of them, as the engine breaks ties differently."""
        literal = _OPERATORS.sub(r"\\\1", query)  # + and - are plain characters in this API
        wanted = k + 1
        while True:
            hits = list(self._rows.search(literal, wanted, mode="keyword", scorer=self._scorer, syntax="operators"))
            if len(hits) < wanted or hits[-1].score < hits[k - 1].score:
                return hits
            wanted *= 8

    def _result(self, hit: Hit, terms: list[str]) -> BM25Result:
        there = set(self._terms(hit.text or ""))
        return BM25Result(_given(hit.id), hit.score, [term for term in terms if term in there])

    def _terms(self, text: str) -> list[str]:
        """Returns the words of a text as they are indexed."""
        found = (self._analyzer.terms(word) for word in self._analyzer.split(text))
        return [term for made in found for term, _ in made.fields[0]]

    def _remember(self, id_: int, text: str) -> None:
        terms = self._terms(text)
        self._lengths[id_] = len(terms)
        self._holders.update(set(terms))

    def _forget(self, id_: int, text: str) -> None:
        del self._lengths[id_]
        self._holders.subtract(set(self._terms(text)))
        self._holders += Counter()  # drops terms that no document has any more

    def _content(self, id_: int) -> str:
        return self._rows.get([_stored(id_)])[0].text or ""


def _checked(id_: Any) -> int:
    found = checks.unsigned("id", id_)
    if found > _UINT64_MAX:
        raise TypeError(f"id must be below 2**64, not {found}")
    return found


def _stored(id_: int) -> int:
    """Converts an id for the engine, whose ids are signed: the upper half of the range becomes negative."""
    return id_ if id_ <= _INT64_MAX else id_ - _UINT64_MAX - 1


def _given(id_: Any) -> int:
    number = int(id_)
    return number if number >= 0 else number + _UINT64_MAX + 1


def _as_json(config: BM25Config, documents: Iterable[tuple[int, str]]) -> bytes:
    settings = {name: getattr(config, name) for name in BM25Config._fields}
    return json.dumps({"config": settings, "documents": list(documents)}, ensure_ascii=False).encode()


def _from_json(content: bytes) -> tuple[BM25Config, list[tuple[int, str]]]:
    """Reads what `_as_json` wrote and validates it: anyone who can write the file can also make a valid checksum."""
    try:
        read = json.loads(content)
        config = BM25Config()
        for name, value in read["config"].items():
            setattr(config, name, value)
        documents = [(_checked(id_), checks.text("content", text)) for id_, text in read["documents"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RuntimeError(f"the file does not hold a BM25 index ({error})") from None
    return config, documents
