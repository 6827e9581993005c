"""Rules about the caller: speech, pauses, transcripts, keys, silence. Pure.

Every rule is `(floor, event) -> commands`, sets `floor.state`, and stands in `turns.TABLE`.
"""

from voxd.commands import (
    AwaitPause,
    ClearPlayback,
    CloseUtterance,
    Command,
    DropReply,
    EndTurn,
    JudgeTurn,
    PhraseKind,
    Transcribe,
)
from voxd.dialog.backchannel import SURE_ECHO_WORDS, is_echo
from voxd.dialog.endpoint import Shape, judge_shape, required_wait
from voxd.dialog.filler import await_reply, take_back
from voxd.dialog.floor import Floor, State, Utterance
from voxd.dialog.nets import is_end, net_s, note_drop, watch_words
from voxd.dialog.speculation import (
    GUESS_AHEAD_S,
    drop_guess,
    drop_other_guess,
    guess,
    has_same_words,
    is_guess,
    may_guess,
    start_or_commit,
)
from voxd.dialog.tool_rounds import tell_late
from voxd.events import (
    DigitPressed,
    PauseReached,
    ReplyWritten,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TimerFired,
    TranscriptReceived,
    TurnJudged,
    TurnSignal,
)

DIGITS_WAIT_S = 2.0
"""A key sequence is over after this long without a further key, as telephone menus do."""
MAX_DIGITS = 32
"""Keys kept of one sequence; more are a stuck key or a stranger."""
FINAL_GRACE_S = 0.3
"""Words that may still be revised can lack the last one: the final is awaited for so much longer
than they ask for. An answer is begun meanwhile, so a final that agrees costs nothing."""
ROUNDING_S = 0.005
"""Pauses are counted in frames of audio; a wait that is met but for this much is met."""


def hear_speech(floor: Floor, event: SpeechStarted) -> list[Command]:
    """The caller begins, or goes on within a pause."""
    if not floor.utterance.has_speech and event.speech_start < floor.spoken_until:
        floor.utterance.over = floor.spoken
    return [
        *drop_guess(floor),
        *floor.stop_timer(Timer.IDLE),
        *floor.stop_timer(Timer.TRANSCRIPT),
        *_hear_on(floor),
    ]


def caller_went_on(floor: Floor, event: SpeechStarted) -> list[Command]:
    """The turn was not over after all, and nothing of the reply was heard: the turn continues."""
    attempt = floor.attempt
    assert attempt is not None
    floor.attempt = None
    floor.turn -= 1
    floor.digits = (attempt.digits + floor.digits)[:MAX_DIGITS]
    note_drop(floor, attempt.user or "", event.at)
    # A frame may have been written in the moment before this event was read: clear it.
    return [
        DropReply(attempt.reply_id),
        *take_back(floor),
        ClearPlayback(),
        *floor.stop_timer(Timer.LAST_NET),
        *_hear_on(floor),
    ]


def note_pause(floor: Floor, event: SpeechPaused) -> list[Command]:
    """First short pause: get the words, and wait as long as one must without knowing them."""
    floor.state = State.PAUSED
    return [*_ask_about_pause(floor, event), AwaitPause(floor.waits.unknown_s)]


def keep_transcript(floor: Floor, event: TranscriptReceived) -> list[Command]:
    """Words while nobody waits for them: only remember them."""
    if event.text or event.is_final:
        # A signal is told once: without a new one it stands, but only for the words it was about.
        if event.signal is not None or not has_same_words(event.text, floor.utterance.text):
            floor.utterance.signal = event.signal
            floor.utterance.is_ended = is_end(event)
        floor.utterance.text = event.text
        floor.utterance.closing = event.closing
        floor.utterance.through = event.through
        floor.utterance.is_final = event.is_final
    return []


def weigh_transcript(floor: Floor, event: TranscriptReceived) -> list[Command]:
    """Words within a pause: they decide how long the pause must be."""
    keep_transcript(floor, event)
    if not floor.utterance.is_transcribed:
        return []
    if _has_own_words(floor):
        return [*floor.stop_timer(Timer.TRANSCRIPT), *_await_end(floor, event.at)]
    if event.is_final:
        return [*floor.stop_timer(Timer.TRANSCRIPT), *_dismiss_noise(floor)]
    return []


def keep_judgement(floor: Floor, event: TurnJudged) -> list[Command]:
    """How a pause sounds, while nothing is decided by it: only remember it."""
    if event.speech_end == floor.utterance.speech_end:
        floor.utterance.awaits_judgement = False
        floor.utterance.probability = event.probability
    return []


def weigh_judgement(floor: Floor, event: TurnJudged) -> list[Command]:
    """How the present pause sounds: it decides, with the words, how long the pause must be."""
    keep_judgement(floor, event)
    if event.speech_end != floor.utterance.speech_end:
        return []
    if not floor.utterance.is_transcribed or not _has_own_words(floor):
        return []
    return _await_end(floor, event.at)


