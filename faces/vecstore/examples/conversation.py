"""A chat with retrieval: each question finds two texts, and memory keeps the conversation within 2,048 tokens.

    python conversation.py

`answer` stands in for a language model: it repeats what was found. `vicinal.llm.OpenAIServer(...).generate` is a real
one.
"""

from __future__ import annotations

import tempfile

from vecstore import ConversationMemory, VecStore
from vicinal.encoders.registry import resolve

KNOWLEDGE = [
    "A store opens in the folder that VecStore(path) names, and makes it where it does not exist.",
    "Every upsert is on the disk when it returns. There is no need to call save.",
    "A filter is an expression such as year >= 2024 AND lang = 'en'.",
    "A snapshot keeps all records as of one point in time, and restore_snapshot goes back to it.",
    "hybrid_query weighs the vector by alpha and the words by the rest.",
]

encoder = resolve("hashing:384")


def embed(text: str) -> list[float]:
    return encoder.encode([text])[0].tolist()


def answer(contexts: list[str]) -> str:
    return contexts[0]


def main() -> None:
    memory = ConversationMemory(max_tokens=2048)
    memory.add_message("system", "You explain a vector store. Say only what the context says.")
    with tempfile.TemporaryDirectory() as folder, VecStore(folder) as store:
        for number, text in enumerate(KNOWLEDGE):
            store.upsert(f"fact-{number}", embed(text), {"text": text})
        for question in (
            "What is a filter expression?",
            "When is an upsert on the disk?",
            "How do I go back to a snapshot?",
        ):
            found = store.query(embed(question), k=2)
            memory.add_message("user", question)
            memory.add_message("assistant", answer([result.metadata["text"] for result in found]))
            print(f"{question}\n  looked up: {', '.join(result.id for result in found)}")
    print(f"\nWhat the model is told next time, {memory.token_count()} tokens:\n")
    print(memory.format_messages())


if __name__ == "__main__":
    main()
