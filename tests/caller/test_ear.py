import pytest

from tests.caller.agent import tone
from voxd.caller.ear import Ear, Sound

SILENCE = b"\xff"


def silence(ms: int) -> bytes:
    return SILENCE * (8 * ms)


def hear(ear: Ear, mulaw: bytes, start: float, size: int = 160) -> float:
    for offset in range(0, len(mulaw), size):
        piece = mulaw[offset : offset + size]
        ear.hear(piece, start + offset / 8000)
    return start + len(mulaw) / 8000


@pytest.mark.parametrize("size", [80, 160, 161, 4000])
def test_onset_is_found_behind_leading_silence(size: int) -> None:
    ear = Ear()
    hear(ear, silence(300) + tone(200), 1.0, size)
    assert ear.onset_after(0.0) == pytest.approx(1.3, abs=0.011)
    sounds = ear.sounds(10.0)
    assert len(sounds) == 1
    assert sounds[0].end == pytest.approx(1.5, abs=0.011)


def test_quiet_grows_after_the_last_sound_and_is_zero_while_sound_is_due() -> None:
    ear = Ear()
    assert ear.quiet_s(0.4) == 0.4
    hear(ear, tone(200) + silence(500), 1.0)
    assert ear.quiet_s(1.1) == 0.0
    assert ear.quiet_s(1.6) == pytest.approx(0.4)


def test_pause_between_sentences_does_not_begin_a_sound() -> None:
    ear = Ear()
    hear(ear, tone(200) + silence(500) + tone(200), 0.0)
    assert len(ear.sounds(9.0)) == 1


def test_long_silence_in_endless_media_begins_a_sound() -> None:
    ear = Ear()
    hear(ear, tone(200) + silence(700) + tone(200), 0.0)
    assert [round(sound.start, 2) for sound in ear.sounds(9.0)] == [0.0, 0.9]


def test_dry_buffer_begins_a_sound_sooner() -> None:
    ear = Ear()
    end = hear(ear, tone(200), 0.0)
    end = hear(ear, tone(200), end + 0.2)
    assert len(ear.sounds(9.0)) == 1
    hear(ear, tone(200), end + 0.3)
    assert len(ear.sounds(9.0)) == 2


def test_clear_cuts_what_sounds_and_separates_what_comes() -> None:
    ear = Ear()
    hear(ear, tone(1000), 0.0)
    ear.clear(0.4)
    hear(ear, tone(200), 0.41)
    assert ear.sounds(9.0) == [
        Sound(0.0, 0.4),
        Sound(pytest.approx(0.41), pytest.approx(0.61), is_after_clear=True),
    ]


def test_onset_after_skips_what_began_before() -> None:
    ear = Ear()
    hear(ear, tone(1000), 0.0)
    assert ear.onset_after(0.5) is None
    hear(ear, tone(100), 2.0)
    hear(ear, tone(100), 3.0)
    assert ear.onset_after(0.5) == 2.0


def test_what_was_never_played_was_never_heard() -> None:
    ear = Ear()
    hear(ear, tone(1000), 0.0)
    hear(ear, tone(1000), 5.0)
    assert ear.sounds(0.5) == [Sound(0.0, 0.5)]
