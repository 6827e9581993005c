"""From a call's journal to its timings. Pure; the words are those of the design's section 2.

`compute_turns` reads events and commands that the call recorded and nothing else, so that the
same journal always gives the same figures, live, in a test or from a bug report.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import accumulate
from typing import Any

from voxd.commands import Command, CommitReply, EndTurn, StartReply
from voxd.events import (
    ClauseStarted,
    ClauseVoiced,
    ClauseWritten,
    EngineSwitched,
    Event,
    FirstToken,
    Kind,
    PlaybackUnderran,
    ReplyRequested,
    ReplyWasted,
    ReplyWritten,
    SpeechPaused,
    SpeechStarted,
    TranscriptReceived,
    TurnJudged,
)


@dataclass(frozen=True, slots=True)
class TurnTimings:
    """One turn of the caller and the reply to it. None: it did not happen, or not yet."""

    turn: int
    """1, 2, 3 … within the call."""
    speech_end: float
    """Audio time of the caller's last voiced frame, seconds on the loop clock."""
    turn_end: float
    """When the brain decided that the turn is over, seconds on the loop clock."""
    end_rule: str
    """Which rule decided: `complete`, `unknown`, `incomplete` …"""
    endpoint_ms: float
    """`speech_end` to `turn_end`."""
    wait_ms: float = 0.0
    """Silence that the rule asked for: what of `endpoint_ms` was intended."""
    reply_id: int | None = None
    """The attempt that was heard; else the one that was committed last."""
    stt_latency_ms: float | None = None
    """`speech_end` to the transcript that the reply was made from; 0 when it was there before."""
    judge_latency_ms: float | None = None
    """`speech_end` to the judgement of how the turn sounded; None: not judged, or not in time."""
    turn_probability: float | None = None
    """That judgement: how likely the caller had finished, 0 to 1."""
    llm_ttft_ms: float | None = None
    """Request sent to first token."""
    llm_clause_ms: float | None = None
    """Request sent to first speakable clause."""
    tts_ttfa_ms: float | None = None
    """First clause sent to its first audio."""
    total_latency_ms: float | None = None
    """stt + llm_ttft + tts_ttfa: the seed's sum, which overlap cannot lower."""
    first_audio_at: float | None = None
    """When the reply's first frame was written to the line, seconds on the loop clock."""
    voice_to_voice_ms: float | None = None
    """`speech_end` to the first audio of the model's reply heard by the caller."""
    is_premature: bool = False
    """The caller had gone on speaking when the reply was heard: it answers half a sentence."""
    underrun_s: float = 0.0
    """Silence inside the reply because its audio came too late, seconds."""
    transcript: str = ""
    """The words the reply was made from. Never logged."""
    reply: str = ""
    """The clauses of the reply that were sent to the line. Never logged."""
    clauses: int = 0
    """How many clauses of the reply began to sound."""
    stt_engine: str = ""
    llm_engine: str = ""
    tts_engine: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt, how many needed no computing."""
    completion_tokens: int = 0
    attempts: int = 0
    """Replies that were begun for the turn, the one that was heard among them."""
    wasted_tokens: int = 0
    """That the model wrote for the others."""
    wasted_characters: int = 0
    """That text-to-speech was given for them."""

    def to_json(self) -> dict[str, Any]:
        """All fields, with times rounded to a tenth of a millisecond."""
        return {
            name: round(value, 1 if name.endswith("_ms") else 4)
            if isinstance(value, float)
            else value
            for name, value in asdict(self).items()
        }


@dataclass(slots=True)
class _Attempt:
    """What the journal says about one reply_id."""

    turn: int
    is_committed: bool
    transcript: tuple[float, TranscriptReceived] | None
    is_follow_up: bool = False
    """It tells what tools answered that an attempt before it had asked."""
    requested_at: float | None = None
    llm_engine: str = ""
    first_token_at: float | None = None
    written_at: float | None = None
    tts_engine: str = ""
    voiced_at: float | None = None
    started: list[ClauseStarted] = field(default_factory=list)
    usage: ReplyWritten | None = None
    underrun_s: float = 0.0
    wasted: ReplyWasted | None = None


def compute_turns(entries: Iterable[tuple[float, Event | Command]]) -> list[TurnTimings]:
    """The timings of every turn that was ended, in order.

    A turn whose end was decided more than once (the caller went on before a reply sounded)
    counts from its last decision. Phrases (greeting, fillers, apologies) are not replies.
    """
    ends: dict[int, tuple[float, EndTurn]] = {}
    attempts: dict[int, _Attempt] = {}
    speech: list[tuple[float, float]] = []
    """Intervals of audio time in which the caller spoke; the last may be open (inf)."""
    transcript: tuple[float, TranscriptReceived] | None = None
    judged: dict[float, TurnJudged] = {}
    """The judgement of each pause, by its `speech_end`."""
    phrases: list[float] = []
    """When each phrase began to be heard."""
    for at, item in entries:
        match item:
            case EndTurn():
                ends[item.turn] = (at, item)
            case StartReply():
                attempts[item.reply_id] = _Attempt(
                    item.turn, item.committed, transcript, item.is_follow_up
                )
            case CommitReply():
                if item.reply_id in attempts:
                    attempts[item.reply_id].is_committed = True
            case TranscriptReceived():
                if item.text:
                    transcript = (item.at, item)
            case TurnJudged():
                if item.probability is not None:
                    judged[item.speech_end] = item
            case SpeechStarted():
                speech.append((item.speech_start, float("inf")))
            case SpeechPaused():
                if speech:
                    speech[-1] = (speech[-1][0], item.speech_end)
            case ReplyRequested() | FirstToken() | ClauseWritten() | ClauseVoiced():
                _note_making(attempts.get(item.reply_id), item)
            case EngineSwitched():
                _note_switch(attempts.values(), item)
            case ClauseStarted(is_reply=False):
                phrases.append(item.heard_at)
            case ClauseStarted() | ReplyWritten() | PlaybackUnderran() | ReplyWasted():
                _note_sounding(attempts.get(item.reply_id), item)
            case _:
                pass
    begun_for: defaultdict[int, list[tuple[int, _Attempt]]] = defaultdict(list)
    for reply_id, attempt in attempts.items():
        begun_for[attempt.turn].append((reply_id, attempt))
    spoken = _Speech(speech)
    phrases.sort()
    turns = []
    for _, (at, end) in sorted(ends.items()):
        begun = begun_for[end.turn]
        # "Okay", said to a filler, does not make the reply after it premature.
        later = bisect_right(phrases, at)
        filler = phrases[later] if later < len(phrases) else float("inf")
        turn = _turn(at, end, *_heard(begun), spoken, filler)
        wasted = [attempt.wasted for _, attempt in begun if attempt.wasted is not None]
        judgement = judged.get(end.speech_end)
        turns.append(
            replace(
                turn,
                judge_latency_ms=_ms(end.speech_end, judgement.at if judgement else None),
                turn_probability=judgement.probability if judgement else None,
                attempts=len(begun),
                wasted_tokens=sum(item.completion_tokens for item in wasted),
                wasted_characters=sum(item.characters for item in wasted),
            )
        )
    return turns


def _note_making(
    attempt: _Attempt | None, item: ReplyRequested | FirstToken | ClauseWritten | ClauseVoiced
) -> None:
    """The reply on its way to sound; of each step only the first clause's first time counts."""
    if attempt is None:
        return
    match item:
        case ReplyRequested():
            # Asked again, because the model failed or broke off before anything was heard: the
            # figures are those of what is heard in the end.
            attempt.requested_at, attempt.llm_engine = item.at, item.engine
            attempt.first_token_at = attempt.written_at = attempt.voiced_at = None
        case FirstToken():
            if attempt.first_token_at is None:
                attempt.first_token_at = item.at
        case ClauseWritten(clause=0):
            if attempt.written_at is None:
                attempt.written_at, attempt.tts_engine = item.at, item.engine
        case ClauseVoiced(clause=0):
            if attempt.voiced_at is None:
                attempt.voiced_at = item.at
        case _:
            pass


