import pytest

from tests.telemetry.journals import entries, greeting, one_turn, start_reply
from voxd.commands import CommitReply, DropReply, EndTurn, Message, StartReply
from voxd.errors import Category
from voxd.events import (
    ClauseStarted,
    ClauseVoiced,
    ClauseWritten,
    EngineSwitched,
    FirstToken,
    Kind,
    PlaybackUnderran,
    ReplyRequested,
    ReplyWasted,
    SpeechPaused,
    SpeechStarted,
    TranscriptReceived,
    TurnJudged,
)
from voxd.telemetry.latency import TurnTimings, compute_turns


def only(turns: list[TurnTimings]) -> TurnTimings:
    assert len(turns) == 1
    return turns[0]


def test_every_figure_of_an_ordinary_turn() -> None:
    turn = only(compute_turns(greeting() + one_turn()))
    assert (turn.turn, turn.reply_id, turn.end_rule) == (1, 2, "complete")
    assert (turn.speech_end, turn.turn_end) == (10.0, 10.4)
    assert turn.endpoint_ms == pytest.approx(400)
    assert turn.stt_latency_ms == pytest.approx(250)
    assert turn.llm_ttft_ms == pytest.approx(60)
    assert turn.llm_clause_ms == pytest.approx(160)
    assert turn.tts_ttfa_ms == pytest.approx(140)
    assert turn.total_latency_ms == pytest.approx(250 + 60 + 140)
    assert turn.first_audio_at == 10.7
    assert turn.voice_to_voice_ms == pytest.approx(900)
    assert not turn.is_premature
    assert (turn.transcript, turn.reply) == ("secret words", "secret answer. And more.")
    assert turn.clauses == 2
    assert (turn.stt_engine, turn.llm_engine, turn.tts_engine) == ("ear", "mind", "mouth")
    assert (turn.prompt_tokens, turn.cached_tokens, turn.completion_tokens) == (60, 50, 8)


def test_a_call_without_turns_has_no_timings() -> None:
    assert compute_turns(greeting()) == []
    assert compute_turns([]) == []


def test_a_turn_that_has_no_reply_yet_has_only_its_end() -> None:
    turn = only(compute_turns(one_turn()[:4]))
    assert turn.endpoint_ms == pytest.approx(400)
    assert turn.reply_id is None
    assert turn.voice_to_voice_ms is None


def test_phrases_do_not_count_as_replies() -> None:
    recorded = [*one_turn()[:9], (12.0, ClauseStarted(12.0, 9, 0, "Sorry.", 12.0, False))]
    turn = only(compute_turns(recorded))
    assert turn.voice_to_voice_ms is None
    assert turn.llm_ttft_ms == pytest.approx(60)


def test_a_clause_that_goes_on_after_a_hold_counts_once() -> None:
    again = ClauseStarted(11.4, 2, 0, "secret answer.", 11.4, True, from_s=0.6)
    turn = only(compute_turns([*one_turn(), (11.4, again)]))
    assert turn.clauses == 2
    assert turn.reply == "secret answer. And more."
    assert turn.first_audio_at == 10.7


def test_what_is_said_to_a_filler_does_not_make_the_reply_premature() -> None:
    filler = ClauseStarted(10.5, 9, 0, "One moment.", 10.55, False)
    okay = (SpeechStarted(10.68, 10.6), SpeechPaused(10.9, 10.8))
    recorded = one_turn()
    bridged = [*recorded[:9], *entries(filler, *okay), *recorded[9:]]
    turn = only(compute_turns(bridged))
    assert not turn.is_premature
    assert turn.voice_to_voice_ms == pytest.approx(900)
    assert only(compute_turns([*recorded[:9], *entries(*okay), *recorded[9:]])).is_premature


def test_the_attempt_that_was_heard_gives_the_figures_not_the_dropped_one() -> None:
    dropped = entries(
        (9.0, start_reply(1, 7, committed=False)),
        ReplyRequested(9.0, 7, "other"),
        FirstToken(9.5, 7),
        (9.6, DropReply(7)),
    )
    turn = only(compute_turns(dropped + one_turn()))
    assert turn.reply_id == 2
    assert turn.llm_ttft_ms == pytest.approx(60)


