import io
from datetime import datetime
from pathlib import Path

import pytest
from rich.console import Console

from tests.history.stored import store, three_calls
from tests.records.outcomes import STARTED_AT
from voxd.history.reading import Filter, open_reader
from voxd.history.show import show_call, show_history, show_stats
from voxd.history.stats import sum_up
from voxd.records.place import Place


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    return await store(tmp_path, three_calls())


def paper() -> Console:
    return Console(file=io.StringIO(), width=110, highlight=False)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def printed_call(place: Place, name: str, **changes: object) -> str:
    console = paper()
    async with open_reader(place) as reader:
        call = await reader.find_call(name)
        show_call(console, {**call, **changes}, await reader.turns_of(call["call_id"]))
    return written(console)


async def test_history_has_a_line_for_each_call(place: Place) -> None:
    console = paper()
    async with open_reader(place) as reader:
        show_history(console, await reader.last_calls(Filter(), 20))
    text = written(console)
    assert "the last 3 calls" in text
    assert STARTED_AT.astimezone().strftime("%Y-%m-%d %H:%M") in text
    row = next(line for line in text.splitlines() if "CA2two" in line)
    for part in ("pro", "frontdesk", "15.0 s", "900", "500", "caller hung up"):
        assert part in row


async def test_a_call_is_told_turn_by_turn(place: Place) -> None:
    text = await printed_call(place, "CA2three")
    for part in (
        "call CA2three, 35.0 s",
        "tier pro, agent frontdesk, tenant luna, language en, inbound by stream",
        "from +15550123456 to +15550199",
        "turn 1, 900 ms voice to voice, slow (target 650)",
        "heard  secret words",
        "said   secret answer. And more.",
        "ear > mind > mouth, 60 + 8 tokens, 24 characters, cost 0.024 (estimated)",
        "llm: groq left for llamacpp (timeout)",
        "turn 3, unanswered",
        "interrupted",
        "ended: caller hung up",
    ):
        assert part in text
    assert text.count("█") > 50


async def test_violations_are_named(place: Place) -> None:
    assert "LATENCY VIOLATION (target 500)" in await printed_call(place, "CA2two")


async def test_what_callers_say_cannot_colour_the_terminal(place: Place) -> None:
    text = await printed_call(place, "CA1one", reason="[red]x", caller="[bold]+1", agent="[link=x]")
    assert "[red]x" in text and "[bold]+1" in text and "[link=x]" in text


async def test_figures_say_whether_the_target_is_met(place: Place) -> None:
    console = paper()
    async with open_reader(place) as reader:
        calls, turns = await reader.calls(Filter()), await reader.turns_of_calls(Filter())
    show_stats(console, sum_up(calls, turns))
    text = written(console)
    assert "3 calls, 1.2 minutes, 6 turns: 1 unanswered, 1 interrupted" in text
    free = next(line for line in text.splitlines() if "free" in line)
    pro = next(line for line in text.splitlines() if "pro " in line)
    assert "yes" in free and "100 %" in free and "no" in pro
    assert "llm mind" in text and "failovers: llm groq > llamacpp (timeout) 1" in text


def test_nothing_is_a_sentence() -> None:
    console = paper()
    show_history(console, [])
    show_stats(console, sum_up([], []))
    assert written(console) == "no calls\nno calls\n"


def test_an_hour_is_told_in_minutes() -> None:
    console = paper()
    call = {
        **dict.fromkeys(("tenant", "language", "direction", "transport", "caller", "called")),
        **{"call_id": "CA1", "duration_s": 3725.0, "tier": "pro", "agent": "", "reason": None},
        **{"started_at": datetime.now().astimezone(), "turn_count": 0, "target_ms": None},
        **{"voice_to_voice_ms": None, "violations": 0, "meta": {"journal_dropped": 3}},
    }
    show_call(console, call, [])
    assert "62:05 min" in written(console) and "first turns were not kept" in written(console)
