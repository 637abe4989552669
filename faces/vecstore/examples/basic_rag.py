"""Retrieval-augmented generation in its simplest form: split a document, store the chunks, retrieve the relevant ones.

python basic_rag.py
"""

from __future__ import annotations

import tempfile

from vecstore import PromptTemplate, RecursiveCharacterTextSplitter, VecStore
from vicinal.encoders.registry import resolve

DOCUMENT = """Honey bees live in colonies of up to sixty thousand workers and one queen. The queen lays as many as two
thousand eggs a day in early summer.

Workers collect nectar, which holds about four fifths water. Inside the hive they pass it from one to another and fan it
with their wings until less than a fifth of it is water. What is left is honey, and it keeps for years.

In winter the colony stays awake. The bees form a ball around the queen and shiver to keep it warm, and in the cold
months they eat some twenty kilograms of what they stored.

A bee that has found food tells the others by a dance. Its angle to the vertical is the angle between the food and the
sun, and the longer it waggles the farther the way is.
"""

# "hashing" compares spelling and needs no model; after `vicinal models add minilm`, "minilm" compares meaning.
encoder = resolve("hashing:384")


def embed(text: str) -> list[float]:
    return encoder.encode([text])[0].tolist()


def main() -> None:
    question = "How do bees tell each other where food is?"
    with tempfile.TemporaryDirectory() as folder, VecStore(folder) as store:
        chunks = RecursiveCharacterTextSplitter(chunk_size=200, chunk_overlap=20).split_text(DOCUMENT)
        for number, chunk in enumerate(chunks):
            store.upsert(f"bees-{number}", embed(chunk), {"text": chunk, "chunk": number, "document": "bees"})
        print(f"{len(store)} chunks in the store")

        results = store.query(embed(question), k=3)
        for result in results:
            print(f"{result.score:.3f}  {result.id}: {result.metadata['text'].strip()[:80]!r}")

        prompt = PromptTemplate("Answer from the context alone.\n\nContext:\n{context}\n\nQuestion: {question}")
        context = "\n---\n".join(result.metadata["text"].strip() for result in results)
        print("\nThis goes to the language model:\n")
        print(prompt.format({"context": context, "question": question}))


if __name__ == "__main__":
    main()
