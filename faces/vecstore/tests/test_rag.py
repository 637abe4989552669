"""RAG tools as in the document. That chunks are exact slices of any text is tested with the engine."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from vecstore import (
    CodeTextSplitter,
    ConversationMemory,
    MarkdownTextSplitter,
    MultiQueryRetrieval,
    PromptTemplate,
    RecursiveCharacterTextSplitter,
    SearchResult,
    VecStore,
    rag,
)

SPLITTERS = [RecursiveCharacterTextSplitter, MarkdownTextSplitter, CodeTextSplitter]
LETTERS = "a" * 250
DOCUMENT = "A sentence about one thing. Another about the next! Is this a question? " * 30


@pytest.mark.parametrize("splitter", SPLITTERS)
def test_a_short_text_is_one_chunk_and_none_of_nothing(splitter: Any) -> None:
    assert splitter(100, 10).split_text("short text") == ["short text"]
    assert splitter(chunk_size=100, chunk_overlap=10).split_text("") == []
    assert splitter(100, 10).split_text("  \n ") == ["  \n "]


@pytest.mark.parametrize("splitter", SPLITTERS)
@pytest.mark.parametrize(("size", "overlap", "text"), [(100, 10, LETTERS), (10, 2, DOCUMENT[:24]), (500, 50, DOCUMENT)])
def test_no_chunk_is_longer_than_its_size(splitter: Any, size: int, overlap: int, text: str) -> None:
    chunks = splitter(size, overlap).split_text(text)
    assert len(chunks) > 1
    assert all(0 < len(chunk) <= size for chunk in chunks)
    assert chunks == splitter(size, overlap).split_text(text)


@pytest.mark.parametrize("splitter", SPLITTERS)
def test_without_overlap_the_chunks_are_the_text(splitter: Any) -> None:
    for text in (
        DOCUMENT,
        "# A\n\ntext\n\n# B\n\nmore\n" * 9,
        "def f():\n    pass\n\n\ndef g():\n    pass\n" * 9,
        "é😀" * 99,
    ):
        assert "".join(splitter(50, 0).split_text(text)) == text


def test_overlap_repeats_the_end_of_the_chunk_before_exactly_once() -> None:
    chunks = RecursiveCharacterTextSplitter(40, 8).split_text(DOCUMENT)
    for before, after in itertools.pairwise(chunks):
        assert after.startswith(before[-8:])
    assert chunks[0] + "".join(chunk[8:] for chunk in chunks[1:]) == DOCUMENT


def test_a_smaller_size_gives_more_chunks() -> None:
    assert len(RecursiveCharacterTextSplitter(100, 10).split_text("b" * 500)) > len(
        RecursiveCharacterTextSplitter(200, 20).split_text("b" * 500)
    )
    assert len(RecursiveCharacterTextSplitter(100, 0).split_text(LETTERS)) == 3


def test_paragraphs_are_kept_whole_where_they_fit() -> None:
    chunks = RecursiveCharacterTextSplitter(12, 0).split_text("para one.\n\npara two.\n\npara three.")
    assert chunks == ["para one.\n\n", "para two.\n\n", "para three."]


@pytest.mark.parametrize("splitter", SPLITTERS)
@pytest.mark.parametrize(
    ("size", "overlap"), [(0, 0), (10, 10), (10, 11), (-1, 0), (10, -1), (1.5, 0), ("10", 0), (True, 0)]
)
def test_sizes_that_cannot_be_are_refused(splitter: Any, size: Any, overlap: Any) -> None:
    with pytest.raises(ValueError, match="chunk_"):
        splitter(size, overlap).split_text(DOCUMENT)


@pytest.mark.parametrize("splitter", SPLITTERS)
@pytest.mark.parametrize("text", [None, b"bytes", 5])
def test_what_is_no_text_is_a_type_error(splitter: Any, text: Any) -> None:
    with pytest.raises(TypeError, match="must be a str"):
        splitter(10, 0).split_text(text)


@pytest.mark.parametrize("splitter", SPLITTERS)
def test_a_splitter_says_what_it_is(splitter: Any) -> None:
    assert splitter.__name__ in repr(splitter(100, 10))


def test_markdown_is_cut_at_headings_but_not_in_code_or_at_tags() -> None:
    text = "# A\n\naaaa bbbb\n\n# B\n\ncccc dddd"
    assert MarkdownTextSplitter(20, 5).split_text(text) == ["# A\n\naaaa bbbb\n\n", "# B\n\ncccc dddd"]
    text = "# A\n\n```\n# no heading\n```\n\n#tag\n\n## B\n\nend"
    assert MarkdownTextSplitter(40, 0).split_text(text) == [text[: text.index("## B")], "## B\n\nend"]


SOURCES = {
    "python": ("import os\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return 2\n", "def two"),
    "rust": ("use std::io;\n\nfn one() -> u8 {\n    1\n}\n\npub fn two() -> u8 {\n    2\n}\n", "pub fn two"),
    "javascript": (
        "const a = 1;\n\nfunction one() {\n  return 1;\n}\n\nfunction two() {\n  return 2;\n}\n",
        "function two",
    ),
    "go": ("package p\n\nfunc one() int {\n\treturn 1\n}\n\nfunc two() int {\n\treturn 2\n}\n", "func two"),
    "klingon": ("nuqneH\n\nfunction one() {\n  Qapla;\n}\n\nfunction two() {\n  Qapla;\n}\n", "function two"),
}


@pytest.mark.parametrize("language", SOURCES)
def test_code_is_cut_where_definitions_begin(language: str) -> None:
    source, second = SOURCES[language]
    splitter = CodeTextSplitter(60, 0)
    known = splitter.with_language(language)
    assert isinstance(known, CodeTextSplitter)
    chunks = known.split_text(source)
    assert "".join(chunks) == source
    assert any(chunk.startswith(second) for chunk in chunks)
    assert all(len(chunk) <= 60 for chunk in chunks)
    assert "with_language" not in repr(splitter)  # it stays as it was


def test_a_conversation_forgets_the_oldest_but_never_system_or_newest() -> None:
    memory = ConversationMemory(10)
    assert memory.format_messages() == ""
    memory.add_message("system", "be brief")
    memory.add_message("user", "one two three")
    memory.add_message("assistant", "four five six")
    assert memory.format_messages() == "system: be brief\n\nuser: one two three\n\nassistant: four five six"
    memory.add_message("user", "seven eight nine")
    assert memory.format_messages() == "system: be brief\n\nassistant: four five six\n\nuser: seven eight nine"
    memory.add_message("user", "word " * 100)
    assert [message.role for message in memory.messages] == ["system", "user"]
    assert memory.token_count() == 132
    memory.clear()
    assert memory.format_messages() == ""


@pytest.mark.parametrize(("words", "tokens"), [(0, 0), (1, 1), (10, 13), (90, 117)])
def test_tokens_are_words_times_1_3(words: int, tokens: int) -> None:
    memory = ConversationMemory(max_tokens=1000)
    memory.add_message("user", "word " * words)
    assert memory.token_count() == tokens


@pytest.mark.parametrize(
    ("template", "variables", "expected"),
    [
        ("Hello {name}!", {"name": "Ann"}, "Hello Ann!"),
        ("{a} and {a} and {b}", {"a": 1}, "1 and 1 and {b}"),
        ("{a}", {"a": "{b}", "b": "no"}, "{b}"),
        ("{{a}}", {"a": 1}, "{1}"),
        ("{ a } {a!r} {a:>5} {}", {"a": 1}, "{ a } {a!r} {a:>5} {}"),
        ('{"json": {x}}', {"x": None, "unused": 1}, '{"json": None}'),
        ("", {}, ""),
    ],
)
def test_a_template_is_filled(template: str, variables: dict[str, Any], expected: str) -> None:
    prompt = PromptTemplate(template)
    assert prompt.format(variables) == prompt.format(variables) == expected


def result(id_: str, **metadata: Any) -> SearchResult:
    return SearchResult(id_, 0.5, metadata)


def test_reciprocal_ranks_count_from_0() -> None:
    sets = [[result("d1"), result("d2"), result("d3")], [result("d2"), result("d4"), result("d1")]]
    found = MultiQueryRetrieval.reciprocal_rank_fusion(sets, 60)
    assert [(one.id, one.score) for one in found] == [
        ("d2", pytest.approx(1 / 61 + 1 / 60)),
        ("d1", pytest.approx(1 / 60 + 1 / 62)),
        ("d4", pytest.approx(1 / 61)),
        ("d3", pytest.approx(1 / 62)),
    ]
    assert sets[0][0].score == 0.5


def test_fusion_keeps_the_first_metadata_and_the_order_of_equals() -> None:
    sets = [[result("a", n=1), result("a", n=2)], [result("b")], []]
    first, second = MultiQueryRetrieval.reciprocal_rank_fusion(sets, k=1)
    assert (first.id, first.score, first.metadata) == ("a", 1.5, {"n": 1})
    assert second.id == "b"
    assert [one.id for one in MultiQueryRetrieval.reciprocal_rank_fusion([[result("x")], [result("y")]], 60)] == [
        "x",
        "y",
    ]
    assert MultiQueryRetrieval.reciprocal_rank_fusion([], 60) == []


@pytest.mark.parametrize(
    ("k", "error"),
    [
        (0, ValueError),
        (-5, ValueError),
        (float("nan"), ValueError),
        (10**400, ValueError),
        ("60", TypeError),
        (None, TypeError),
    ],
)
def test_fusion_refuses_a_constant_that_divides_by_nothing(k: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"k (must be|is too large)"):
        MultiQueryRetrieval.reciprocal_rank_fusion([[result("a")]], k)


def test_fusion_of_one_ranking_alone_is_told() -> None:
    with pytest.raises(TypeError, match=r"a list of lists of results, but result_sets\[0\] is of type SearchResult"):
        MultiQueryRetrieval.reciprocal_rank_fusion([result("a")], 60)  # type: ignore[list-item]


def test_fusion_of_what_a_store_found(store: VecStore) -> None:
    for id_, vector in {"x": [1.0, 0.0], "y": [0.0, 1.0], "z": [1.0, 1.0]}.items():
        store.upsert(id_, vector, {"id": id_})
    sets = [store.query([1.0, 0.0], 3), store.query([0.0, 1.0], 3), store.query([1.0, 1.0], 3)]
    assert MultiQueryRetrieval.reciprocal_rank_fusion(sets, 60)[0].metadata == {"id": "z"}


def test_the_module_has_the_names_too() -> None:
    for name in rag.__all__:
        assert getattr(rag, name) is globals()[name]
