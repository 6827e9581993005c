import pytest

from voxd.call.clauses import Written
from voxd.call.turns.script import Part, TurnScript
from voxd.call.voice import Voice
from voxd.dialog.playout import SPOKEN_CHARACTERS_PER_S
from voxd.twilio.turns import Spoken

NOW = 1000.0


def a_part(
    reply_id: int,
    *texts: str,
    is_written: bool = True,
    is_committed: bool = True,
    is_filler: bool = False,
) -> Part:
    voice = Voice(reply_id, is_reply=True, on_audio=lambda: None)
    if is_committed:
        voice.commit()
    clauses = [Written(number, text, text) for number, text in enumerate(texts)]
    return Part(voice, clauses, is_written=is_written, is_filler=is_filler)


def a_script(*parts: Part) -> TurnScript:
    script = TurnScript()
    for part in parts:
        script._parts.append(part)
    return script


def test_what_is_committed_is_said_in_order_and_once() -> None:
    script = a_script(a_part(1, "One.", "Two."), a_part(2, "Three."))
    assert script.take(NOW) == [Spoken("One."), Spoken("Two."), Spoken("Three.")]
    assert script.take(NOW) == []


def test_a_guess_is_not_said_before_its_commit() -> None:
    guess = a_part(1, "Yes.", is_committed=False)
    script = a_script(guess)
    assert not script.has_words
    assert script.take(NOW) == []
    guess.voice.commit()
    assert script.take(NOW) == [Spoken("Yes.")]


def test_a_reply_is_said_as_far_as_it_is_written() -> None:
    part = a_part(1, "One.", is_written=False)
    script = a_script(part)
    assert script.take(NOW) == [Spoken("One.")]
    assert script.is_making and script.end_taken() == []
    part.clauses.append(Written(1, "Two.", "Two."))
    part.is_written = True
    assert script.take(NOW) == [Spoken("Two.")]
    assert not script.is_making and script.end_taken() == [part]


def test_a_guess_that_is_being_written_keeps_nobody_waiting() -> None:
    assert not a_script(a_part(1, is_written=False, is_committed=False)).is_making


def test_a_filler_bridges_to_a_reply_and_is_left_out_when_that_has_come() -> None:
    filler = a_part(2, "One moment.", is_filler=True)
    reply = a_part(1, is_written=False)
    script = a_script(reply, filler)
    assert not script.has_words
    assert script.take(NOW) == [Spoken("One moment.")]
    late = a_part(3, "Another moment.", is_filler=True)
    script._parts.append(late)
    reply.clauses.append(Written(0, "Yes.", "Yes."))
    assert script.take(NOW) == [Spoken("Yes.")]
    assert script.find(3) is None


def test_keys_are_pressed_behind_the_words_before_them() -> None:
    keys = a_part(0)
    keys.digits = "12"
    script = a_script(a_part(1, "Here."), keys)
    assert script.take(NOW) == [Spoken("Here."), Spoken(digits="12")]
    assert script.take(NOW) == []


def test_clauses_are_heard_one_after_the_other() -> None:
    script = a_script(a_part(1, "a" * 30, "b" * 15, "c" * 15))
    script.take(NOW)
    assert script.plays_until == pytest.approx(NOW + 60 / SPOKEN_CHARACTERS_PER_S)
    assert [begun.clause.number for begun in script.begin(NOW)] == [0]
    assert [begun.clause.number for begun in script.begin(NOW + 2.5)] == [1]
    (last,) = script.begin(float("inf"))
    assert last.heard_at == pytest.approx(NOW + 3)


def test_a_reply_has_begun_once_it_was_taken_though_a_phrase_goes_before_it() -> None:
    script = a_script(a_part(1, "a" * 30), a_part(2, "b" * 30, "c"))
    script.take(NOW)
    assert [(b.part.reply_id, b.clause.number) for b in script.begin(NOW)] == [(1, 0), (2, 0)]


def test_a_part_that_is_dropped_is_not_said() -> None:
    part = a_part(1, "One.")
    script = a_script(part)
    script.remove(part)
    script.remove(part)
    assert script.take(NOW) == [] and script.find(1) is None


def test_a_phrase_is_committed_from_the_beginning_and_a_guess_is_not() -> None:
    script = TurnScript()
    assert script.open(1).voice.is_committed
    guess = script.open(2, is_reply=True, is_committed=False)
    assert not guess.voice.is_committed and guess.voice.is_reply
    assert script.find(2) is guess
