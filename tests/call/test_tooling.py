"""The hands of a call: an answer always comes back, and keys go to the line as tones."""

from typing import Any

from voxd.audio.dtmf import encode_digits
from voxd.call.tooling import Tooling, press
from voxd.call.voice import Voice
from voxd.commands import CallTool, SendDigits
from voxd.events import Event, ToolReturned
from voxd.tools.client import UNKNOWN
from voxd.tools.exchange import ToolAnswer


class Client:
    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def ask(self, *asked: Any) -> ToolAnswer:
        self.asked.append(asked)
        return ToolAnswer("Booked.")


async def test_the_answer_of_a_tool_is_reported_with_its_request() -> None:
    posted: list[Event] = []
    client: Any = Client()
    await Tooling("CA1", client, posted.append, lambda: 3.0).ask(CallTool(7, "book", "{}"))
    assert client.asked == [("book", "{}", "CA1", 7)]
    assert posted == [ToolReturned(3.0, 7, "Booked.")]


async def test_without_any_tools_there_is_an_answer_as_well() -> None:
    posted: list[Event] = []
    await Tooling("CA1", None, posted.append, lambda: 3.0).ask(CallTool(7, "book", "{}"))
    assert posted == [ToolReturned(3.0, 7, UNKNOWN.content, is_error=True)]


def test_keys_are_one_clause_of_tones() -> None:
    voice = Voice(4, is_reply=False, on_audio=lambda: None)
    press(SendDigits(4, "12"), voice)
    assert voice.is_ended and voice.clause_count == 1
    clause = voice.current
    assert clause is not None and clause.text == ""
    assert b"".join(clause.frames) == encode_digits("12")
