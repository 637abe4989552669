"""Searches: each is translated to a search of the engine, and its hits to those of the protocol."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ...collection import Collection
from ...errors import IdNotFound
from ...filters.tree import And, Contains, Exists, Node, Or, Regex
from ...indexes.text_query import Bm25
from ...rerankers.registry import scores_of
from ...types import Hit
from ..settings import ServerSettings
from . import post_processing
from .answers import Refusal, invalid, missing
from .catalogue import Entry
from .filters import Filters, condition_of
from .models import Models, hashed, sparse_of
from .post_processing import Candidate
from .requests import (
    Search,
    SearchById,
    SearchByKeywords,
    SearchByMultiModal,
    SearchByRandom,
    SearchByScalar,
    SearchByVector,
    needed,
)
from .schema import Schema, checked_sparse
from .writing import Usage, fields_of

__all__ = ["Searching", "names_of"]

_LIMIT: Final = 10
_DENSE_WEIGHT: Final = 0.5
_MATCHED_AMONG: Final = 1000  # of this many nearest rows, those with more of the keywords come first
_KEYWORDS_MAX: Final = 10
_KEYWORD_BYTES_MAX: Final = 512
_INPUT_FACTOR: Final = 3
_RERANKED_MAX: Final = 100
_K1, _B = 1.25, 0.75
_MORE_CANDIDATES: Final = 100_000


@dataclass(slots=True)
class Searching:
    """One search of one index.

    Attributes:
        schema: of the collection.
        index: its declaration.
    """

    docs: Collection
    entry: Entry
    index: Mapping[str, Any]
    models: Models
    settings: ServerSettings

    @property
    def schema(self) -> Schema:
        return self.entry.schema

    def answer(self, request: Search) -> dict[str, Any]:
        """Returns the result of a search."""
        names = names_of(self.schema, request.output_fields, ignore=bool(request.ignore_unknown_fields))
        limit = _LIMIT if request.limit is None else request.limit
        offset = request.offset or 0
        if limit < 1:
            raise invalid("limit must be at least 1", "limit", limit)
        if limit + offset > self.settings.k_max:
            raise invalid(f"limit and offset are {self.settings.k_max:,} at most together", "limit", limit + offset)
        if request.advance is not None and request.advance.dense_weight is not None:
            _check_share("dense_weight", request.advance.dense_weight)
        where = condition_of(request.filter, request.advance, self._filters())
        steps = post_processing.steps(self.schema, request.advance, self.settings)
        wanted = self._candidates(request, limit + offset, bool(steps))
        usage, more = Usage(), dict[str, Any]()
        found = self._found(request, wanted, where, usage, more)
        for step in steps:
            found = step(found)
        if isinstance(request, SearchByMultiModal) and request.rerank is not None:
            found = self._reranked(request, found, limit + offset, usage, more)
        found = found[offset : offset + limit]
        hits = [self._told(one, names) for one in found]
        if names is not None and self.schema.vector is not None and self.schema.vector.name in names:
            self._add_vectors(self.schema.vector.name, hits)
        if isinstance(request, SearchByKeywords) and request.highlight is not None and request.highlight.enable:
            for hit, one in zip(hits, found, strict=True):
                hit["highlight"] = self._highlighted(request, one)
        return {"data": hits, "total_return_count": len(hits), "token_usage": usage.found} | more

    def _candidates(self, request: Search, wanted: int, processed: bool) -> int:
        if processed:
            given = request.advance.post_process_input_limit if request.advance is not None else None
            wanted = max(wanted, _INPUT_FACTOR * wanted if given is None else given)
        if isinstance(request, SearchByMultiModal) and request.rerank is not None:
            wanted = max(wanted, request.rerank.input_limit or wanted)
        return min(wanted, _MORE_CANDIDATES)

    def _found(
        self, request: Search, k: int, where: Node | None, usage: Usage, more: dict[str, Any]
    ) -> list[Candidate]:
        """Returns the best `k` rows."""
        if isinstance(request, SearchByVector):
            return self._by_vector(request, k, where)
        if isinstance(request, SearchByMultiModal):
            return self._by_multi_modal(request, k, where, usage, more)
        if isinstance(request, SearchById):
            return self._by_id(request, k, where)
        if isinstance(request, SearchByScalar):
            return self._by_scalar(request, k, where)
        if isinstance(request, SearchByKeywords):
            return self._by_keywords(request, k, where, usage, more)
        assert isinstance(request, SearchByRandom)  # there are six kinds
        return self._by_random(k, where)

    # -- the six

    def _by_vector(self, request: SearchByVector, k: int, where: Node | None) -> list[Candidate]:
        if request.tensor_rerank is not None:
            raise invalid("tensors are not supported", "tensor_rerank")
        vector, sparse = request.dense_vector, request.sparse_vector
        if vector is None and sparse is None:
            raise missing("dense_vector")
        if sparse:
            checked_sparse(sparse, "sparse_vector")
        return self._nearest(vector, sparse or None, request, k, where)

    def _by_multi_modal(
        self, request: SearchByMultiModal, k: int, where: Node | None, usage: Usage, more: dict[str, Any]
    ) -> list[Candidate]:
        source = self.schema.dense
        if source is None:
            raise Refusal(
                "OperationDenied.VikingdbIndex",
                "the collection has no Vectorize, so texts and pictures cannot be compared with its rows",
                name="text",
                remedy="Search by vector.",
            )
        if request.tensor_rerank is not None:
            raise invalid("tensors are not supported", "tensor_rerank")
        if request.video is not None:
            raise invalid("there is no model for films", "video")
        if request.text is not None and request.image is not None:
            raise invalid("a search is for a text or for a picture", "image", remedy="Send one of them.")
        if request.text is None and request.image is None:
            raise missing("text")
        if request.image is not None:
            usage.count(source.model, None, (), 1)
            [vector] = self.models.picture(source.model, source.dim, request.image)
            return self._nearest(vector, None, request, k, where)
        text = request.text or ""
        if not text.strip():
            raise invalid("text must not be empty", "text", text)
        self._check_text(text)
        usage.count(source.model, None, [text])
        more["real_text_query"] = text
        [vector] = self.models.text(source.model, source.dim).encode_query([text])
        sparse = sparse_of(text) if self.schema.sparse is not None else None
        return self._nearest(vector, sparse, request, k, where)

    def _by_id(self, request: SearchById, k: int, where: Node | None) -> list[Candidate]:
        key = self.schema.check_key(needed(request.id, "id"))
        found = self.docs.get([key], vectors=True)
        if not found:
            raise IdNotFound(f"there is no row {key!r:.80}", name="id", value=key)
        if found[0].vector is None:
            raise invalid(f"the row {key!r:.80} has no vector", "id", key)
        return self._nearest(found[0].vector, None, request, k, where)

    def _by_scalar(self, request: SearchByScalar, k: int, where: Node | None) -> list[Candidate]:
        field = self._filters().field(needed(request.field, "field"), "int64", "float32")
        order = request.order or "desc"
        if order not in ("asc", "desc"):
            raise invalid(f"order is 'asc' or 'desc', not {order!r:.80}", "order", order)
        path = (field.name,)
        there = Exists(path) if where is None else And((Exists(path), where))
        rows = self.docs.within(there).scroll(order_by=field.name, descending=order == "desc")
        return [Candidate(row.id, row.metadata, float(row.metadata[field.name]), row.text) for row in islice(rows, k)]

    def _by_random(self, k: int, where: Node | None) -> list[Candidate]:
        docs = self.docs if where is None else self.docs.within(where)
        ids = docs.ids()
        chosen = random.sample(ids, min(k, len(ids)))
        known = {row.id: row for row in self.docs.get(chosen)}
        return [Candidate(id_, known[id_].metadata, 0.0, known[id_].text) for id_ in chosen if id_ in known]

    def _by_keywords(
        self, request: SearchByKeywords, k: int, where: Node | None, usage: Usage, more: dict[str, Any]
    ) -> list[Candidate]:
        words = _keywords_of(request)
        mode = request.mode or ("bm25" if self.schema.full_text else "semantic_then_match")
        more["effective_keywords"] = {mode: words}
        if mode == "bm25":
            return self._by_words(request, words, k, where)
        if mode == "semantic_then_match":
            return self._by_meaning(request, words, k, where, usage)
        raise invalid(f"mode is 'bm25' or 'semantic_then_match', not {mode!r:.80}", "mode", mode)

    def _by_words(self, request: SearchByKeywords, words: list[str], k: int, where: Node | None) -> list[Candidate]:
        if not self.schema.full_text:
            raise invalid("the collection has no FullText", "mode", "bm25", "Declare FullText, or use another mode.")
        if request.fields is not None and not set(request.fields) <= set(self.schema.full_text):
            raise invalid("fields must be among those of FullText", "fields", request.fields)
        if request.fields and set(request.fields) != set(self.schema.full_text):
            where = _both(where, _any_word(request.fields, words, case_sensitive=False))
        k1 = _K1 if request.bm25_k1 is None else request.bm25_k1
        b = _B if request.bm25_b is None else request.bm25_b
        hits = self.docs.search(" ".join(words), k, where, mode="keyword", scorer=Bm25(k1=k1, b=b))
        return [Candidate(hit.id, hit.metadata, hit.score, hit.text) for hit in hits]

    def _by_meaning(
        self, request: SearchByKeywords, words: list[str], k: int, where: Node | None, usage: Usage
    ) -> list[Candidate]:
        """Among the nearest rows with a keyword, those with more keywords come first; each additional one counts 1."""
        source = self.schema.dense
        if source is None or source.text is None:
            raise invalid("the collection has neither FullText nor texts that a model reads", "mode")
        texts = [name for name, one in self.schema.fields.items() if one.type in ("text", "string")]
        case_sensitive = bool(request.case_sensitive)
        where = _both(where, _any_word(texts, words, case_sensitive=case_sensitive))
        query = " ".join(words)
        usage.count(source.model, None, [query])
        [vector] = self.models.text(source.model, source.dim).encode_query([query])
        found = self._nearest(vector, None, request, max(k, _MATCHED_AMONG), where)
        for one in found:
            held = sum(_holds(one, texts, word, case_sensitive) for word in words)
            one.score = (one.ann_score or 0.0) + max(0, held - 1)
        return sorted(found, key=lambda one: -one.score)[:k]

    # -- what they share

    def _filters(self) -> Filters:
        return Filters(self.schema, self.entry.indexed(self.index), self.settings)

    def _nearest(
        self, vector: Any, sparse: dict[str, float] | None, request: Search, k: int, where: Node | None
    ) -> list[Candidate]:
        is_hybrid = str(self.index["VectorIndex"].get("IndexType", "")).endswith("_hybrid")
        if sparse is None or not is_hybrid:
            if vector is None:
                raise missing("dense_vector")
            hits = self.docs.search(vector, k, where)
            return [self._of(hit, self._score(hit)) for hit in hits]
        weight = request.advance.dense_weight if request.advance is not None else None
        weight = _DENSE_WEIGHT if weight is None else weight
        legs = {"sparse": 1.0} if vector is None else {"dense": weight, "sparse": 1.0 - weight}
        hits = self.docs.search(vector=vector, sparse=hashed(sparse), k=k, where=where, mode="hybrid", weights=legs)
        return [self._of(hit, hit.score) for hit in hits]

    def _score(self, hit: Hit) -> float:
        """Under L2 1 minus the squared distance, so that higher is nearer; else the cosine or the inner product."""
        return 1.0 - hit.distance**2 if self._distance() == "l2" else hit.score

    def _distance(self) -> str:
        return str(self.index["VectorIndex"].get("Distance", "ip"))

    def _of(self, hit: Hit, score: float) -> Candidate:
        found = Candidate(hit.id, hit.metadata, score, hit.text)
        found.ann_score = score
        return found

    def _told(self, found: Candidate, names: Sequence[str] | None) -> dict[str, Any]:
        fields = fields_of(self.schema, found.metadata, names)
        told: dict[str, Any] = {"id": found.id, "fields": fields, "score": found.score}
        for name in ("ann_score", "origin_score", "addition_score"):
            value = getattr(found, name)
            if value is not None:
                told[name] = value
        return told

    def _add_vectors(self, name: str, hits: Sequence[dict[str, Any]]) -> None:
        rows = {row.id: row for row in self.docs.get([hit["id"] for hit in hits], vectors=True)}
        for hit in hits:
            row = rows.get(hit["id"])
            if row is not None and row.vector is not None:
                hit["fields"][name] = row.vector.tolist()

    def _reranked(
        self, request: SearchByMultiModal, found: list[Candidate], wanted: int, usage: Usage, more: dict[str, Any]
    ) -> list[Candidate]:
        given = request.rerank
        assert given is not None
        if (given.input_limit or wanted) < wanted or wanted > _RERANKED_MAX:
            raise invalid(f"input_limit is from limit to {_RERANKED_MAX}", "rerank", given.input_limit)
        if request.text is None:
            raise invalid("a reranker compares with a text", "rerank")
        found = found[: given.input_limit or wanted]
        try:
            reranker = self.models.reranker(given.model_name)
            texts = [one.text or "" for one in found]
            scores = scores_of(reranker, request.text, texts).tolist()
        except Refusal as error:
            if given.fail_strategy == "fail_fast":
                raise
            more["rerank_error"] = error.message
            return found
        usage.count(given.model_name or "", given.model_version, [request.text, *texts])
        for one, score in zip(found, scores, strict=True):
            one.score = float(score)
        least = given.score_threshold or 0.0
        return sorted((one for one in found if one.score >= least), key=lambda one: -one.score)

    def _highlighted(self, request: SearchByKeywords, found: Candidate) -> dict[str, dict[str, list[int]]]:
        """Positions of the keywords, by field and word."""
        flags = 0 if request.case_sensitive else re.IGNORECASE
        marked: dict[str, dict[str, list[int]]] = {}
        for name, one in self.schema.fields.items():
            text = found.metadata.get(name)
            if one.type in ("text", "string") and isinstance(text, str):
                for word in _keywords_of(request):
                    places = [place.start() for place in re.finditer(re.escape(word), text, flags)]
                    if places:
                        marked.setdefault(name, {})[word] = places
        return marked

    def _check_text(self, text: str) -> None:
        if len(text) > self.settings.query_chars_max:
            raise invalid(f"text has more than {self.settings.query_chars_max:,} characters", "text", len(text))


def names_of(schema: Schema, given: Sequence[str] | None, *, ignore: bool) -> list[str] | None:
    """The requested fields; None for all but vectors. Raises Refusal for one that does not exist."""
    if given is None:
        return None
    unknown = [name for name in given if name not in schema.fields]
    if unknown and not ignore:
        raise invalid(f"there is no field {unknown[0]!r:.80}", "output_fields", unknown[0])
    return [name for name in given if name in schema.fields]


def _both(where: Node | None, other: Node) -> Node:
    return other if where is None else And((where, other))


def _any_word(fields: Iterable[str], words: Sequence[str], *, case_sensitive: bool) -> Node:
    """Matches if any field contains any word. The pattern is the literal word, which no matcher backtracks on."""
    if case_sensitive:
        return Or(tuple(Contains((name,), word) for name in fields for word in words))
    return Or(tuple(Regex((name,), f"(?i){re.escape(word)}") for name in fields for word in words))


def _holds(found: Candidate, fields: Iterable[str], word: str, case_sensitive: bool) -> bool:
    texts = (str(found.metadata.get(name, "")) for name in fields)
    return any(word in text if case_sensitive else word.casefold() in text.casefold() for text in texts)


def _keywords_of(request: SearchByKeywords) -> list[str]:
    given = request.keywords
    if given is None:
        if request.query is None:
            raise missing("keywords")
        if len(request.query.encode(errors="replace")) > _KEYWORD_BYTES_MAX:
            raise invalid(f"query has more than {_KEYWORD_BYTES_MAX} bytes", "query")
        given = request.query.split()[:_KEYWORDS_MAX]
    if not 0 < len(given) <= _KEYWORDS_MAX or not all(word.strip() for word in given):
        raise invalid(f"keywords are 1 to {_KEYWORDS_MAX} texts that are not empty", "keywords")
    if sum(len(word.encode(errors="replace")) for word in given) > _KEYWORD_BYTES_MAX:
        raise invalid(f"keywords have more than {_KEYWORD_BYTES_MAX} bytes", "keywords")
    return given


def _check_share(name: str, value: float) -> None:
    if not 0.2 <= value <= 1:
        raise invalid(f"{name} is from 0.2 to 1", name, value)
