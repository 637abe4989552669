"""Keyword search: BM25 over the same tokens for every peer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..crew import Crew, Member
from ..options import Options
from ..peers import keyword_peer
from ..report import Report
from ..rounds import Progress, Sample, alternate

QUESTION = "How fast is keyword search over the same tokens, and how fast is its index built?"
PEERS = ("vicinal-words", "tantivy", "bm25s", "sqlite-fts5")
ROWS = (117_159,)
SEARCH, BUILD, BUILD_FROM_TEXTS = "keyword query", "keyword index from tokens", "keyword index from texts"
QUERIES, WORDS_MAX = 1_000, 8
TIMES_FASTER = {"tantivy": 1.5, "bm25s": 5.0, "sqlite-fts5": 5.0}
_WORD = re.compile(r"\w+")


def run(options: Options, report: Report) -> None:
    crew = Crew(options.chosen(PEERS), options.scratch)
    report.left_out = crew.left_out
    for rows in options.sizes(ROWS):
        folder = options.scratch / f"tokens-{rows}"
        folder.mkdir(exist_ok=True)
        data, _ = options.data(rows)
        lengths = save_tokens(folder, data.texts)
        with crew.members(folder, options.threads) as members:
            crew.attempt(members, "build")
            crew.attempt(members, "search", k=options.k)  # warm
            _measure(options, report, members, rows, lengths)
        _claim(report, rows)


def _measure(options: Options, report: Report, members: dict[str, Member], rows: int, lengths: list[int]) -> None:
    progress = Progress(f"keyword, {rows:,} documents")
    builds = {name: partial(member.ask, "build") for name, member in members.items()}
    report.add(BUILD, alternate(options.rounds, builds, progress), rows=rows, threads=options.threads, unit="index")
    whole = {
        name: partial(member.ask, "build_from_texts") for name, member in members.items() if keyword_peer(name).analyses
    }
    built = alternate(options.rounds, whole, progress)
    report.add(BUILD_FROM_TEXTS, built, rows=rows, threads=options.threads, unit="index")
    searches = {name: partial(member.ask, "search", k=options.k) for name, member in members.items()}
    searched = alternate(options.rounds, searches, progress)
    facts = {name: by_length(own, lengths) for name, own in searched.items()}
    report.add(SEARCH, _without_each(searched), rows=rows, threads=options.threads, unit="query", facts=facts)


def _claim(report: Report, rows: int) -> None:
    own = report.find(SEARCH, "vicinal-words", rows)
    for peer, times in TIMES_FASTER.items():
        text = f"{rows:,} documents: times the searches a second of {peer}"
        report.claim_ratio(text, report.find(SEARCH, peer, rows), own, at_least=times)
    text = f"{rows:,} documents, {BUILD_FROM_TEXTS}: times the time of bm25s"
    theirs = report.find(BUILD_FROM_TEXTS, "bm25s", rows)
    report.claim_ratio(text, report.find(BUILD_FROM_TEXTS, "vicinal-words", rows), theirs, at_most=1.0)


def analysed(texts: Iterable[str]) -> list[list[str]]:
    """Returns lower-case words, stemmed by Snowball's English stemmer; each distinct word once."""
    import snowballstemmer

    stemmer = snowballstemmer.stemmer("english")
    words = [_WORD.findall(text.lower()) for text in texts]
    distinct = sorted({word for row in words for word in row})
    stems = dict(zip(distinct, stemmer.stemWords(distinct), strict=True))
    return [[stems[word] for word in row] for row in words]


def save_tokens(folder: Path, texts: list[str]) -> list[int]:
    """Writes tokens.json with 1,000 queries of 1 to 8 different tokens, and returns the length of each query.

    Tokens are drawn by their frequency in the documents, so common ones are also common in queries.
    """
    documents, random = analysed(texts), np.random.default_rng(2)
    tokens = [token for row in documents for token in row]
    queries = []
    for i in range(QUERIES):
        wanted = 1 + i % WORDS_MAX
        drawn = [tokens[j] for j in random.integers(0, len(tokens), 20 * wanted)]
        queries.append(list(dict.fromkeys(drawn))[:wanted])
    (folder / "tokens.json").write_text(json.dumps({"texts": texts, "documents": documents, "queries": queries}))
    return [len(query) for query in queries]


def by_length(samples: list[Sample], lengths: list[int]) -> dict[str, Any]:
    """Returns p50 and p99 in microseconds, overall and by length; the time of a query is its median over the rounds."""
    each = np.median([sample["each"] for sample in samples], axis=0) * 1e6
    sizes = np.array(lengths)
    groups = {str(n): _percentiles(each[sizes == n]) for n in sorted(set(lengths))}
    return {**_percentiles(each), "by_length": groups}


def _percentiles(microseconds: np.ndarray) -> dict[str, float]:
    return {f"p{percent}_us": round(float(np.percentile(microseconds, percent)), 1) for percent in (50, 99)}


def _without_each(searched: dict[str, list[Sample]]) -> dict[str, list[Sample]]:
    """Leaves out the thousand times of each round, which would fill the JSON and add little to the percentiles."""
    return {
        name: [{k: v for k, v in sample.items() if k != "each"} for sample in own] for name, own in searched.items()
    }
