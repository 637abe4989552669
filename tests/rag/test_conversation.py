"""A conversation keeps what fits: always the newest and the system messages; the oldest are dropped first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.errors import InvalidArgument
from vicinal.rag import ConversationMemory
from vicinal.rag.conversation import estimated_tokens


@pytest.mark.parametrize(("words", "tokens"), [(0, 0), (1, 1), (3, 3), (4, 5), (90, 117), (1000, 1300)])
def test_tokens_are_estimated_by_words(words: int, tokens: int) -> None:
    assert estimated_tokens(" word\n" * words) == tokens


def test_the_oldest_messages_are_forgotten() -> None:
    memory = ConversationMemory(4)
    memory.add_message("system", "short answers")
    memory.add_message("user", "one")
    memory.add_message("assistant", "two")
    assert len(memory) == 3
    memory.add_message("user", "three")
    assert memory.format_messages() == "system: short answers\n\nassistant: two\n\nuser: three"
    assert (memory.token_count(), [role for role, _ in memory.messages]) == (4, ["system", "assistant", "user"])
    assert memory.to_list()[-1] == {"role": "user", "content": "three"}
    memory.clear()
    assert (len(memory), memory.format_messages(), memory.token_count()) == (0, "", 0)


def test_the_newest_message_stays_even_where_it_alone_is_too_long() -> None:
    memory = ConversationMemory(3, token_estimator=len)
    memory.add_message("system", "you are")
    memory.add_message("user", "hello")
    memory.add_message("user", "a question")
    assert [content for _, content in memory.messages] == ["you are", "a question"]
    assert repr(memory) == "ConversationMemory(messages=2, tokens=17, max_tokens=3)"


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.integers(0, 9)), max_size=20))
def test_what_is_kept_is_the_longest_end_that_fits(said: list[tuple[str, int]]) -> None:
    memory = ConversationMemory(20, token_estimator=len)
    for role, length in said:
        memory.add_message(role, "x" * length)
    if not said:
        return
    system = sum(length for role, length in said if role == "system")
    others = [length for role, length in said if role != "system"]
    kept = [len(content) for role, content in memory.messages if role != "system"]
    assert kept == others[len(others) - len(kept) :]
    assert len(memory.messages[-1].content) == said[-1][1]
    newest = said[-1][1] if said[-1][0] != "system" else 0
    assert system + sum(kept) <= max(20, system + newest)
    assert memory.token_count() == system + sum(kept)


@pytest.mark.parametrize("max_tokens", [-1, 1.5, "9", None])
def test_a_size_that_is_none_is_refused(max_tokens: int) -> None:
    with pytest.raises(InvalidArgument, match="max_tokens"):
        ConversationMemory(max_tokens)


def test_only_texts_are_said() -> None:
    with pytest.raises(InvalidArgument, match="content must be a str"):
        ConversationMemory(9).add_message("user", None)  # type: ignore[arg-type]
