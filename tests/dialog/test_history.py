"""The history shows what was heard, is bounded, and alternates."""

from hypothesis import given
from hypothesis import strategies as st

from voxd.commands import Message
from voxd.dialog.history import PENDING, History, ToolRound
from voxd.events import ToolCall


def test_trimming_drops_eight_and_begins_with_the_caller() -> None:
    history = History(Message("system", "be kind"), 20, 8)
    for number in range(10):
        history.add_user(f"q{number}")
        history.add_agent(f"a{number}")
    assert len(history) == 20
    history.add_user("q10")
    assert len(history) < 20
    assert len(history) == 13
    prompt = history.prompt()
    assert prompt[0].content == "be kind"
    assert (prompt[1].role, prompt[1].content) == ("user", "q4")


def test_nothing_heard_adds_nothing_and_users_join() -> None:
    history = History(Message("system", "s"), 20, 8)
    history.add_user("Hello?")
    history.add_agent("")
    history.add_user("Are you there?")
    assert [m.content for m in history.prompt()] == ["s", "Hello? Are you there?"]


def test_a_prompt_does_not_change_the_history() -> None:
    history = History(Message("system", "s"), 20, 8)
    history.add_aside("by the way")
    shown = history.prompt("When?", "Now.")
    assert [m.content for m in shown] == ["s", "by the way When?", "Now."]
    assert len(history) == 0
    history.add_user("When?")
    assert history.prompt()[1].content == "by the way When?"
    history.add_agent("Now.")
    history.add_user("Why?")
    assert history.prompt()[-1].content == "Why?"


@given(st.lists(st.booleans(), max_size=200), st.integers(4, 30))
def test_roles_alternate_and_the_bound_holds(turns: list[bool], most: int) -> None:
    history = History(Message("system", "s"), most, 2)
    for is_user in turns:
        if is_user:
            history.add_user("u")
        else:
            history.add_agent("a")
        roles = [m.role for m in history.prompt()[1:]]
        assert len(roles) <= most
        assert all(a != b for a, b in zip(roles, roles[1:], strict=False))


def test_what_was_done_stands_between_question_and_answer_and_is_filled_in_later() -> None:
    history = History(Message("system", "s"), 20, 8)
    call = ToolCall("call_1", "book", "{}")
    calls = ToolRound((call,))
    history.add_user("A table.")
    history.add_round(calls)
    history.add_user("Are you there?")
    pending = Message("tool", PENDING, tool_call_id="call_1")
    called = Message("assistant", "", tool_calls=(call,))
    assert history.prompt()[2:] == (called, pending, Message("user", "Are you there?"))
    calls.said, calls.results["call_1"] = "Let me see.", "Booked."
    assert history.prompt()[2:4] == (
        Message("assistant", "Let me see.", tool_calls=(call,)),
        Message("tool", "Booked.", tool_call_id="call_1"),
    )


def test_a_call_and_its_answer_are_dropped_together() -> None:
    history = History(Message("system", "s"), 4, 2)
    for number in range(6):
        history.add_user(f"q{number}")
        history.add_round(ToolRound((ToolCall(f"c{number}", "f", "{}"),)))
        history.add_agent(f"a{number}")
        messages = history.prompt()[1:]
        called = [call.id for message in messages for call in message.tool_calls]
        answered = [message.tool_call_id for message in messages if message.role == "tool"]
        assert messages[0].role == "user" and called == answered
