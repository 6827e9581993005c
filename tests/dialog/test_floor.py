"""Small steps on a conversation's state."""

from tests.dialog.playbook import Playbook
from voxd.commands import PhraseKind, Say, StopTimer
from voxd.dialog.floor import Utterance
from voxd.events import Timer


def test_ids_are_unique_over_replies_and_phrases() -> None:
    floor = Playbook().brain._floor
    first, *_ = floor.say(PhraseKind.REPROMPT, "Hello?", begins_within_s=1.0)
    assert isinstance(first, Say)
    ids = [first.reply_id, floor.next_reply_id(), floor.next_reply_id()]
    assert len(set(ids)) == 3


def test_a_timer_that_does_not_run_needs_no_stopping() -> None:
    floor = Playbook().brain._floor
    assert floor.stop_timer(Timer.IDLE) == []
    floor.start_timer(Timer.IDLE, 1.0)
    assert floor.stop_timer(Timer.IDLE) == [StopTimer(Timer.IDLE)]
    assert floor.stop_timer(Timer.IDLE) == []


def test_each_timer_has_a_new_token() -> None:
    floor = Playbook().brain._floor
    tokens = [floor.start_timer(Timer.IDLE, 1.0).token for _ in range(3)]
    assert len(set(tokens)) == 3


def test_an_utterance_is_transcribed_when_its_text_reaches_its_end() -> None:
    utterance = Utterance(text="hi", through=2.0, speech_end=2.5)
    assert utterance.has_speech and not utterance.is_transcribed
    utterance.through = 2.49
    assert utterance.is_transcribed
    utterance.is_speaking = True
    assert not utterance.is_transcribed
