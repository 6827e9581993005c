"""Own overhead: what voxd adds between its providers, by their clocks and the caller's. Pure.

One turn, with speculation off:

    caller stops ... turn's end   [turn]    request received ... clause sent   [clause]
    clause received ... first audio sent   [audio]    first audio at the caller

The bracketed parts are voxd's, with everything that the way through the sockets takes; what lies
between the dots is a provider's. Providers note when they have read something and when they begin
to send. All clocks are this machine's monotonic one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benches.names import find_name
from voxd.caller.report import TurnReport
from voxd.dialog.sentences import ClauseSplitter


@dataclass(frozen=True, slots=True)
class Reply:
    """One request to the language model, seconds of the monotonic clock."""

    received_at: float
    clause_at: float
    """When the token was sent with which the first clause was known to be whole."""


@dataclass(frozen=True, slots=True)
class Speech:
    """The first clause of a reply at the voice, seconds of the monotonic clock."""

    received_at: float
    first_audio_at: float


@dataclass(frozen=True, slots=True)
class Records:
    """What the providers wrote down, by the name in what was said."""

    finals: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """When the finals with this name were sent: one by the provider's own idea of a pause, say, and
    one that was asked for."""
    replies: Mapping[str, Reply] = field(default_factory=dict)
    speech: Mapping[str, Speech] = field(default_factory=dict)
    llm_requests: int = 0
    late_s: tuple[float, ...] = ()
    """By how much the providers' loops were late."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """voxd's own part of one turn, seconds."""

    turn_s: float
    """End of the turn (when the daemon decides, which is never before it has the words) to the
    request."""
    clause_s: float
    """First whole clause to the voice's input."""
    audio_s: float
    """The voice's first audio to the caller's first."""

    decision_s: float
    """From the time when the pause was long enough and the last final sent to the decision: the
    final's way, and what the daemon waits for besides, such as a judgement by ear. Not in the
    total."""

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.turn_s + self.clause_s + self.audio_s

    @property
    def is_possible(self) -> bool:
        """No effect came before its cause."""
        return min(self.turn_s, self.clause_s, self.audio_s) >= 0


def decode_records(
    deepgram: Mapping[str, Any], groq: Mapping[str, Any], cartesia: Mapping[str, Any]
) -> Records:
    """Sort what `benches.provider` printed."""
    finals: dict[str, tuple[float, ...]] = {}
    for at, text in deepgram["finals"]:
        if name := find_name(text):
            finals[name] = (*finals.get(name, ()), at)
    replies = {}
    for received_at, tokens in groq["replies"]:
        clause = find_first_clause(tokens)
        if clause is not None and (name := find_name(clause[1])):
            replies[name] = Reply(received_at, clause[0])
    speech = {}
    for received_at, text, first_audio_at in cartesia["clauses"]:
        if first_audio_at is not None and (name := find_name(text)):
            speech[name] = Speech(received_at, first_audio_at)
    late_s = (*deepgram["late_s"], *groq["late_s"], *cartesia["late_s"])
    return Records(finals, replies, speech, len(groq["replies"]), late_s)


def find_first_clause(tokens: list[tuple[float, str]]) -> tuple[float, str] | None:
    """The first clause of a reply, and when the token was sent that completed it."""
    splitter = ClauseSplitter()
    for at, token in tokens:
        if clauses := splitter.feed(token):
            return at, clauses[0]
    return None


def find_overhead(
    turn: TurnReport, origin: float, records: Records, wait_s: float
) -> Overhead | None:
    """The overhead of one turn; None when it was not answered or is not in the records.

    Args:
        origin: the caller's clock at the first sample of the stream.
        wait_s: the tier's wait for a turn that is surely over, where the daemon does not say
            what it waited for.
    """
    daemon, answer_s = turn.daemon, turn.answer_s
    if daemon is None or answer_s is None or not daemon.transcript or not daemon.reply:
        return None
    if daemon.speech_end is None or daemon.endpoint_ms is None:
        return None
    name = find_name(daemon.reply.partition(".")[0]) or ""
    finals = records.finals.get(find_name(daemon.transcript) or "")
    reply, speech = records.replies.get(name), records.speech.get(name)
    if finals is None or reply is None or speech is None:
        return None
    if daemon.wait_ms is not None:
        wait_s = daemon.wait_ms / 1000
    turn_end = daemon.speech_end + daemon.endpoint_ms / 1000
    final_at = max((at for at in finals if at <= turn_end), default=finals[0])
    return Overhead(
        turn_s=reply.received_at - turn_end,
        clause_s=speech.received_at - reply.clause_at,
        audio_s=origin + answer_s - speech.first_audio_at,
        decision_s=turn_end - max(final_at, daemon.speech_end + wait_s),
    )
