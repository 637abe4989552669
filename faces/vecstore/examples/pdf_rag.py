"""Questions about a PDF: its pages are split, stored with source and page, and retrieved.

    python pdf_rag.py manual.pdf "How is the filter changed?"

Reading PDF needs `pip install 'vicinal[loaders]'`. Without it, or without a file, four pages of a made-up manual are
used.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from vecstore import RecursiveCharacterTextSplitter, VecStore
from vicinal import VicinalError
from vicinal.encoders.registry import resolve
from vicinal.errors import MissingExtra
from vicinal.rag.loaders import load

SIMULATED = [
    "Your coffee machine. Fill the tank with cold water and press the button until the light is green.",
    "Cleaning. Rinse the milk nozzle after every use. Once a month let the machine run with a descaling solution.",
    "The filter is changed every two months. Turn it to the left, take it out, and put the new one in.",
    "When the red light blinks, the tank is empty. When it stays on, call the service.",
]

encoder = resolve("hashing:384")


def embed(text: str) -> list[float]:
    return encoder.encode([text])[0].tolist()


def pages_of(path: Path) -> list[tuple[int, str]]:
    """Returns number and text of each page."""
    document = load(path)
    ends = [*(part.start for part in document.parts[1:]), len(document.text)]
    return [(part.page or 1, document.text[part.start : end]) for part, end in zip(document.parts, ends, strict=True)]


def pages_or_simulated(path: Path | None) -> tuple[str, list[tuple[int, str]]]:
    if path is None:
        print("No file was named: this is a simulated manual.")
    else:
        try:
            return path.name, pages_of(path)
        except MissingExtra as error:
            print(f"{error} This is a simulated manual.")
    return "simulated.pdf", list(enumerate(SIMULATED, 1))


def main() -> int:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    question = sys.argv[2] if len(sys.argv) > 2 else "How is the filter changed?"
    try:
        source, pages = pages_or_simulated(path)
    except (VicinalError, OSError) as error:  # broken, encrypted, or missing
        print(f"{path} cannot be read: {error}", file=sys.stderr)
        return 1
    splitter = RecursiveCharacterTextSplitter(chunk_size=300, chunk_overlap=50)
    with tempfile.TemporaryDirectory() as folder, VecStore(folder) as store:
        for page, text in pages:
            for number, chunk in enumerate(splitter.split_text(text)):
                metadata = {"text": chunk, "source": source, "page": page}
                store.upsert(f"{source}-{page}-{number}", embed(chunk), metadata)
        print(f"{source}: {len(pages)} pages, {len(store)} chunks\n\n{question}")
        for result in store.query(embed(question), k=3):
            text = " ".join(result.metadata["text"].split())
            print(f"  page {result.metadata['page']}, score {result.score:.3f}: {text[:70]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