def hear_words(floor: Floor, event: TranscriptReceived) -> list[Command]:
    """Words while the caller speaks by our own ear, which noise may deceive: when their provider
    hears an end all the same, a reply is worth a try."""
    keep_transcript(floor, event)
    watch = watch_words(floor) if is_end(event) else []
    match event.signal:
        case TurnSignal.EAGER_END | TurnSignal.END if floor.utterance.text:
            return [*guess(floor, _compose(floor, floor.utterance.text)), *watch]
        case TurnSignal.RESUMED:
            return drop_guess(floor)
        case _:
            return drop_other_guess(floor, _compose(floor, floor.utterance.text))


def end_without_pause(floor: Floor, event: TimerFired) -> list[Command]:
    """No words came since the provider's end: what our own ear hears is noise, the turn is over."""
    utterance = floor.utterance
    if not utterance.is_ended or not _has_own_words(floor):
        return []
    utterance.speech_end = utterance.through
    return end_turn(floor, utterance.text, "no_words", event.at)


def note_guess(floor: Floor, event: ReplyWritten) -> list[Command]:
    """The model has finished a guess. One that says nothing is worth nothing."""
    if floor.guess is None or not is_guess(floor, event.reply_id):
        return []
    floor.guess.clauses = event.clauses
    return drop_guess(floor) if event.clauses == 0 else []


def end_pause(floor: Floor, event: PauseReached) -> list[Command]:
    """The pause is as long as was asked: end the turn, or see what is still missing."""
    utterance = floor.utterance
    # Of an earlier pause: the report of this one is still to come. A later one is this one and
    # more: whatever ended it was no speech, or the caller would be heard by now.
    if event.speech_end < utterance.speech_end:
        return []
    if not utterance.is_transcribed or not _has_own_words(floor):
        if Timer.TRANSCRIPT in floor.tokens:
            return []
        return [floor.start_timer(Timer.TRANSCRIPT, floor.config.call.transcript_s)]
    if utterance.awaits_judgement:
        return []  # it has a deadline, and asks for the pause again
    needed_s = _required_s(floor) + (0.0 if utterance.is_final else FINAL_GRACE_S)
    if event.pause_s + ROUNDING_S < needed_s:
        return [*guess(floor, _compose(floor, utterance.text)), AwaitPause(needed_s)]
    return end_turn(floor, utterance.text, judge_shape(utterance.text), event.at, needed_s)


def end_turn(
    floor: Floor, text: str, reason: Shape | str, at: float, wait_s: float = 0.0
) -> list[Command]:
    """The caller's turn is over: ask for the reply."""
    floor.turn += 1
    user = _compose(floor, text)
    digits, floor.digits = floor.digits, ""
    floor.ledger.clear()
    floor.state = State.THINKING
    return [
        EndTurn(floor.turn, floor.utterance.speech_end, str(reason), wait_s),
        *start_or_commit(floor, user, digits),
        *floor.stop_timer(Timer.IDLE),
        *floor.stop_timer(Timer.DIGITS),
        floor.start_timer(Timer.LAST_NET, net_s(floor, user, at)),
        *await_reply(floor),
    ]


def give_up_transcript(floor: Floor, event: TimerFired) -> list[Command]:
    """No words came for what the caller said: ask for it again."""
    until = floor.utterance.speech_end
    floor.utterance = Utterance()
    phrase = floor.config.phrases.did_not_catch
    return [
        *drop_guess(floor),
        CloseUtterance(until),
        *floor.say_and_listen(PhraseKind.DID_NOT_CATCH, phrase),
    ]


def talk_over(floor: Floor, event: SpeechStarted) -> list[Command]:
    """The caller speaks while the agent does, which does not stop the agent by itself."""
    floor.utterance.is_speaking = True
    floor.utterance.verdict = None
    return []


def note_overlap_pause(floor: Floor, event: SpeechPaused) -> list[Command]:
    """The caller paused while the agent goes on: get the words, they may matter."""
    return _ask_about_pause(floor, event)


def keep_aside(floor: Floor, event: TranscriptReceived) -> list[Command]:
    """Words said during the last reply came late: context for the next turn."""
    keep_transcript(floor, event)
    if not floor.utterance.has_speech or not floor.utterance.is_transcribed:
        return []
    return close_aside(floor)


def close_aside(floor: Floor) -> list[Command]:
    """File what was said during a reply as context and begin a new utterance."""
    until = floor.utterance.speech_end
    if _has_own_words(floor):
        floor.history.add_aside(floor.utterance.text)
    floor.utterance = Utterance()
    return [CloseUtterance(until)]


