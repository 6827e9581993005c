from datetime import UTC, datetime

import pytest

from tests.fakes.call import make_config
from tests.telemetry.journals import entries, greeting, one_turn, start_reply
from tests.telemetry.outcomes import STARTED_AT, make_facts, make_outcome, make_turn
from voxd.commands import ClearPlayback, DropReply, EndTurn
from voxd.config import Number
from voxd.errors import Category, Phase
from voxd.events import (
    ClauseStarted,
    EndReason,
    EngineFailed,
    EngineSwitched,
    Event,
    HedgeEnded,
    Kind,
    PlaybackFinished,
    ReplyWasted,
    SoundJudged,
    SpeechStarted,
    Timer,
    TimerFired,
    Verdict,
)
from voxd.telemetry.journal import Journal
from voxd.telemetry.outcome import Direction, LineKind, Pace, conclude, describe_call


def switched(at: float, kind: Kind, left: str = "cloud", taken: str = "local") -> EngineSwitched:
    return EngineSwitched(at, kind, left, taken, Category.TIMEOUT)


def test_facts_are_those_of_the_calls_own_config() -> None:
    config = make_config(
        call={"tenant": "sol"}, agents={"ana": {"prompt": "You are Ana."}}, variables={}
    ).routed(Number(agent="ana", tenant="luna"))
    started_at = datetime(2026, 11, 22, tzinfo=UTC)
    parameters = {"from": "+1555", "to": "+1666"}
    facts = describe_call(config, "CA1", parameters, Direction.OUTBOUND, LineKind.TURNS, started_at)
    assert (facts.call_id, facts.tenant, facts.tier, facts.agent) == ("CA1", "luna", "test", "ana")
    assert (facts.language, facts.target_s) == ("en", 1.0)
    assert (facts.caller, facts.called) == ("+1555", "+1666")
    assert (facts.direction, facts.transport) == ("outbound", "turns")
    assert facts.started_at is started_at


def test_the_default_agent_has_no_name() -> None:
    config = make_config().routed(Number())
    facts = describe_call(config, "CA1", {}, Direction.INBOUND, LineKind.STREAM, STARTED_AT)
    assert (facts.agent, facts.caller, facts.called) == ("", "", "")


def test_an_outcome_is_the_facts_and_what_the_journal_says() -> None:
    hedge = HedgeEnded(9.0, Kind.LLM, "local", won=True)
    wasted = ReplyWasted(9.5, 7, completion_tokens=3, characters=20)
    outcome = make_outcome(entries(hedge, wasted) + one_turn())
    assert (outcome.call_id, outcome.tenant, outcome.started_at) == ("CA1", "sol", STARTED_AT)
    assert (outcome.duration_s, outcome.reason) == (20.0, EndReason.CALLER_HUNG_UP)
    assert [turn.turn for turn in outcome.turns] == [1]
    assert [(it.stage, it.engine, it.won) for it in outcome.hedges] == [(Kind.LLM, "local", True)]
    assert outcome.wasted_attempts == 1
    assert outcome.journal_dropped == 0


def test_a_call_that_was_never_built_has_an_outcome() -> None:
    outcome = conclude(make_facts(), None, EndReason.BUG, 5.0, 5.0)
    assert (outcome.turns, outcome.duration_s, outcome.reason) == ((), 0.0, EndReason.BUG)


def test_what_a_journal_has_lost_is_told() -> None:
    journal = Journal("CA1", max_entries=3)
    for at, item in one_turn():
        journal.record(at, item)
    outcome = conclude(make_facts(), journal, EndReason.SHUTDOWN, 5.0, 25.0)
    assert outcome.journal_dropped == len(one_turn()) - 3