def _note_switch(attempts: Iterable[_Attempt], item: EngineSwitched) -> None:
    """Another engine takes over what is not audible yet; the figures are those of the turn."""
    for attempt in attempts:
        if attempt.started:
            continue
        if item.kind is Kind.LLM and attempt.llm_engine == item.left:
            attempt.llm_engine = item.taken
        elif item.kind is Kind.TTS and attempt.tts_engine == item.left:
            attempt.tts_engine = item.taken


def _note_sounding(
    attempt: _Attempt | None,
    item: ClauseStarted | ReplyWritten | PlaybackUnderran | ReplyWasted,
) -> None:
    if attempt is None:
        return
    match item:
        case ClauseStarted():
            is_again = any(clause.clause == item.clause for clause in attempt.started)
            if item.is_reply and not is_again:  # after a hold a clause is started once more
                attempt.started.append(item)
        case ReplyWritten():
            attempt.usage = item
        case PlaybackUnderran():
            attempt.underrun_s += item.gap_s
        case ReplyWasted():
            attempt.wasted = item


class _Speech:
    """When the caller spoke, so that a turn is looked up without a walk through the call."""

    def __init__(self, intervals: list[tuple[float, float]]) -> None:
        self._starts = [start for start, _ in sorted(intervals)]
        ends = (end for _, end in sorted(intervals))
        self._latest = list(accumulate(ends, max))
        """The latest end of each interval and those before it."""

    def is_between(self, after: float, before: float) -> bool:
        """Whether the caller began before `before`, and spoke after `after`."""
        begun = bisect_left(self._starts, before)
        return begun > 0 and self._latest[begun - 1] > after


