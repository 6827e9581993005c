import pytest

from voxd.call.turns.patience import SLACK_S, SLOWEST, SPEECH_S, Patience

SILENCE_S, TIMEOUT_S = 5.0, 1.0
SHORT_S = SILENCE_S + TIMEOUT_S + SLACK_S


@pytest.fixture
def patience() -> Patience:
    return Patience(SILENCE_S, TIMEOUT_S)


def test_a_listening_ends_by_silence(patience: Patience) -> None:
    assert patience.listening_s(0.0) == SHORT_S


def test_what_is_said_before_may_take_longer_than_it_is_believed_to(patience: Patience) -> None:
    assert patience.listening_s(10.0) == 10.0 * SLOWEST + SHORT_S
    assert patience.coming_back_s(10.0, 1.0) == 10.0 * SLOWEST + 1.0 + SLACK_S


def test_who_tells_no_words_so_far_may_be_listening_to_a_minute_of_speech(
    patience: Patience,
) -> None:
    patience.note_result(has_speech=True)
    assert patience.listening_s(0.0) == SHORT_S + SPEECH_S
    patience.note_result(has_speech=False)
    assert patience.listening_s(0.0) == SHORT_S + SPEECH_S


def test_who_has_told_words_so_far_will_again(patience: Patience) -> None:
    patience.note_partial()
    patience.note_result(has_speech=True)
    assert patience.listening_s(0.0) == SHORT_S
    patience.note_result(has_speech=True)
    assert patience.listening_s(0.0) == SHORT_S + SPEECH_S
    patience.note_partial()
    assert patience.listening_s(0.0) == SHORT_S


def test_a_result_without_words_tells_nothing(patience: Patience) -> None:
    patience.note_result(has_speech=False)
    assert patience.listening_s(0.0) == SHORT_S
