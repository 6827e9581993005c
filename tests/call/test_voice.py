"""One attempt's audio between the replier and the speaker."""

import pytest

from voxd.call.voice import Voice
from voxd.contracts import Priority


def make_voice() -> tuple[Voice, list[int]]:
    woken: list[int] = []
    return Voice(1, True, lambda: woken.append(1)), woken


def test_frames_are_whole_and_a_clause_ends_padded() -> None:
    voice, woken = make_voice()
    voice.begin_clause(0, "a")
    voice.write(b"\x01" * 100)
    assert woken == []
    voice.write(b"\x01" * 100)
    assert voice.current is not None
    assert list(voice.current.frames) == [b"\x01" * 160]
    voice.end_clause()
    assert voice.current.frames[1] == b"\x01" * 40 + b"\xff" * 120
    assert voice.unsent_s == pytest.approx(0.04)
    assert woken


def test_it_is_sent_once_it_has_ended_and_holds_no_clause() -> None:
    voice, _ = make_voice()
    assert not voice.is_sent
    voice.begin_clause(0, "a")
    voice.end_clause()
    voice.end()
    assert not voice.is_sent
    voice.clauses.popleft()
    assert voice.is_sent


def test_a_dropped_voice_takes_nothing_more() -> None:
    voice, _ = make_voice()
    voice.begin_clause(0, "a")
    voice.write(b"\x01" * 1600)
    voice.drop()
    voice.write(b"\x01" * 1600)
    voice.end_clause()
    voice.begin_clause(1, "b")
    assert voice.current is None
    assert voice.unsent_s == 0
    assert voice.has_room.is_set()


def test_a_clause_that_broke_off_without_sound_never_was() -> None:
    voice, _ = make_voice()
    voice.begin_clause(0, "a")
    voice.break_off()
    assert voice.current is None
    assert voice.clause_count == 0


def test_breaking_off_after_a_whole_clause_leaves_it_whole() -> None:
    voice, _ = make_voice()
    voice.begin_clause(0, "a")
    voice.write(b"\x01" * 1600)
    voice.end_clause()
    voice.break_off()
    assert voice.current is not None
    assert voice.current.is_whole


def test_a_muted_voice_forgets_and_takes_nothing_before_it_is_unmuted() -> None:
    voice, _ = make_voice()
    voice.begin_clause(0, "a")
    voice.write(b"\x01" * 1650)
    voice.mute()
    for _ in range(2):  # what the attempt before still does
        voice.write(b"\x01" * 1600)
        voice.end_clause()
        voice.break_off()
        voice.begin_clause(1, "b")
    assert (voice.current, voice.clause_count, voice.unsent_s) == (None, 0, 0)
    voice.unmute()
    voice.begin_clause(0, "c")
    voice.write(b"\x02" * 160)
    assert voice.current is not None
    assert list(voice.current.frames) == [b"\x02" * 160]  # nothing of the cut frame
    assert voice.clause_count == 1


# --- taking back --------------------------------------------------------------------------------


def speaking() -> Voice:
    """A voice in the middle of a clause: 0.1 s of one sound was sent, 0.13 s of another was not."""
    voice, _ = make_voice()
    voice.begin_clause(0, "a")
    voice.write(b"\x01" * 800 + b"\x02" * 1040)
    clause = voice.current
    assert clause is not None
    clause.sent_s += len(voice.take_frames(clause, 5)) / 8000
    return voice


def unsent(voice: Voice) -> bytes:
    """What would be sent of a clause that ended now."""
    voice.end_clause()
    assert voice.current is not None
    return b"".join(voice.current.frames).rstrip(b"\xff")


def test_what_was_not_sent_can_be_held_back_to_the_sample() -> None:
    voice = speaking()
    assert voice.sent_s == pytest.approx(0.1)
    assert voice.hold_back(0.2) == pytest.approx(0.2)
    assert unsent(voice) == b"\x02" * 800


def test_what_was_sent_cannot_be_held_back() -> None:
    voice = speaking()
    assert voice.hold_back(0.05) == pytest.approx(0.1)
    assert unsent(voice) == b""


def test_more_than_there_is_is_held_back_by_nobody() -> None:
    voice = speaking()
    assert voice.hold_back(9.0) == pytest.approx(0.23)
    assert unsent(voice) == b"\x02" * 1040


def test_what_is_released_sounds_as_if_it_had_never_been_held_back() -> None:
    voice = speaking()
    voice.hold_back(0.15)
    voice.hold_back(0.2)
    voice.release()
    voice.write(b"\x03" * 160)
    assert unsent(voice) == b"\x02" * 1040 + b"\x03" * 160


def test_new_audio_replaces_what_is_held_back() -> None:
    voice = speaking()
    voice.hold_back(0.15)
    voice.write(b"\x03" * 160)
    voice.release()
    assert unsent(voice) == b"\x02" * 400 + b"\x03" * 160


def test_between_clauses_there_is_nothing_to_hold_back() -> None:
    voice = speaking()
    voice.end_clause()
    assert voice.sent_s == 0.0
    assert voice.hold_back(0.0) == 0.0
    assert voice.unsent_s > 0.1


def test_a_commit_makes_all_its_work_urgent_and_lets_what_waits_for_room_go_on() -> None:
    voice, _ = make_voice()
    assert voice.urgency.priority is Priority.SPECULATION
    voice.commit()
    assert voice.is_committed
    assert voice.urgency.priority is Priority.COMMITTED
    assert voice.has_room.is_set()