def _heard(begun: Sequence[tuple[int, _Attempt]]) -> tuple[int | None, _Attempt | None]:
    """The attempt that was heard, else the one committed last; both None without a commit.

    Of a turn with tools it is the one that was heard first: their answers are told in a later one.
    """
    committed = [(reply_id, attempt) for reply_id, attempt in begun if attempt.is_committed]
    sounded = [(i, a) for i, a in committed if a.started]
    first = [(i, a) for i, a in sounded if not a.is_follow_up]
    return (first or sounded[:1] or committed)[-1] if committed else (None, None)


def _turn(
    at: float,
    end: EndTurn,
    reply_id: int | None,
    attempt: _Attempt | None,
    speech: _Speech,
    filler: float,
) -> TurnTimings:
    """The figures of one turn; what was said from `filler` on was said to one."""
    endpoint_ms = (at - end.speech_end) * 1000
    if attempt is None:
        return TurnTimings(
            end.turn, end.speech_end, at, end.reason, endpoint_ms, wait_ms=end.wait_s * 1000
        )
    heard_at_transcript, transcript = attempt.transcript or (None, None)
    stt_ms = _ms(end.speech_end, heard_at_transcript)
    if stt_ms is not None:
        stt_ms = max(0.0, stt_ms)
    ttft_ms = _ms(attempt.requested_at, attempt.first_token_at)
    ttfa_ms = _ms(attempt.written_at, attempt.voiced_at)
    has_sum = stt_ms is not None and ttft_ms is not None and ttfa_ms is not None
    first = attempt.started[0] if attempt.started else None
    usage = attempt.usage
    return TurnTimings(
        turn=end.turn,
        speech_end=end.speech_end,
        turn_end=at,
        end_rule=end.reason,
        endpoint_ms=endpoint_ms,
        wait_ms=end.wait_s * 1000,
        reply_id=reply_id,
        stt_latency_ms=stt_ms,
        llm_ttft_ms=ttft_ms,
        llm_clause_ms=_ms(attempt.requested_at, attempt.written_at),
        tts_ttfa_ms=ttfa_ms,
        total_latency_ms=(stt_ms or 0) + (ttft_ms or 0) + (ttfa_ms or 0) if has_sum else None,
        first_audio_at=first.at if first else None,
        voice_to_voice_ms=_ms(end.speech_end, first.heard_at) if first else None,
        is_premature=first is not None
        and (
            first.heard_at < end.speech_end
            or speech.is_between(end.speech_end + 0.001, min(first.heard_at, filler))
        ),
        underrun_s=attempt.underrun_s,
        transcript=transcript.text if transcript else "",
        reply=" ".join(clause.text for clause in attempt.started),
        clauses=len(attempt.started),
        stt_engine=transcript.engine if transcript else "",
        llm_engine=attempt.llm_engine,
        tts_engine=attempt.tts_engine,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        cached_tokens=usage.cached_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
    )


def _ms(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else (end - start) * 1000
