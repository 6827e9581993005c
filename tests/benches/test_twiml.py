"""How calls in turns become figures; no call is placed."""

from typing import Any

from benches.twilio_turns import Request, Turn
from benches.twiml import Result, Step, sum_up

FILLERS = ("One moment, please.",)


def turn(*requests: tuple[float, str]) -> Turn:
    return Turn("Hello?", tuple(Request(*request) for request in requests), is_over=False)


def told(*ms: float | None, wasted: int = 0) -> list[dict[str, Any]]:
    return [{"voice_to_voice_ms": value, "wasted_tokens": wasted} for value in ms]


def step(turns: list[Turn], figures: list[dict[str, Any]], target_ms: float = 3000.0) -> Step:
    return sum_up("free", target_ms, [turns], [figures], FILLERS)


def test_turns_are_counted_by_how_they_were_answered() -> None:
    found = step(
        [turn((300, "Yes.")), turn((1900, "One moment, please."), (400, "No."))],
        told(290, 2900, wasted=3),
    )
    assert (found.turns, found.answered, found.filled, found.fetched) == (2, 2, 1, 1)
    assert found.answer_ms == (300, 1900) and found.words_ms == (290, 2900)
    assert (found.slowest_request_ms, found.wasted_tokens) == (1900, 6)


def test_quick_answers_keep_the_promise() -> None:
    assert Result((step([turn((300, "Yes."))], told(290)),)).is_good


def test_slow_or_missing_answers_break_it() -> None:
    assert not step([turn((300, "Yes."))], told(3100)).is_good
    assert not step([turn((300, "Yes.")), turn((300, "No."))], told(290, None)).is_good
    assert not step([turn((15_500, "Yes."))], told(290)).is_good
    assert not step([], []).is_good
