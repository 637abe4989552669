"""Language models of a few hundred tokens and random weights, as GGUF files. Their output is noise.

The format: github.com/ggml-org/ggml, docs/gguf.md.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEADS, FEED_FORWARD = 32, 2, 64
CONTEXT = 8192
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_UINT32, _INT32, _FLOAT32, _STRING, _ARRAY = 4, 5, 6, 8, 9
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_ALIGNMENT = 32


def write_model(path: Path, *, template: str | None = TEMPLATE, seed: int = 0, ends: bool = False) -> Path:
    """Writes a model; creates the folder of the file if it does not exist.

    Args:
        ends: generate an end token every few words; otherwise never.
    """
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, *([_BYTE] * 256)]
    pieces = ["\u2581", *"abcdefghijklmnopqrstuvwxyz", "\u2581g", "ol", "old", "\u2581gold", "\u2581the"]
    tokens += pieces
    kinds += [_NORMAL] * len(pieces)
    values: dict[str, Any] = {
        "general.architecture": "llama", "general.name": "noise", "llama.context_length": _u32(CONTEXT),
        "llama.embedding_length": _u32(WIDTH), "llama.block_count": _u32(1),
        "llama.feed_forward_length": _u32(FEED_FORWARD),
        "llama.attention.head_count": _u32(HEADS), "llama.attention.head_count_kv": _u32(HEADS),
        "llama.rope.dimension_count": _u32(WIDTH // HEADS),
        "llama.attention.layer_norm_rms_epsilon": (_FLOAT32, struct.pack("<f", 1e-5)),
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": _array(_STRING, [_text(token) for token in tokens]),
        "tokenizer.ggml.scores": _array(_FLOAT32, [struct.pack("<f", -float(i)) for i in range(len(tokens))]),
        "tokenizer.ggml.token_type": _array(_INT32, [struct.pack("<i", kind) for kind in kinds]),
        "tokenizer.ggml.bos_token_id": _u32(1), "tokenizer.ggml.eos_token_id": _u32(2),
        "tokenizer.ggml.unknown_token_id": _u32(0),
    }  # fmt: skip
    if template is not None:
        values["tokenizer.chat_template"] = template
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_file(values, _weights(len(tokens), np.random.default_rng(seed), ends)))
    return path


def _weights(vocabulary: int, rng: np.random.Generator, ends: bool) -> dict[str, np.ndarray]:
    """Returns rows by columns, as in NumPy; GGUF stores the columns first."""
    square = (WIDTH, WIDTH)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (vocabulary, WIDTH), "output.weight": (vocabulary, WIDTH),
        "blk.0.attn_q.weight": square, "blk.0.attn_k.weight": square, "blk.0.attn_v.weight": square,
        "blk.0.attn_output.weight": square, "blk.0.ffn_gate.weight": (FEED_FORWARD, WIDTH),
        "blk.0.ffn_up.weight": (FEED_FORWARD, WIDTH), "blk.0.ffn_down.weight": (WIDTH, FEED_FORWARD),
    }  # fmt: skip
    weights = {name: rng.normal(0, 0.3, shape).astype("<f4") for name, shape in shapes.items()}
    weights["output.weight"][:3] = 0  # control tokens are never likely
    if ends:
        weights["output.weight"][2] = rng.normal(0, 1.0, WIDTH)
    ones = ("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight")
    return weights | {name: np.ones(WIDTH, "<f4") for name in ones}


def _file(values: dict[str, Any], weights: dict[str, np.ndarray]) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(weights), len(values))
    for name, value in values.items():
        kind, raw = (_STRING, _text(value)) if isinstance(value, str) else value
        head += _text(name) + struct.pack("<I", kind) + raw
    data = b""
    for name, array in weights.items():
        data += bytes(-len(data) % _ALIGNMENT)
        shape = array.shape[::-1]
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += array.tobytes()
    return head + bytes(-len(head) % _ALIGNMENT) + data + bytes(-len(data) % _ALIGNMENT)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _u32(number: int) -> tuple[int, bytes]:
    return _UINT32, struct.pack("<I", number)


def _array(kind: int, items: list[bytes]) -> tuple[int, bytes]:
    return _ARRAY, struct.pack("<IQ", kind, len(items)) + b"".join(items)
