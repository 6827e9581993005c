"""The table is total, and its states are those it names."""

import itertools
import random

import pytest

from tests.dialog.playbook import INTERRUPTIBLE, JUDGED, PATIENT, SPECULATIVE, TIER, Playbook
from tests.dialog.tooled import AGENT, BOOK, DIGITS, END, LOOK_UP, MESSAGE, TOOLS, TRANSFER
from voxd import events
from voxd.config import Tier
from voxd.dialog.floor import State
from voxd.dialog.turns import IGNORED, JOURNAL_ONLY, TABLE, Key, key_of
from voxd.errors import Category, Phase
from voxd.events import Event, Kind, Timer, TimerFired, ToolCall

EVENT_CLASSES = {
    value
    for value in vars(events).values()
    if isinstance(value, type) and issubclass(value, Event) and value not in (Event, TimerFired)
}
ALL_KEYS: set[Key] = EVENT_CLASSES | set(Timer)
CALLS = (BOOK, LOOK_UP, DIGITS, END, MESSAGE, TRANSFER, ToolCall("", "book", "?"))


@pytest.mark.parametrize("state", list(State))
def test_every_event_stands_in_every_state_exactly_once(state: State) -> None:
    acted, ignored = set(TABLE[state]), [*IGNORED[state], *JOURNAL_ONLY]
    assert len(ignored) == len(set(ignored))
    assert acted & set(ignored) == set()
    assert acted | set(ignored) == ALL_KEYS


def test_every_state_can_be_reached_and_every_rule_leads_somewhere() -> None:
    reached = {State.NEW}
    for rules in TABLE.values():
        for rule in rules.values():
            assert rule.to
            reached |= set(rule.to)
    assert reached == set(State)


def test_a_timer_is_looked_up_by_what_it_is_for() -> None:
    assert key_of(TimerFired(0.0, Timer.IDLE, 1)) is Timer.IDLE
    assert key_of(events.SpeechStarted(0.0, 0.0)) is events.SpeechStarted


