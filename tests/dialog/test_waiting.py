"""What the caller says while the reply is being made, before and after a filler."""

from tests.dialog.playbook import PATIENT, Playbook, expect
from voxd.commands import (
    AwaitPause,
    ClearPlayback,
    CloseUtterance,
    DropReply,
    Message,
    Say,
    StartReply,
    StopTimer,
    Transcribe,
)
from voxd.dialog.floor import State
from voxd.errors import Category, Phase
from voxd.events import (
    ClauseSent,
    ClauseStarted,
    EngineFailed,
    Kind,
    PauseReached,
    PlaybackFinished,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TranscriptReceived,
    TurnJudged,
)

QUESTION = "What time do you open?"
ASKED_UNTIL = 3.0
ASIDE_UNTIL = 8.0


class Waiting(Playbook):
    """A turn whose reply is late."""

    def __init__(self, is_bridged: bool = True, tier: object = PATIENT) -> None:
        super().__init__(tier)  # type: ignore[arg-type]
        self.greeted().said(QUESTION, 2.0, ASKED_UNTIL)
        self.send(TurnJudged(3.2, ASKED_UNTIL, 0.9))
        self.send(PauseReached(4.2, ASKED_UNTIL, 1.2))
        self.reply = self.brain._floor.last_reply_id
        if is_bridged:
            (say,) = self.fire(Timer.FILLER, 6.5)
            assert isinstance(say, Say)
            self.filler = say
            commands = self.send(ClauseStarted(7.0, say.reply_id, 0, say.text, 7.0, False))
            assert commands == [CloseUtterance(ASKED_UNTIL)]

    def says(self, text: str, *, is_final: bool = True) -> list[object]:
        """The caller says something to the filler; what the words bring about."""
        assert self.send(SpeechStarted(7.6, 7.5)) == []
        assert self.send(SpeechPaused(8.1, ASIDE_UNTIL))[0] == Transcribe(ASIDE_UNTIL)
        return list(self.send(TranscriptReceived(8.2, text, ASIDE_UNTIL, is_final, "stt")))

    def answers(self, at: float = 9.0) -> None:
        self.send(ClauseStarted(at, self.reply, 0, "At nine.", at, True))

    @property
    def history(self) -> list[str]:
        return [message.content for message in self.brain._floor.history.prompt()[1:]]


def test_before_a_filler_the_turn_simply_continues() -> None:
    book = Waiting(is_bridged=False)
    assert book.send(SpeechStarted(4.5, 4.4))[0] == DropReply(book.reply)
    assert book.brain.state is State.HEARING


def test_words_that_are_revised_after_the_end_of_the_turn_come_too_late() -> None:
    for is_bridged in (False, True):
        book = Waiting(is_bridged)
        revised = TranscriptReceived(7.1, "What time do you close?", ASKED_UNTIL, True, "stt")
        assert book.send(revised) == []
        assert book.send(SpeechPaused(7.2, ASKED_UNTIL))[1:] == []
        assert book.brain.state is State.THINKING


def test_an_okay_to_a_filler_leaves_the_reply_alone() -> None:
    for text in ("Okay.", "Uh-huh, sure.", "", "Let me check that for you."):
        book = Waiting()
        assert book.says(text) == [CloseUtterance(ASIDE_UNTIL)]
        assert book.brain.state is State.THINKING
        book.answers()
        assert book.brain.state is State.SPEAKING
        assert book.history == [QUESTION]
        assert book.all_of(CloseUtterance)[-1] == CloseUtterance(ASIDE_UNTIL)


def test_thanks_to_a_filler_leave_the_reply_alone() -> None:
    for text in ("Okay, thank you.", "Thanks.", "Gracias.", "No problem.", "Sure, take your time."):
        book = Waiting()
        assert book.says(text) == [CloseUtterance(ASIDE_UNTIL)]
        assert book.brain.state is State.THINKING


def test_a_fragment_that_turns_out_to_be_nothing_costs_no_reply() -> None:
    """A cough, at first heard as a word: the question must not be lost with it."""
    for is_speaking in (False, True):
        book = Waiting()
        book.send(SpeechStarted(7.6, 7.5))
        if is_speaking:
            assert book.send(TranscriptReceived(7.9, "the", 7.8, False, "stt")) == []
            assert book.send(TranscriptReceived(8.0, "the cat", 7.9, False, "stt")) == []
        book.send(SpeechPaused(8.1, ASIDE_UNTIL))
        assert book.send(TranscriptReceived(8.2, "the", ASIDE_UNTIL, False, "stt")) == []
        nothing = TranscriptReceived(8.4, "", ASIDE_UNTIL, True, "stt")
        assert book.send(nothing) == [CloseUtterance(ASIDE_UNTIL)]
        assert book.brain.state is State.THINKING
        book.answers()
        assert book.brain.state is State.SPEAKING
        assert book.history == [QUESTION]


