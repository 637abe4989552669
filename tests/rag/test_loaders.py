"""Loaders: the text that a reader sees, its position, and errors that say what is wrong with a file."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.papers import docx, pdf, zipped
from vicinal.errors import EncryptedDocument, InvalidArgument, InvalidDocument
from vicinal.rag import Document, DocumentSplitter, load
from vicinal.rag.document import Part, outlined
from vicinal.rag.loaders import decoding, kind_of, load_bytes


def at(document: Document, passage: str) -> dict[str, object]:
    """Returns the position of a passage in the document."""
    place = document.place(document.text.index(passage))
    assert place.pop("offset") == document.text.index(passage)
    return place


# --- kinds and bytes ---


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text"), ("README", "text"), ("changelog.Debian.gz", "text"), ("a.MD", "markdown"),
        ("a.md.gz", "markdown"),
        ("a.py", "code"), ("a.rs.xz", "code"), ("a.html", "html"), ("A.HTM.GZ", "html"), ("a.pdf", "pdf"),
        ("a.pdf.bz2", "pdf"), ("a.docx", "docx"), ("a.png", None), ("lib.so.1.2", None), ("a.tar.gz", None),
        ("a.odd", "text"), ("Makefile", "text"), ("", "text"),
    ],
)  # fmt: skip
def test_names_tell_the_kind(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("name", "compress"), [("a.txt.gz", gzip.compress), ("a.txt.bz2", bz2.compress), ("a.txt.xz", lzma.compress)]
)
def test_compressed_files_are_unpacked_and_broken_ones_named(name: str, compress: object, tmp_path: Path) -> None:
    packed = compress("héllo\n".encode() * 1000)  # type: ignore[operator]
    (tmp_path / name).write_bytes(packed)
    assert load(tmp_path / name).text == "héllo\n" * 1000
    for broken in (packed[: len(packed) // 2], b"no archive", packed[:20] + b"\xff" * 20 + packed[40:]):
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(InvalidDocument, match="broken") as caught:
            load(tmp_path / name)
        assert caught.value.place == str(tmp_path / name)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidDocument, match="unpacks to more than 1,000 bytes"):
        decoding.unpack(gzip.compress(b"0" * 1001), ".gz", 1000)
    assert len(decoding.unpack(gzip.compress(b"0" * 1000), ".gz", 1000)) == 1000


GERMAN = "Grüße aus Köln, schöne Straßen überall und früh am Morgen auch Bäume. " * 3
RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 5
JAPANESE = "これは日本語の文章です。とても短いですが、文字コードを調べるには十分です。" * 5


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"), (GERMAN, "utf-8-sig"), (GERMAN, "utf-16"), (GERMAN, "utf-16-le"), (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"), (GERMAN, "latin-1"), (RUSSIAN, "koi8-r"), (RUSSIAN, "cp1251"), (JAPANESE, "euc-jp"),
        (JAPANESE, "shift-jis"), (JAPANESE, "utf-8"),
    ],
)  # fmt: skip
def test_encodings_are_found_out(text: str, encoding: str) -> None:
    assert decoding.decode(text.encode(encoding)) == text


def test_what_a_file_declares_goes_before_guesses() -> None:
    head = "# -*- coding: iso-8859-15 -*-\nprice = '5 \u20ac'\n"
    assert load_bytes(head.encode("iso-8859-15"), "a.py").text == head
    page = "<meta charset='windows-1250'><p>\u017elu\u0165ou\u010dk\u00fd</p>"
    assert load_bytes(page.encode("cp1250"), "a.html").text == "\u017elu\u0165ou\u010dk\u00fd"
    assert load_bytes(b"# coding: rot13\ncaf\xe9", "a.py").text == "# coding: rot13\ncaf\xe9"  # no encoding of texts
    assert load_bytes(b"# coding: no-such\ncaf\xe9", "a.py").text.endswith("\xe9")


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_named(data: bytes) -> None:
    try:
        text = decoding.decode(data)
    except InvalidDocument:
        return
    text.encode()


@pytest.mark.parametrize("data", [b"\x7fELF\x02\x01\x01\x00" + bytes(50), b"\x00\x01\x02" * 30, b"\xff\xfe\x00\xd8"])
def test_what_is_no_text_is_named(data: bytes) -> None:
    with pytest.raises(InvalidDocument, match=r"a\.txt: the file is not"):
        load_bytes(data, "a.txt")


def test_halves_of_characters_are_replaced() -> None:
    assert decoding.clean("a\ud800b \U0001f600") == "a\ufffdb \U0001f600"


# --- text, Markdown, code ---


def test_lines_of_a_text_are_those_of_the_file() -> None:
    document = load_bytes(b"one\r\ntwo\n\nfour", "a.txt")
    assert [at(document, word)["line"] for word in ("one", "two", "four")] == [1, 2, 4]
    assert document.place(0) == {"offset": 0, "line": 1}


def test_markdown_has_headings() -> None:
    document = load_bytes(b"intro\n# A\na\n### B\nb\n## C\nc\n# D\nd", "a.md")
    assert document.title == "A"
    assert at(document, "intro") == {"line": 1}
    assert at(document, "b\n") == {"line": 5, "headings": ["A", "B"]}
    assert at(document, "c\n") == {"line": 7, "headings": ["A", "C"]}
    assert document.place(len(document.text)) == {"offset": len(document.text), "line": 9, "headings": ["D"]}


def test_code_has_definitions() -> None:
    document = load_bytes(
        b"import x\n\nclass A(B):\n    def f(self):\n        return 1\n\ndef g():\n    return 2\n", "a.py"
    )
    assert document.language == "python"
    assert at(document, "import") == {"line": 1}
    assert at(document, "return 1") == {"line": 5, "headings": ["class A(B)", "def f(self)"]}
    assert at(document, "return 2") == {"line": 8, "headings": ["def g()"]}


def test_headings_stand_under_those_that_are_less_deep() -> None:
    parts = outlined([(0, 2, "a"), (5, 1, "b"), (9, 3, "c"), (12, 3, ""), (15, 2, "d")])
    assert list(parts) == [
        Part(0, ("a",)), Part(5, ("b",)), Part(9, ("b", "c")), Part(12, ("b",)), Part(15, ("b", "d")),
    ]  # fmt: skip


# --- HTML ---

PAGE = """<!doctype html><html><head><title> The  <b>page</title><style>p {}</style></head><body>
<nav>menu</nav><script>evil()</script>
<h1>First &amp; best</h1><p>One <b>bold</b>word,
and   more.<br>new line</p><ul><li>a<li>b</ul>
<h2>Second</h2><pre>  x = 1
  y</pre><table><tr><td>c1<td>c2</table><p>end