def test_a_speculative_attempt_counts_from_its_commit() -> None:
    recorded = entries(
        TranscriptReceived(10.2, "yes", 10.0, True, "ear"),
        (10.2, start_reply(1, 3, committed=False)),
        ReplyRequested(10.2, 3, "mind"),
        FirstToken(10.26, 3),
        ClauseWritten(10.3, 3, 0, "Fine.", "mouth"),
        ClauseVoiced(10.35, 3, 0),
        (10.4, EndTurn(1, 10.0, "complete")),
    )
    assert only(compute_turns(recorded)).reply_id is None
    recorded += entries(
        (10.4, CommitReply(3)), ClauseStarted(10.4, 3, 0, "Fine.", 10.41, is_reply=True)
    )
    turn = only(compute_turns(recorded))
    assert turn.reply_id == 3
    assert turn.voice_to_voice_ms == pytest.approx(410)
    assert turn.endpoint_ms == pytest.approx(400)


def test_attempts_that_nobody_heard_are_counted_with_what_they_cost() -> None:
    guesses = entries(
        (8.0, start_reply(1, 7, committed=False)),
        ReplyWasted(8.5, 7, 12, 40),
        (9.0, start_reply(1, 8, committed=False)),
        ReplyWasted(9.5, 8, 3, 0),
        (9.9, start_reply(2, 9, committed=False)),
        ReplyWasted(9.95, 9, 100, 100),
    )
    turn = only(compute_turns(guesses + one_turn()))
    assert (turn.attempts, turn.wasted_tokens, turn.wasted_characters) == (3, 15, 40)


def test_the_silence_that_was_asked_for_is_told_from_the_silence_that_it_took() -> None:
    recorded = one_turn()
    recorded[3] = (10.4, EndTurn(1, 10.0, "complete", 0.38))
    turn = only(compute_turns(recorded))
    assert (turn.wait_ms, turn.endpoint_ms) == (pytest.approx(380), pytest.approx(400))


def test_the_transcript_is_the_one_the_reply_was_made_from() -> None:
    later = entries(TranscriptReceived(11.5, "something later", 11.0, True, "ear"))
    turn = only(compute_turns(one_turn() + later))
    assert turn.transcript == "secret words"
    assert turn.stt_latency_ms == pytest.approx(250)


def test_words_that_were_there_before_the_pause_cost_nothing() -> None:
    recorded = one_turn()
    recorded[2] = (9.5, TranscriptReceived(9.5, "secret words", 9.4, False, "ear"))
    assert only(compute_turns(recorded)).stt_latency_ms == 0


def test_a_reply_that_was_made_again_counts_from_its_second_beginning() -> None:
    recorded = [entry for entry in one_turn() if not isinstance(entry[1], ClauseStarted)]
    broken_off = entries(
        (10.9, ReplyRequested(10.9, 2, "spare mind")),
        FirstToken(11.0, 2),
        ClauseWritten(11.1, 2, 0, "Fine.", "mouth"),
        ClauseVoiced(11.3, 2, 0),
        ClauseStarted(11.3, 2, 0, "Fine.", 11.31, is_reply=True),
    )
    turn = only(compute_turns(recorded + broken_off))
    assert turn.llm_engine == "spare mind"
    assert turn.llm_ttft_ms == pytest.approx(100)
    assert turn.llm_clause_ms == pytest.approx(200)
    assert turn.tts_ttfa_ms == pytest.approx(200)


def test_a_turn_decided_twice_counts_from_its_last_decision() -> None:
    first = entries((8.0, EndTurn(1, 7.5, "complete")), (8.0, start_reply(1, 1)))
    turn = only(compute_turns(first + one_turn()))
    assert turn.speech_end == 10.0
    assert turn.voice_to_voice_ms == pytest.approx(900)


def test_a_reply_is_premature_when_the_caller_had_gone_on() -> None:
    recorded = one_turn()
    went_on = entries(SpeechStarted(10.85, 10.8), SpeechPaused(11.4, 11.3))
    assert only(compute_turns(recorded + went_on)).is_premature
    later = entries(SpeechStarted(11.1, 11.0))
    assert not only(compute_turns(recorded + later)).is_premature


def test_a_reply_heard_before_the_last_word_is_premature() -> None:
    recorded = one_turn()
    recorded[9] = (9.0, ClauseStarted(9.0, 2, 0, "secret answer.", 9.1, True))
    turn = only(compute_turns(recorded))
    assert turn.is_premature
    assert turn.voice_to_voice_ms == pytest.approx(-900)


def test_an_engine_that_answers_after_another_failed_is_measured_from_its_own_request() -> None:
    recorded = one_turn()
    recorded.insert(6, (10.43, ReplyRequested(10.43, 2, "second")))
    turn = only(compute_turns(recorded))
    assert turn.llm_engine == "second"
    assert turn.llm_ttft_ms == pytest.approx(30)