def test_a_final_of_the_first_words_does_not_settle_the_others() -> None:
    book = Waiting()
    book.send(SpeechStarted(7.6, 7.5))
    book.send(SpeechPaused(8.1, ASIDE_UNTIL))
    assert book.send(TranscriptReceived(8.2, "On", 7.7, True, "stt")) == []
    final = TranscriptReceived(8.3, "On Sundays.", ASIDE_UNTIL, True, "stt")
    assert book.send(final)[0] == DropReply(book.reply)


def test_words_that_may_be_revised_are_waited_for() -> None:
    book = Waiting()
    assert book.says("Okay.", is_final=False) == []
    more = TranscriptReceived(8.4, "Okay, but on Sundays?", ASIDE_UNTIL, True, "stt")
    assert book.send(more)[0] == DropReply(book.reply)


def test_other_words_join_the_question() -> None:
    book = Waiting()
    commands = book.says("On Sundays, I mean.")
    assert commands[:4] == [
        DropReply(book.reply),
        DropReply(book.filler.reply_id),
        ClearPlayback(),
        StopTimer(Timer.LAST_NET),
    ]
    assert isinstance(commands[-1], AwaitPause)
    assert book.brain.state is State.PAUSED
    book.send(PauseReached(9.2, ASIDE_UNTIL, 1.2))
    assert book.brain.state is State.THINKING
    again = book.all_of(StartReply)[-1]
    assert again.turn == 1
    assert again.messages[-1] == Message("user", f"{QUESTION} On Sundays, I mean.")
    assert Timer.FILLER not in book.brain._floor.tokens  # one was said for this turn
    book.reply = again.reply_id
    book.answers(10.0)
    assert book.history == [f"{QUESTION} On Sundays, I mean."]


def test_words_while_the_caller_still_speaks_are_enough() -> None:
    book = Waiting()
    book.send(SpeechStarted(7.6, 7.5))
    interim = TranscriptReceived(8.0, "No wait, I need", 7.9, False, "stt")
    assert book.send(interim)[0] == DropReply(book.reply)
    assert book.brain.state is State.HEARING


def test_a_sound_that_is_never_explained_costs_nothing() -> None:
    book = Waiting()
    book.send(SpeechStarted(7.6, 7.5))
    book.answers()
    assert book.brain.state is State.SPEAKING
    assert book.all_of(CloseUtterance) == [CloseUtterance(ASKED_UNTIL)]
    # The caller still speaks when the reply has been heard: their turn.
    book.send(ClauseSent(9.5, book.reply, 0, 1.0))
    book.send(PlaybackFinished(10.0, book.reply))
    assert book.brain.state is State.HEARING


def test_a_judgement_of_what_was_said_to_a_filler_is_remembered() -> None:
    """Else the turn would wait for it for ever."""
    book = Waiting(tier=PATIENT.model_copy(update={"turn": ("turn",)}))
    book.send(SpeechStarted(7.6, 7.5))
    book.send(SpeechPaused(8.1, ASIDE_UNTIL))
    assert book.send(TurnJudged(8.15, ASIDE_UNTIL, 0.9)) == []
    words = TranscriptReceived(8.2, "On Sundays, I mean.", ASIDE_UNTIL, True, "stt")
    book.send(words)
    book.send(PauseReached(9.2, ASIDE_UNTIL, 1.2))
    assert book.brain.state is State.THINKING
    assert book.brain._floor.turn == 1


def test_an_apology_after_a_filler_keeps_the_question() -> None:
    book = Waiting()
    error = EngineFailed(8.0, Kind.LLM, "llm", Category.SERVER, Phase.STREAM, book.reply)
    commands = book.send(error)
    assert expect(Say, text=book.config.phrases.too_slow).matches(commands[-2])
    assert book.all_of(CloseUtterance) == [CloseUtterance(ASKED_UNTIL)]
    assert book.history == [QUESTION]
