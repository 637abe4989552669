"""Splitters: exact slices that cover the text, within the limit, with the requested overlap; and where they cut."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vicinal.encoders import HashingEncoder, MiniLM
from vicinal.errors import InvalidArgument
from vicinal.rag import (
    Chunk,
    CodeTextSplitter,
    MarkdownTextSplitter,
    RecursiveCharacterTextSplitter,
    SemanticTextSplitter,
    SentenceTextSplitter,
    TextSplitter,
    TokenTextSplitter,
)
from vicinal.rag.headings import markdown_headings
from vicinal.rag.splitters.sentence import sentence_ends


def words(texts: list[str]) -> list[int]:
    """A tokenizer whose tokens are words."""
    return [len(text.split()) for text in texts]


class Marked:
    """An encoder for which the meaning of a text is the first of a few words in it."""

    dim = 3

    def encode(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, 0, 0] if "fish" in text else [0, 1.0, 0] if "bread" in text else [0, 0, 1.0] for text in texts]


MAKERS: dict[str, Callable[[int, int], TextSplitter]] = {
    "recursive": RecursiveCharacterTextSplitter,
    "markdown": MarkdownTextSplitter,
    "code": CodeTextSplitter,
    "sentence": SentenceTextSplitter,
    "semantic": functools.partial(SemanticTextSplitter, HashingEncoder(16)),
    "token": lambda size, overlap: TokenTextSplitter(chunk_size=size, chunk_overlap=overlap, count=words),
    **{
        language: lambda size, overlap, name=language: CodeTextSplitter(size, overlap).with_language(name)
        for language in ("rust", "python", "java", "cobol")
    },
}

# Text with frequent breaks of every kind, and any other Unicode.
PIECES = st.sampled_from(
    [
        " ", "  ", "\n", "\n\n", "\r\n", "\r\n\r\n", "\t", ". ", "! ", "? ", "; ", "}", "\n}\n", "。", "！", "...", ".",
        "# ", "## ", "\n# A\n", "\n### B ##\n\n", "```\n", "~~~\n", "===\n", "---\n", "a", "word", "Dr. ", "e\u0301",
        "👩\u200d👩\u200d👧", "def f():\n", "@cache\n", "class A:\n", "    // x\n", "fn f() {\n",
        "public void f() {}\n", "漢字", "ไทย", "x" * 30,
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join)
SIZES = st.integers(1, 60).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


def check_slices(text: str, chunks: list[Chunk]) -> None:
    assert all(chunk.text == text[chunk.start : chunk.end] and chunk.text for chunk in chunks)
    assert (not text) == (not chunks)
    if not chunks:
        return
    assert (chunks[0].start, chunks[-1].end) == (0, len(text))
    for before, after in itertools.pairwise(chunks):
        assert before.start <= after.start <= before.end < after.end


@pytest.mark.parametrize("name", MAKERS)
@given(TEXTS, SIZES)
@example("\n\n\n", (1, 0))
@example("aaaa bbbb. " * 20, (7, 6))
def test_chunks_are_slices_that_cover_the_text_and_fit(name: str, text: str, sizes: tuple[int, int]) -> None:
    splitter = MAKERS[name](*sizes)
    chunks = splitter.split(text)
    check_slices(text, chunks)
    size, overlap = sizes
    length = (lambda part: words([part])[0]) if name == "token" else len
    assert all(length(chunk.text) <= size for chunk in chunks)
    assert all(length(text[b.start : a.end]) <= overlap for a, b in itertools.pairwise(chunks) if b.start < a.end)
    assert splitter.split_text(text) == [chunk.text for chunk in chunks]
    assert splitter.split(text) == chunks


@pytest.mark.parametrize("name", ["recursive", "code"])
@given(TEXTS, SIZES)
def test_each_chunk_repeats_exactly_the_end_of_the_one_before(name: str, text: str, sizes: tuple[int, int]) -> None:
    chunks = MAKERS[name](*sizes).split(text)
    for before, after in itertools.pairwise(chunks):
        assert before.end - after.start == min(sizes[1], before.end)


@pytest.mark.parametrize("name", sorted(set(MAKERS) - {"semantic"}))  # which never joins two subjects
@given(TEXTS, st.integers(0, 3))
def test_a_text_that_fits_is_one_chunk(name: str, text: str, room: int) -> None:
    size = max(1, words([text])[0] if name == "token" else len(text)) + room
    assert MAKERS[name](size, size - 1).split(text) == ([Chunk(text, 0, len(text))] if text else [])


@given(TEXTS, st.integers(5, 60))
def test_white_space_is_a_chunk_only_where_it_fills_one(text: str, size: int) -> None:
    for chunk in RecursiveCharacterTextSplitter(size).split(text)[:-1]:
        assert not chunk.text.isspace() or len(chunk.text) >= size - 1  # 1: CR LF is not parted


# --- where they cut ---


def test_the_best_break_that_fits_is_taken() -> None:
    text = "One. Two.\nThree four.\n\nFive six seven eight."
    assert RecursiveCharacterTextSplitter(25).split_text(text) == [
        "One. Two.\nThree four.\n\n", "Five six seven eight."
    ]  # fmt: skip
    assert RecursiveCharacterTextSplitter(12).split_text(text) == [
        "One. Two.\n", "Three four.\n", "\nFive six ", "seven eight."
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "overlap", "lengths"), [(100, 10, [100, 100, 70]), (100, 0, [100, 100, 50]), (250, 10, [250])]
)
def test_letters_without_a_break_are_cut_in_windows(size: int, overlap: int, lengths: list[int]) -> None:
    assert [len(part) for part in RecursiveCharacterTextSplitter(size, overlap).split_text("a" * 250)] == lengths


def test_own_separators() -> None:
    splitter = RecursiveCharacterTextSplitter(8, separators=["|", ","])
    assert splitter.split_text("a,b|c,d,e,f,g,h|i") == ["a,b|", "c,d,e,f,", "g,h|", "i"]


@pytest.mark.parametrize(
    "cluster", ["e\u0301", "\r\n", "👩\u200d👩\u200d👧", "👍\U0001f3fd", "ก\u0e33"[:1] + "\u0e35\u0e49", "❤\ufe0f"]
)
def test_what_a_reader_sees_as_one_character_is_not_cut(cluster: str) -> None:
    for size in range(len(cluster), 3 * len(cluster)):
        for part in RecursiveCharacterTextSplitter(size, separators=[]).split_text(cluster * 9):
            assert part == cluster * (len(part) // len(cluster))


def test_markdown_is_cut_at_headings() -> None:
    text = "intro\n\n# A\n\naaaa bbbb\n\n# B\n\ncccc dddd"
    assert MarkdownTextSplitter(20, 5).split_text(text) == ["intro\n\n", "# A\n\naaaa bbbb\n\n", "# B\n\ncccc dddd"]
    assert MarkdownTextSplitter(25, 5).split_text(text) == ["intro\n\n# A\n\naaaa bbbb\n\n", "# B\n\ncccc dddd"]


def test_only_the_parts_of_a_long_section_overlap() -> None:
    parts = MarkdownTextSplitter(20, 5).split("# A\n\n" + "word " * 8 + "\n# B\n\nend\n")
    assert parts[-1].text == "# B\n\nend\n"
    inside = parts[:-1]
    assert len(inside) > 2
    assert all(before.end - after.start == 5 for before, after in itertools.pairwise(inside))
    assert parts[-1].start == inside[-1].end


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# A\n## B ##\n", [(0, 1, "A"), (4, 2, "B")]),
        ("#tag\n####### seven\n    # code\n", []),
        ("#\n", [(0, 1, "")]),
        ("```\n# no\n```\n# yes", [(13, 1, "yes")]),
        ("~~~~\n```\n# no\n~~~\n# no\n~~~~\n# yes", [(28, 1, "yes")]),
        ("``` not`a fence\n# yes", [(16, 1, "yes")]),
        ("Title\n=====\ntext\n\nSub\n---\n", [(0, 1, "Title"), (18, 2, "Sub")]),
        ("- item\n---\n\n---\n\n| a |\n---\n", []),
        ("---\ntitle: x\n---\n# A\n", [(17, 1, "A")]),
        ("# A \r\n\r\nB\r\n===\r\n", [(0, 1, "A"), (8, 1, "B")]),
        ("# C# \\#", [(0, 1, "C# \\#")]),
        ("# C#\n## ##\n### A ### #\n#\t\n", [(0, 1, "C#"), (5, 2, ""), (11, 3, "A ###"), (23, 1, "")]),
        ("===\n---\n", []),
    ],
)
def test_headings_of_markdown(text: str, found: list[tuple[int, int, str]]) -> None:
    assert [tuple(heading) for heading in markdown_headings(text)] == found


def test_a_heading_of_many_blanks_is_read_at_once() -> None:
    """A pattern that tries every blank as the end of the title would take forever here."""
    (heading,) = markdown_headings("# a" + " " * 300_000 + "b")
    assert (heading.title[0], heading.title[-1], len(heading.title)) == ("a", "b", 300_002)


PROGRAM = """import os