@pytest.mark.parametrize(
    ("heard_ms", "pace"),
    [
        (None, None),
        (1000.0, Pace.MET),
        (1000.1, Pace.SLOW),
        (1500.0, Pace.SLOW),
        (1500.1, Pace.VIOLATION),
    ],
)
def test_a_turn_is_compared_with_its_tiers_promise(
    heard_ms: float | None, pace: Pace | None
) -> None:
    assert make_facts().pace(make_turn(heard_ms)) is pace


@pytest.mark.parametrize("heard_ms", [-200.0, 300.0, 5000.0])
def test_an_answer_to_half_a_sentence_is_compared_with_nothing(heard_ms: float) -> None:
    assert make_facts().pace(make_turn(heard_ms, is_premature=True)) is None


def test_violations_are_named_by_their_turns() -> None:
    recorded = one_turn() + one_turn(2, 3, 30.0)
    assert make_outcome(recorded).violations == ()
    assert make_outcome(recorded, target_s=0.5).violations == (1, 2)


def test_a_switch_belongs_to_the_turn_that_it_happened_in() -> None:
    recorded = entries(
        switched(5.5, Kind.TTS, "voice"),  # the greeting's
        SpeechStarted(8.0, 7.9),
        switched(9.0, Kind.STT, "ear"),  # heard by another ear before the turn was over
    )
    recorded += one_turn()
    recorded += entries(switched(12.0, Kind.LLM, "mind"))
    recorded += entries(switched(12.5, Kind.STT, "late"))  # nobody has spoken since
    recorded += one_turn(2, 3, 30.0)
    switches = make_outcome(recorded).switches
    assert [(it.left, it.turn) for it in switches] == [
        ("voice", 0),
        ("ear", 1),
        ("mind", 1),
        ("late", 1),
    ]
    assert switches[0].at_s == 0.5
    assert (switches[0].stage, switches[0].taken, switches[0].reason) == (
        Kind.TTS,
        "local",
        Category.TIMEOUT,
    )


def test_a_switch_in_a_turn_that_goes_on_belongs_to_it() -> None:
    """The turn was held to be over and was not: it ends once more, under the same number."""
    recorded = entries(
        SpeechStarted(8.0, 7.9),
        (9.0, EndTurn(1, 9.0, "complete")),
        SpeechStarted(9.2, 9.1),
        switched(9.3, Kind.STT, "ear"),
        (9.9, EndTurn(1, 9.8, "complete")),
    )
    assert [it.turn for it in make_outcome(recorded).switches] == [1]


@pytest.mark.parametrize(
    ("cause", "is_interruption"),
    [
        (SpeechStarted(11.5, 11.4), True),
        (SoundJudged(11.5, 11.4, Verdict.SPEECH), True),
        (TimerFired(11.5, Timer.HELD, 1), True),
        (TimerFired(11.5, Timer.MAX_CALL, 1), False),
        (EngineFailed(11.5, Kind.TTS, "mouth", Category.SERVER, Phase.STREAM), False),
    ],
)
def test_a_reply_that_the_caller_stops_is_interrupted(cause: Event, is_interruption: bool) -> None:
    recorded = one_turn()[:10]  # its first clause sounds
    recorded += [(cause.at, cause), (11.5, DropReply(2)), (11.5, ClearPlayback())]
    assert make_outcome(recorded).interrupted == ({1} if is_interruption else set())


def test_a_reply_that_nobody_heard_is_not_interrupted() -> None:
    recorded = entries((9.0, start_reply(1, 2)), SpeechStarted(9.1, 9.0), (9.1, DropReply(2)))
    assert not make_outcome(recorded).interrupted


def test_neither_is_one_that_was_heard_to_its_end_nor_a_phrase() -> None:
    recorded = greeting() + one_turn()
    recorded += entries(
        PlaybackFinished(13.0, 2),
        ClauseStarted(13.5, 9, 0, "Are you there?", 13.5, False),
        SpeechStarted(14.0, 13.9),
        (14.0, DropReply(2)),
        (14.0, DropReply(9)),
    )
    assert not make_outcome(recorded).interrupted
