"""How much a cold model is shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.commands import Message, ToolSpec
from voxd.engines.failover.compact import (
    LIMIT_TOKENS,
    choose_prompt,
    common_prefix,
    compact,
    estimate_tokens,
)
from voxd.engines.llm.plain import plain_messages
from voxd.events import ToolCall

SYSTEM = Message("system", "You are a friendly receptionist. Answer in one sentence.")
MODEL = Path(__file__).parents[3] / "models/llm/SmolLM2-135M-Instruct.Q4_1.gguf"


def talk(turns: int, words: int = 12) -> tuple[Message, ...]:
    """A conversation that ends with the caller's words."""
    messages = [SYSTEM]
    for turn in range(turns):
        messages.append(Message("user", f"question {turn} " + "please " * words))
        messages.append(Message("assistant", f"answer {turn} " + "indeed " * words))
    return (*messages, Message("user", "And on Sundays?"))


def test_a_short_conversation_is_shown_whole() -> None:
    assert choose_prompt(talk(0), ()) == talk(0)


def test_a_long_one_is_compact_for_a_cold_model() -> None:
    prompt = choose_prompt(talk(10), ())
    assert estimate_tokens(prompt) <= LIMIT_TOKENS
    assert [message.role for message in prompt] == ["system", "user", "assistant", "user"]
    assert prompt[0] == SYSTEM
    assert prompt[-1] == talk(10)[-1]
    assert prompt[2].content.endswith("indeed ")


def test_a_long_one_is_whole_for_a_model_that_has_read_it() -> None:
    messages = talk(10)
    assert choose_prompt(messages, messages[:-1]) == messages
    assert choose_prompt(messages, (*messages[:-2], Message("assistant", "cut"))) == messages
    assert choose_prompt(messages, messages[:3]) != messages


def test_a_long_system_prompt_is_cut_at_a_sentence() -> None:
    system = Message("system", "You are kind. " * 100)
    prompt = compact((system, *talk(3)[1:]))
    assert prompt[0].content.endswith("You are kind.")
    assert len(prompt) == 4
    assert estimate_tokens(prompt) <= LIMIT_TOKENS


def test_a_long_question_keeps_its_end() -> None:
    prompt = compact((SYSTEM, Message("user", "well " * 300 + "are you open?")))
    assert prompt[-1].content.endswith("are you open?")
    assert prompt[0] == SYSTEM
    assert estimate_tokens(prompt) <= LIMIT_TOKENS


def test_roles_alternate_whatever_came_before() -> None:
    messages = (SYSTEM, Message("assistant", "Hello?"), Message("user", "Are you open?"))
    assert compact(messages) == (SYSTEM, messages[2])


@given(
    st.lists(st.text("ab .\n", max_size=900), min_size=1, max_size=8),
    st.text("abc. ", max_size=2000),
)
def test_it_always_fits(contents: list[str], system: str) -> None:
    roles = ["user", "assistant"] * 5
    turns = [
        Message("user" if role == "user" else "assistant", content)
        for role, content in zip(roles[-len(contents) - 1 :], contents, strict=False)
    ]
    messages = (Message("system", system), *turns, Message("user", "b" * len(contents)))
    prompt = compact(messages)
    assert estimate_tokens(prompt) <= LIMIT_TOKENS
    assert prompt[-1].role == "user"


def test_the_common_prefix_is_counted_in_messages() -> None:
    assert common_prefix(talk(2), talk(3)) == talk(3)[:5]
    assert common_prefix(talk(2), ()) == ()


def test_a_call_of_a_tool_is_the_same_under_another_id() -> None:
    def done(call_id: str, arguments: str) -> tuple[Message, ...]:
        return (
            *talk(10),
            Message("assistant", "", tool_calls=(ToolCall(call_id, "book", arguments),)),
            Message("tool", "Booked. " * 57, tool_call_id=call_id),
        )

    read, filed = done("", '{"people": 2}'), done("voxd_1", '{"people":2}')
    assert common_prefix(filed, read) == plain_messages(read)
    assert common_prefix(filed, plain_messages(read)) == plain_messages(read)
    assert choose_prompt(filed, read) == filed
    assert choose_prompt(filed, done("", '{"people": 3}')) != filed


@pytest.mark.weights
def test_the_estimate_is_on_the_high_side() -> None:
    from llama_cpp import Llama

    model = Llama(str(MODEL), vocab_only=True, verbose=False)
    texts = [
        "We are open from nine to five on weekdays, and from ten to two on Saturdays.",
        "Could you tell me your name and your phone number, please?",
        "My number is 555 0134, and I would like a table for four at half past seven.",
        SYSTEM.content,
    ]
    for text in texts:
        real = len(model.tokenize(text.encode(), add_bos=False)) + 5
        assert estimate_tokens([Message("user", text)]) >= real, text


def test_what_was_done_is_told_in_words_and_tools_are_left_out() -> None:
    tool = ToolSpec("book", "Books a table. " * 40, '{"type": "object", "properties": {}}')
    messages = (
        Message("system", SYSTEM.content, tools=(tool,), examples=talk(4)[1:]),
        *talk(6)[1:-1],
        Message("user", "A table for two."),
        Message("assistant", "", tool_calls=(ToolCall("c", "book", '{"people": 2}'),)),
        Message("tool", "Booked.", tool_call_id="c"),
    )
    assert estimate_tokens(plain_messages(messages[:1])) > LIMIT_TOKENS
    prompt = choose_prompt(messages, ())
    assert estimate_tokens(prompt) <= LIMIT_TOKENS
    assert [message.role for message in prompt] == ["system", "user", "assistant", "user"]
    assert prompt[-1].content == "(The answer: Booked.)"
    assert not (prompt[0].tools or prompt[0].examples) and "people" in prompt[2].content
    assert choose_prompt(messages, messages[:-1]) == messages