# What it is for.
@cache
def one(a):
    return a


def two(b):
    return b


class Three:
    four = "a class with a body of some length"
"""


def test_code_is_cut_where_something_is_defined() -> None:
    splitter = CodeTextSplitter(62)
    parts = splitter.with_language("python").split_text(PROGRAM)
    assert [part.strip().split("\n")[0] for part in parts] == [
        "import os",
        "# What it is for.",
        "def two(b):",
        "class Three:",
    ]
    assert splitter.language is None
    assert repr(splitter.with_language("python")) == (
        "CodeTextSplitter(chunk_size=62, chunk_overlap=0).with_language('python')"
    )


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("rust", ["pub fn a() {", "impl A for B {", "pub(crate) struct S {", "#[derive(Debug)]\nenum E {"]),
        ("javascript", ["function a() {", "export default class B {", "const c = {", "async function d() {"]),
        ("typescript", ["interface A {", "export const b = {", "let c = {"]),
        ("java", ["public class A {", "  private void b() {", "static int c(int x) {"]),
        ("c", ["int main(void) {", "struct s {", "void f() {"]),
        ("cpp", ["class A {", "namespace n {", "template <typename T>"]),
        ("go", ["func a() {", "type T struct {", "// b does.\nfunc b() {"]),
        ("lua", ["function a()", "function b()"]),
    ],
)
def test_blocks_of_other_languages(language: str, lines: list[str]) -> None:
    blocks = [f"{line}\n  x = 1;\n}}\n\n" for line in lines]
    assert CodeTextSplitter(max(map(len, blocks))).with_language(language).split_text("".join(blocks)) == blocks


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One. ", "Two! ", "Three? ", "Four"]),
        ('He said "Go." Then left.', ['He said "Go." ', "Then left."]),
        ("Dr. Smith met J. Doe, e.g. at Fig. 3. Then", ["Dr. Smith met J. Doe, e.g. at Fig. 3. ", "Then"]),
        ("It costs 3.50 at v1.2.3 now. Yes", ["It costs 3.50 at v1.2.3 now. ", "Yes"]),
        ("Wait... What", ["Wait... ", "What"]),
        ("東京です。大阪です！はい", ["東京です。", "大阪です！", "はい"]),
        ("heading\n\ntext goes on", ["heading\n\n", "text goes on"]),
        ("यह है। वह है", ["यह है। ", "वह है"]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    bounds = [0, *sentence_ends(text), len(text)]
    assert [text[start:end] for start, end in itertools.pairwise(bounds)] == sentences


def test_sentences_are_packed_and_repeated_whole() -> None:
    text = "One is one. Two is two. Three is three. Four is four."
    assert SentenceTextSplitter(30, 14).split_text(text) == [
        "One is one. Two is two. ", "Two is two. Three is three. ", "Four is four.",
    ]  # fmt: skip


def test_a_change_of_subject_ends_a_chunk() -> None:
    text = "A fish swims. A fish eats. A fish sleeps. Warm bread. Fresh bread. More bread."
    splitter = SemanticTextSplitter(Marked(), 1000, percentile=70, neighbours=0)
    assert splitter.split_text(text) == [
        "A fish swims. A fish eats. A fish sleeps. ", "Warm bread. Fresh bread. More bread."
    ]  # fmt: skip
    assert len(SemanticTextSplitter(Marked(), 20, percentile=70).split(text)) == 6


# --- tokens ---


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    if not MiniLM.available():
        pytest.skip("MiniLM is not installed")
    return MiniLM()


@settings(deadline=None)  # the first call loads the vocabulary
@given(TEXTS, st.integers(1, 40), st.data())
def test_no_chunk_has_more_tokens_than_asked(minilm: MiniLM, text: str, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    chunks = TokenTextSplitter(minilm, size, overlap).split(text)
    check_slices(text, chunks)
    counts = minilm.count_tokens([chunk.text for chunk in chunks])
    assert all(count <= size or len(chunk.text.strip()) == 1 for count, chunk in zip(counts, chunks))


def test_chunks_are_nearly_full_of_tokens(minilm: MiniLM) -> None:
    rng = random.Random(3)
    text = " ".join(rng.choice(["alpha", "unbelievable", "zürich", "x-ray", "漢字"]) for _ in range(3000))
    counts = minilm.count_tokens(TokenTextSplitter("minilm", 100).split_text(text))
    assert max(counts) <= 100
    assert sorted(counts)[1] >= 90


def test_tokens_are_those_of_the_model(minilm: MiniLM) -> None:
    text = "The unaffable fox, again and again. " * 60
    assert minilm.count_tokens(["", "hello", text])[:2] == [0, 1]
    first = TokenTextSplitter(minilm).split(text)[0]
    assert minilm.count_tokens([first.text])[0] <= minilm.max_tokens == 254
    assert (minilm.encode([text])[0] == minilm.encode([text[: first.end + 60]])[0]).all()  # the rest is not read


def test_an_encoder_that_does_not_tell_its_tokens_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"'hashing.*does not tell its tokens"):
        TokenTextSplitter("hashing", 10)
    with pytest.raises(InvalidArgument, match="no encoder"):
        TokenTextSplitter()
    with pytest.raises(InvalidArgument, match="chunk_size is needed"):
        TokenTextSplitter(count=words)


def test_more_tokens_than_the_model_reads_are_refused(minilm: MiniLM) -> None:
    with pytest.raises(InvalidArgument, match="reads only 254"):
        TokenTextSplitter(minilm, 255)


# --- what is refused ---


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("sizes", [(0, 0), (-1, 0), (10, 10), (10, 11), (10, -1), (1.5, 0), (10, "2"), (True, 0)])
def test_sizes_that_do_not_fit_are_refused(name: str, sizes: tuple[int, int]) -> None:
    with pytest.raises(InvalidArgument, match="chunk_"):
        MAKERS[name](*sizes)


@pytest.mark.parametrize("text", [None, b"bytes", 3])
def test_only_texts_are_split(text: str) -> None:
    with pytest.raises(InvalidArgument, match="must be a str"):
        RecursiveCharacterTextSplitter(10).split(text)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("unit", [".", "\n", " ", "# ", "=\n", "a", "```\n", "\r", "}\n", "* \n", "def ", "( "])
def test_the_same_over_and_over_takes_no_longer(name: str, unit: str) -> None:
    """Anything quadratic would take minutes here."""
    text = unit * (200_000 // len(unit))
    chunks = MAKERS[name](1000, 100).split(text)
    check_slices(text, chunks)
