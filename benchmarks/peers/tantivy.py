"""tantivy, through its wheel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..contract import KeywordPeer

_HEAP_BYTES = 512 << 20  # enough to avoid commits in between


class Tantivy(KeywordPeer):
    """One field of tokens split at spaces, with frequencies and no positions, merged into one segment.

    Its BM25 has k1 = 1.2 and b = 0.75 built in, and stores lengths of fields in one byte. `count=False`: it need not
    visit every match, only those that can be among the best.
    """

    name = "tantivy"
    module = "tantivy"
    install = "pip install tantivy"

    def __init__(self, folder: Path, threads: int) -> None:
        super().__init__(folder, threads)
        import tantivy

        self._tantivy = tantivy

    def build(self, documents: Sequence[Sequence[str]]) -> None:
        tantivy = self._tantivy
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("body", tokenizer_name="tokens", index_option="freq")
        builder.add_unsigned_field("number", stored=True)
        self._schema = builder.build()
        index = tantivy.Index(self._schema)
        index.register_tokenizer("tokens", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
        writer = index.writer(heap_size=_HEAP_BYTES, num_threads=self.threads)
        for number, tokens in enumerate(documents):
            document = tantivy.Document()
            document.add_text("body", " ".join(tokens))
            document.add_unsigned("number", number)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self._searcher = index.searcher()

    def search(self, tokens: Sequence[str], k: int) -> Any:
        tantivy = self._tantivy
        terms = [tantivy.Query.term_query(self._schema, "body", token, "freq") for token in tokens]
        query = tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])
        return self._searcher.search(query, k, count=False).hits

    def hits(self, answer: Any) -> list[tuple[int, float]]:
        return [(self._searcher.doc(address).get_first("number"), score) for score, address in answer]
