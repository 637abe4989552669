"""Texts to token ids of a BERT model, from its `vocab.txt`, or of any other model from its `tokenizer.json`.

The rules are those that such models were trained with: clean, lower-case and strip accents (unless the vocabulary is
cased), split at white space, punctuation and around each Chinese character, then take the longest pieces in the
vocabulary; a word that it cannot spell becomes one [UNK]. A `tokenizer.json`, the format of the package tokenizers, has
its own rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MissingExtra, ModelUnavailable
from ..visible import one_line

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_SPECIAL = ("[CLS]", "[SEP]", "[UNK]", "[PAD]")
_PADDINGS = ("[PAD]", "<pad>", "<|endoftext|>")  # of BERT, RoBERTa and CLIP
_CHARACTERS_PER_WORD_MAX = 100  # as in BERT: a longer word is [UNK]


def read_vocabulary(path: Path) -> dict[str, int]:
    """Returns token to id: one token per line, the first is 0.

    Raises:
        ModelUnavailable: the file does not exist, is not text, or lacks one of the four special tokens.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise _unusable(path, f"the vocabulary cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _unusable(path, f"the vocabulary is not UTF-8 (byte {error.start})") from error
    if lines[-1] == "":
        lines.pop()
    vocabulary = {token: number for number, token in enumerate(lines)}
    missing = [token for token in _SPECIAL if token not in vocabulary]
    if missing:
        raise _unusable(path, f"the vocabulary has no {', '.join(missing)}")
    return vocabulary


def load_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    """Returns the tokenizer of a vocabulary or a .json file; truncates texts to `max_tokens`, including [CLS] and
    [SEP].

    Raises:
        MissingExtra: the package tokenizers is not installed.
        ModelUnavailable: see `read_vocabulary`.
    """
    if find_spec("tokenizers") is None:
        raise MissingExtra("tokenizers", "onnx", "the vocabulary of an ONNX model")
    if path.suffix == ".json":
        return _saved_tokenizer(path, max_tokens)
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import BertProcessing

    vocabulary = read_vocabulary(path)
    pieces = WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=_CHARACTERS_PER_WORD_MAX)
    tokenizer = Tokenizer(pieces)
    tokenizer.normalizer = BertNormalizer(lowercase=not _is_cased(vocabulary))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _saved_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer: Tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)
    except OSError as error:
        raise _unusable(path, f"the tokenizer cannot be read ({error.strerror})") from error
    except Exception as error:  # the package raises plain Exception, and ValueError for invalid UTF-8
        raise _unusable(path, f"the file is not a tokenizer ({one_line(str(error), 200)})") from error
    return tokenizer


def padding_of(tokenizer: Tokenizer) -> int:
    """The token that pads short texts; models with an attention mask ignore it."""
    known = (tokenizer.token_to_id(token) for token in _PADDINGS)
    return next((number for number in known if number is not None), 0)


def counting(tokenizer: Tokenizer) -> Tokenizer:
    """Returns a copy without truncation, for `count_tokens`."""
    from tokenizers import Tokenizer

    copy: Tokenizer = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def count_tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """The number of tokens of each text without [CLS] and [SEP]; the tokenizer comes from `counting`."""
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return [len(encoding.ids) for encoding in encodings]


def _is_cased(vocabulary: dict[str, int]) -> bool:
    """Whether it has words with capital letters, which could never be found after lower-casing."""
    words = (token for token in vocabulary if not (token.startswith("[") and token.endswith("]")))
    return any("A" <= character <= "Z" for word in words for character in word)


def _unusable(path: Path, message: str) -> ModelUnavailable:
    return ModelUnavailable(
        message,
        name="vocab_path",
        value=str(path),
        place=str(path),
        remedy="Give the vocab.txt or tokenizer.json that was published with the model.",
    )
