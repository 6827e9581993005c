"""A signal is told once for the same words, and never without words."""

from voxd.engines.stt.turn_signals import TurnSignals
from voxd.events import TurnSignal

EAGER, RESUMED, END = TurnSignal.EAGER_END, TurnSignal.RESUMED, TurnSignal.END


def test_an_end_may_follow_an_eager_end_of_the_same_words() -> None:
    signals = TurnSignals()
    assert signals.weigh(EAGER, "Hello.") is EAGER
    assert signals.weigh(END, "Hello.") is END


def test_nothing_is_told_twice() -> None:
    signals = TurnSignals()
    assert signals.weigh(END, "Hello.") is END
    assert signals.weigh(END, "Hello.") is None
    assert signals.weigh(EAGER, "Hello.") is None
    assert signals.weigh(END, "Hello. And goodbye.") is END


def test_silence_has_no_turn() -> None:
    signals = TurnSignals()
    assert signals.weigh(EAGER, "") is None
    assert signals.weigh(END, "") is None
    assert signals.weigh(None, "Hello.") is None


def test_only_an_eager_end_can_be_taken_back() -> None:
    signals = TurnSignals()
    assert signals.weigh(RESUMED, "Hello") is None
    assert signals.weigh(EAGER, "Hello") is EAGER
    assert signals.weigh(RESUMED, "Hello") is RESUMED
    assert signals.weigh(RESUMED, "Hello") is None
    assert signals.weigh(EAGER, "Hello") is EAGER


def test_a_new_utterance_begins_afresh() -> None:
    signals = TurnSignals()
    signals.weigh(END, "Yes.")
    signals.forget()
    assert signals.weigh(END, "Yes.") is END