def random_event(rng: random.Random, at: float, book: Playbook) -> Event:
    reply_id = rng.choice([book.brain._floor.last_reply_id, rng.randint(0, 5)])
    text = rng.choice(["", "hello there", "what time do you open?", "and the"])
    clause, flag = rng.randint(0, 3), rng.random() < 0.5
    match rng.choice(sorted(EVENT_CLASSES, key=lambda kind: kind.__name__) + list(Timer)):
        case Timer() as timer:
            return TimerFired(at, timer, book.timers.get(timer, 0))
        case events.CallStarted:
            return events.CallStarted(at, "CA1")
        case events.CallEnded:
            # Rare, or no run would get far.
            if rng.random() < 0.95:
                return events.SpeechStarted(at, at)
            return events.CallEnded(at, events.EndReason.CALLER_HUNG_UP)
        case events.DigitPressed:
            return events.DigitPressed(at, rng.choice("0123456789*#"))
        case events.CallClosing:
            # Rare, or no run would get far.
            if rng.random() < 0.95:
                return events.SpeechStarted(at, at)
            return events.CallClosing(at)
        case events.AnswererJudged:
            people = [events.AnsweredBy.HUMAN] * 20
            return events.AnswererJudged(at, rng.choice([*people, *events.AnsweredBy]))
        case events.SpeechStarted:
            return events.SpeechStarted(at, at - 0.1)
        case events.SpeechPaused:
            return events.SpeechPaused(at, at - 0.1)
        case events.PauseReached:
            return events.PauseReached(at, book.brain._floor.utterance.speech_end, 1.2)
        case events.TranscriptReceived:
            signal = rng.choice([None, None, *events.TurnSignal])
            return events.TranscriptReceived(at, text, at, flag, "stt", signal)
        case events.TurnJudged:
            speech_end = book.brain._floor.utterance.speech_end
            probability = rng.choice([None, 0.0, 0.5, 1.0])
            return events.TurnJudged(at, rng.choice([speech_end, at]), probability)
        case events.EngineFailed:
            kind = rng.choice([Kind.LLM, Kind.TTS] * 10 + [Kind.STT])
            return events.EngineFailed(
                at, kind, "x", Category.SERVER, Phase.STREAM, rng.choice([None, reply_id])
            )
        case events.EngineSwitched:
            return events.EngineSwitched(at, Kind.LLM, "a", "b", Category.SERVER)
        case events.HedgeStarted:
            return events.HedgeStarted(at, Kind.LLM, "b")
        case events.HedgeEnded:
            return events.HedgeEnded(at, Kind.LLM, "b", flag)
        case events.ReplyRequested:
            return events.ReplyRequested(at, reply_id, "llm")
        case events.FirstToken:
            return events.FirstToken(at, reply_id)
        case events.ClauseWritten:
            return events.ClauseWritten(at, reply_id, clause, text, "tts")
        case events.ClauseVoiced:
            return events.ClauseVoiced(at, reply_id, clause)
        case events.ReplyWritten:
            calls = rng.choice([(), (), *((call,) for call in CALLS), CALLS])
            return events.ReplyWritten(at, reply_id, clause, "stop", tool_calls=calls)
        case events.ToolReturned:
            request_id = book.brain._floor.last_request_id - rng.randint(0, 2)
            return events.ToolReturned(at, request_id, "Done.", flag)
        case events.ReplyWasted:
            return events.ReplyWasted(at, reply_id, 5, 20)
        case events.ClauseStarted:
            return events.ClauseStarted(at, reply_id, clause, text, at, flag)
        case events.SoundJudged:
            verdict = rng.choice(list(events.Verdict))
            return events.SoundJudged(at, at - 0.1, verdict)
        case events.ClauseMeasured:
            words = (events.SpokenWord("hello", 0.4),) if flag else ()
            return events.ClauseMeasured(at, reply_id, clause, 1.0, words)
        case events.ClauseSent:
            return events.ClauseSent(at, reply_id, clause, 1.0)
        case events.ClauseHeard:
            return events.ClauseHeard(at, reply_id, clause, flag)
        case events.PlaybackFinished:
            return events.PlaybackFinished(at, reply_id)
        case events.PlaybackUnderran:
            return events.PlaybackUnderran(at, reply_id, 0.1)
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize(
    "tier",
    [TIER, INTERRUPTIBLE, SPECULATIVE, JUDGED, PATIENT],
    ids=["plain", "interruptible", "speculative", "judged", "patient"],
)
def test_any_events_in_any_order_keep_the_table(tier: Tier) -> None:
    """30,000 random events: no rule raises, none leaves for a state that it does not name."""
    seen = set()
    for seed in range(300):
        rng = random.Random(seed)
        book = Playbook(tier, agent=AGENT, tools=TOOLS)
        book.send(events.CallStarted(0.0, "CA1"))
        for step in itertools.count(1):
            if step > 100 or book.brain.state is State.ENDED:
                break
            book.send(random_event(rng, step * 0.1, book))
            seen.add(book.brain.state)
    unseen = {State.NEW} if tier.interruptions else {State.NEW, State.HELD}
    assert seen == set(State) - unseen


def test_somebody_is_always_waited_for() -> None:
    """In no state may the call hang for ever: a timer runs, or the ear or the mouth is at work."""
    for seed in range(300):
        rng = random.Random(seed)
        book = Playbook(INTERRUPTIBLE, agent=AGENT, tools=TOOLS)
        book.send(events.CallStarted(0.0, "CA1"))
        for step in range(1, 100):
            book.send(random_event(rng, step * 0.1, book))
            floor = book.brain._floor
            running = set(floor.tokens)
            match floor.state:
                case State.LISTENING:
                    assert running & {Timer.IDLE, Timer.DIGITS}, (seed, step)
                case State.THINKING:
                    assert Timer.LAST_NET in running, (seed, step)
                case State.SPEAKING | State.ENDING:
                    assert Timer.PLAYBACK in running, (seed, step)
                case State.HELD:
                    assert Timer.HELD in running, (seed, step)
                case State.ENDED:
                    break