"""


def test_html_is_what_a_reader_sees() -> None:
    document = load_bytes(PAGE.encode(), "a.html")
    assert document.text == (
        "First & best\n\nOne boldword, and more.\nnew line\n\na\nb\n\nSecond\n\n  x = 1\n  y\n\nc1\tc2\n\nend"
    ).replace("c1\tc2", document.text[document.text.index("c1") : document.text.index("c2") + 2])
    assert document.text[document.text.index("c1") + 2].isspace()
    assert document.title == "The <b>page"
    assert at(document, "new line") == {"headings": ["First & best"]}
    assert at(document, "x = 1") == {"headings": ["First & best", "Second"]}
    assert at(document, "First") == {"headings": ["First & best"]}


def test_html_may_nest_as_deep_as_it_likes() -> None:
    assert load_bytes(b"<div>" * 50_000 + b"deep", "a.html").text == "deep"
    paragraphs = load_bytes(b"<p>x<li>y" * 3000, "a.html").text
    assert paragraphs.count("x\n") == 3000
    assert load_bytes(b"", "a.html").text == ""
    assert load_bytes(b"<h1></h1><h2>x", "a.html").parts == (Part(0, ("x",)),)


# --- PDF ---

PAGES = ["Bread bakes in an oven.\nIt takes an hour.", "", "Salt keeps (and \\ dries) fish."]


def test_pdf_has_pages_and_headings() -> None:
    document = load_bytes(pdf(PAGES, [("Bread", 1), ("Fish", 3)], "Food"), "a.pdf")
    assert (document.kind, document.title) == ("pdf", "Food")
    assert at(document, "hour") == {"page": 1, "headings": ["Bread"]}
    assert at(document, "Salt keeps (and \\ dries)") == {"page": 3, "headings": ["Fish"]}
    assert {document.place(chunk.start)["page"] for chunk in DocumentSplitter().split(document)} == {1, 3}


def test_an_encrypted_pdf_is_named_and_one_that_opens_is_read() -> None:
    with pytest.raises(EncryptedDocument, match=r"a\.pdf: the PDF opens only with a password"):
        load_bytes(pdf(PAGES, password="secret"), "a.pdf")
    assert "Salt" in load_bytes(pdf(PAGES, password=""), "a.pdf").text


def test_a_broken_pdf_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    whole = pdf(PAGES)
    for broken in (b"", b"%PDF-1.7\n", b"not a pdf", whole[: len(whole) // 3], b"%PDF-1.7\n" + b"\xff" * 200):
        with pytest.raises(InvalidDocument, match=r"a\.pdf: the PDF is broken"):
            load_bytes(broken, "a.pdf")
    assert capfd.readouterr() == ("", "")


def test_a_pdf_beyond_the_limits_of_the_reader_is_not_called_broken() -> None:
    """A page of 76 MB of blanks, which the reader does not decompress."""
    from pypdf import PdfWriter
    from pypdf.generic import EncodedStreamObject, NameObject

    writer = PdfWriter(clone_from=io.BytesIO(pdf(PAGES)))
    content = EncodedStreamObject()
    content._data = zlib.compress(b" " * 76_000_000, 1)
    content[NameObject("/Filter")] = NameObject("/FlateDecode")
    writer.pages[0][NameObject("/Contents")] = writer._add_object(content)
    packed = io.BytesIO()
    writer.write(packed)
    with pytest.raises(InvalidDocument, match=r"the PDF passes a limit of its reader.*Split it"):
        load_bytes(packed.getvalue(), "a.pdf")


# --- DOCX ---


def test_docx_has_headings_and_tables() -> None:
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    table = f"<w:tbl><w:tr>{cell.format('flour')}{cell.format('salt')}</w:tr></w:tbl>"
    gone = "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t></w:r></w:p>"
    data = docx(
        [("Food", "Title"), ("Bread", "berschrift1"), ("Rye & wheat", ""), ("Dough", "Heading2"), ("Knead.", "")],
        table + gone,
    )
    document = load_bytes(data, "a.docx")
    assert document.text == "Food\n\nBread\n\nRye & wheat\n\nDough\n\nKnead.\n\nflour\tsalt\n\na\tb"
    assert document.title == "Food"
    assert at(document, "Rye") == {"headings": ["Food", "Bread"]}
    assert at(document, "flour") == {"headings": ["Food", "Bread", "Dough"]}


def test_an_encrypted_docx_is_named() -> None:
    with pytest.raises(EncryptedDocument, match=r"a\.docx: the document opens only with a password"):
        load_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.docx")


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    "data",
    [
        b"", b"PK\x03\x04 but no more", docx([("a", "")])[:-30], zipped({"other.xml": "<x/>"}),
        zipped({"word/document.xml": "<w:document"}), zipped({"word/document.xml": BOMB}),
    ],
)  # fmt: skip
def test_a_broken_docx_is_named(data: bytes) -> None:
    with pytest.raises(InvalidDocument, match=r"a\.docx: "):
        load_bytes(data, "a.docx")


# --- all ---


@pytest.mark.parametrize("kind", ["html", "pdf", "docx", "markdown", "code"])
@given(st.binary(max_size=200))
def test_no_bytes_make_another_error(kind: str, data: bytes) -> None:
    beginning = {"pdf": b"%PDF-1.4\n", "docx": b"PK\x03\x04", "html": b"<p>"}.get(kind, b"")
    try:
        document = load_bytes(beginning + data, "x", kind=kind)
    except InvalidDocument:
        return
    document.text.encode()
    for chunk in DocumentSplitter().split(document):
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert document.place(chunk.start)["offset"] == chunk.start


def test_kinds_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument, match=r"a\.png: the file is not a document"):
        load_bytes(b"", "a.png")
    with pytest.raises(InvalidArgument, match="no kind of document 'doc'"):
        load_bytes(b"", "a", kind="doc")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent.txt")