def test_a_turn_names_the_engines_that_made_what_was_heard() -> None:
    recorded = one_turn()
    timeout = Category.TIMEOUT
    recorded[7:7] = entries(EngineSwitched(10.5, Kind.LLM, "mind", "spare mind", timeout))
    recorded[9:9] = entries(EngineSwitched(10.65, Kind.TTS, "mouth", "spare mouth", timeout))
    later = entries(EngineSwitched(12.0, Kind.TTS, "spare mouth", "third mouth", timeout))
    turn = only(compute_turns(recorded + later))
    assert (turn.llm_engine, turn.tts_engine) == ("spare mind", "spare mouth")
    assert turn.llm_ttft_ms == pytest.approx(60)


def test_a_turn_has_the_judgement_of_its_own_last_pause() -> None:
    judged = entries(TurnJudged(9.2, 9.0, 0.1), TurnJudged(10.17, 10.0, 0.9))
    turn = only(compute_turns(judged + one_turn()))
    assert turn.judge_latency_ms == pytest.approx(170)
    assert turn.turn_probability == 0.9
    late = only(compute_turns(entries(TurnJudged(10.4, 10.0, None)) + one_turn()))
    assert (late.judge_latency_ms, late.turn_probability) == (None, None)


def test_holes_in_the_reply_are_summed() -> None:
    holes = entries(PlaybackUnderran(11.0, 2, 0.2), PlaybackUnderran(12.0, 2, 0.1))
    assert only(compute_turns(one_turn() + holes)).underrun_s == pytest.approx(0.3)


def test_turns_come_in_order_and_events_of_unknown_attempts_are_ignored() -> None:
    stray = entries(FirstToken(5.0, 99), ClauseStarted(5.0, 99, 0, "?", 5.0, True))
    turns = compute_turns(one_turn(2, 5, 30.0) + stray + one_turn(1, 2, 10.0))
    assert [turn.turn for turn in turns] == [1, 2]
    assert [turn.reply_id for turn in turns] == [2, 5]


def test_json_has_every_field_and_rounded_times() -> None:
    described = only(compute_turns(one_turn())).to_json()
    assert described["voice_to_voice_ms"] == 900.0
    assert described["endpoint_ms"] == 400.0
    assert described["reply_id"] == 2
    assert set(described) == set(TurnTimings.__slots__)


class Counted(float):
    """A number that counts how often it is compared."""

    comparisons = 0

    def __add__(self, other: float) -> "Counted":
        return Counted(float(self) + other)

    def __sub__(self, other: float) -> "Counted":
        return Counted(float(self) - other)

    def __lt__(self, other: object) -> bool:
        Counted.comparisons += 1
        return float(self) < other  # type: ignore[operator]

    def __gt__(self, other: object) -> bool:
        Counted.comparisons += 1
        return float(self) > other  # type: ignore[operator]

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return float(self) == other

    __hash__ = float.__hash__


def comparisons(turns: int) -> int:
    """How much is compared for the timings of so many turns, each with a filler and a guess."""
    recorded = []
    for number in range(1, turns + 1):
        base, turn = Counted(20.0 * number), Counted(number)
        recorded += entries((base, start_reply(turn, 1000 + number, committed=False)))  # type: ignore[arg-type]
        recorded += one_turn(turn, number, base)  # type: ignore[arg-type]
        recorded += entries(ClauseStarted(base + 0.5, 5000 + number, 0, "Hm.", base + 0.5, False))
    Counted.comparisons = 0
    assert len(compute_turns(recorded)) == turns
    return Counted.comparisons


def test_the_timings_of_a_long_call_cost_little_more_each_than_those_of_a_short_one() -> None:
    """They are computed on the event loop: sixteen times as many turns, not 256 times the work."""
    assert comparisons(400) < 40 * comparisons(25)


def test_a_turn_with_tools_is_answered_when_its_first_words_are_heard() -> None:
    """What the tools answer is told later, in a reply of its own that is no slow one."""
    told = StartReply(1, 3, True, (Message("tool", "Booked."),), is_follow_up=True)
    recorded = [
        *one_turn(),
        *entries((13.0, told), ClauseStarted(14.0, 3, 0, "It is booked.", 14.0, True)),
    ]
    (turn,) = compute_turns(recorded)
    assert (turn.reply_id, turn.voice_to_voice_ms) == (2, pytest.approx(900))
    silent = [item for item in recorded if not isinstance(item[1], ClauseStarted) or item[0] > 13]
    (turn,) = compute_turns(silent)
    assert (turn.reply_id, turn.voice_to_voice_ms) == (3, pytest.approx(4000))