def press_digit(floor: Floor, event: DigitPressed) -> list[Command]:
    """A key: wait for more of them; `#` ends the sequence."""
    if event.digit != "#" and len(floor.digits) < MAX_DIGITS:
        floor.digits += event.digit
    return [
        *floor.stop_timer(Timer.IDLE),
        floor.start_timer(Timer.DIGITS, 0.0 if event.digit == "#" else DIGITS_WAIT_S),
    ]


def answer_digits(floor: Floor, event: TimerFired) -> list[Command]:
    """The key sequence is complete and nobody speaks: it is the caller's turn."""
    if not floor.digits:
        return [floor.start_timer(Timer.IDLE, floor.config.call.idle_s)]
    floor.utterance.speech_end = event.at
    return end_turn(floor, "", "digits", event.at)


def listen(floor: Floor) -> list[Command]:
    """Nobody speaks: wait for the caller, or ask after a while."""
    floor.state = State.LISTENING
    if floor.digits and Timer.DIGITS not in floor.tokens:
        return [floor.start_timer(Timer.DIGITS, 0.0)]
    if floor.has_untold and not floor.digits:
        return tell_late(floor)
    warning = [floor.start_timer(Timer.TIME_WARNING, 0.0)] if floor.owes_warning else []
    return [*warning, floor.start_timer(Timer.IDLE, floor.config.call.idle_s)]


def resume_after_reply(floor: Floor, at: float) -> list[Command]:
    """The agent has finished: see whether the caller is speaking or has just spoken.

    What ends within the last `OVERLAP_TURN_S` of the reply (or later) is the next turn, be it that
    the agent was silenced by it and had to finish after it; what was said before is context.
    """
    utterance = floor.utterance
    if utterance.is_speaking:
        floor.state = State.HEARING
        return watch_words(floor)
    is_last = utterance.is_answer or utterance.speech_end >= at - OVERLAP_TURN_S
    if utterance.has_speech and is_last:
        has_words = utterance.is_transcribed and _has_own_words(floor)
        if utterance.is_transcribed and not has_words and utterance.is_final:
            return _dismiss_noise(floor)
        floor.state = State.PAUSED
        return _await_end(floor, at) if has_words else [AwaitPause(floor.waits.unknown_s)]
    if utterance.has_speech and utterance.is_transcribed:
        return [*close_aside(floor), *listen(floor)]
    return listen(floor)


OVERLAP_TURN_S = 0.5
"""Speech that ends within this much of a reply's end is the caller's next turn (design)."""


def _hear_on(floor: Floor) -> list[Command]:
    """The caller speaks, by our own ear; what a provider said of the end may be too early."""
    floor.utterance.is_speaking = True
    floor.utterance.signal = None
    floor.state = State.HEARING
    return watch_words(floor)


def _ask_about_pause(floor: Floor, event: SpeechPaused) -> list[Command]:
    """What was said, and did it sound finished? Both are found out side by side."""
    utterance = floor.utterance
    utterance.is_speaking = False
    utterance.speech_end = event.speech_end
    utterance.probability = None
    utterance.awaits_judgement = bool(floor.tier.turn)
    judge = [JudgeTurn(event.speech_end)] if utterance.awaits_judgement else []
    return [Transcribe(event.speech_end), *judge]


def _await_end(floor: Floor, at: float) -> list[Command]:
    """The words are known: wait as long as is required, and begin the reply meanwhile."""
    user = _compose(floor, floor.utterance.text)
    required_s = _required_s(floor)
    guess_s = required_s - GUESS_AHEAD_S
    if may_guess(floor) and at - floor.utterance.speech_end + ROUNDING_S < guess_s:
        return [*drop_other_guess(floor, user), AwaitPause(guess_s)]
    return [*guess(floor, user), AwaitPause(required_s)]


def _required_s(floor: Floor) -> float:
    """How long the pause must be, in all, by everything that is known now."""
    utterance = floor.utterance
    return required_wait(
        utterance.text,
        floor.waits,
        closing=utterance.closing,
        probability=utterance.probability,
        signal=utterance.signal,
    )


def _has_own_words(floor: Floor) -> bool:
    """Whether the caller has said something: not noise, nor an echo of the agent's last words."""
    utterance = floor.utterance
    return bool(utterance.text) and not is_echo(utterance.text, utterance.over, SURE_ECHO_WORDS)


def _dismiss_noise(floor: Floor) -> list[Command]:
    until = floor.utterance.speech_end
    # Keys beside it may be asking already, and are asking again now.
    floor.utterance = Utterance(net=floor.utterance.net if floor.digits else None)
    return [*drop_guess(floor), CloseUtterance(until), *listen(floor)]


def _compose(floor: Floor, text: str) -> str:
    """The caller's words, and the keys pressed beside them, as the model is told of them."""
    keys = f"(I pressed {' '.join(floor.digits)} on the keypad.)" if floor.digits else ""
    return " ".join(part for part in (text, keys) if part)
