import pytest

from voxd.caller.playback import Playback

SECOND = b"\x10" * 8000


def test_audio_plays_from_receipt_or_behind_what_plays() -> None:
    playback = Playback()
    assert playback.write(SECOND, 1.0) == 1.0
    assert playback.write(SECOND, 1.2) == 2.0
    assert playback.ends_at == 3.0
    assert playback.write(SECOND, 5.0) == 5.0
    assert [(run.start, run.end) for run in playback.runs] == [(1.0, 3.0), (5.0, 6.0)]


def test_mark_comes_back_when_playback_reaches_it() -> None:
    playback = Playback()
    playback.write(SECOND, 0.0)
    playback.mark("a", 0.1)
    playback.write(SECOND, 0.2)
    playback.mark("b", 0.2)
    assert playback.next_mark_at == 1.0
    assert playback.take_marks(0.99) == []
    assert playback.take_marks(1.0) == ["a"]
    assert playback.take_marks(1.5) == []
    assert playback.take_marks(2.5) == ["b"]
    assert playback.next_mark_at is None


def test_mark_on_an_empty_buffer_comes_back_at_once() -> None:
    playback = Playback()
    playback.mark("first", 0.5)
    assert playback.take_marks(0.5) == ["first"]
    playback.write(SECOND, 1.0)
    playback.mark("late", 4.0)
    assert playback.take_marks(4.0) == ["late"]


def test_clear_drops_the_buffer_and_returns_all_marks_in_order() -> None:
    playback = Playback()
    for name in ("a", "b"):
        playback.write(SECOND, 0.0)
        playback.mark(name, 0.0)
    assert playback.clear(0.25) == ["a", "b"]
    assert playback.marks_outstanding == 0
    assert playback.ends_at == 0.25
    assert len(playback.runs[0].mulaw()) == 2000
    assert playback.take_marks(10.0) == []


def test_audio_after_a_clear_plays_at_once_and_remembers_why() -> None:
    playback = Playback()
    playback.write(SECOND, 0.0)
    playback.clear(0.5)
    assert playback.write(SECOND, 0.5) == 0.5
    playback.write(SECOND, 2.0)
    assert [run.is_after_clear for run in playback.runs] == [False, True, False]


def test_clear_removes_what_has_not_begun() -> None:
    playback = Playback()
    playback.write(SECOND, 1.0)
    assert playback.clear(1.0) == []
    assert playback.runs == []
    assert playback.ends_at == 0.0


@pytest.mark.parametrize("size", [1, 33, 160, 401])
def test_any_cutting_plays_without_a_stop(size: int) -> None:
    playback = Playback()
    for start in range(0, 8000, size):
        playback.write(SECOND[start : start + size], 0.3)
    assert len(playback.runs) == 1
    assert playback.ends_at == pytest.approx(1.3)
    assert playback.runs[0].mulaw() == SECOND
