"""Words at the caller's ear, counted."""

from benches.replies import WORD_BYTES, SpokenReply, compare_words


def counts(said: str, heard: str) -> tuple[int, int, int]:
    """Words lost, heard twice, misheard."""
    found = compare_words(said, heard)
    assert found.text == heard
    return found.lost, found.twice, found.misheard


def test_the_same_words_are_whole() -> None:
    assert compare_words("We sell apples.", "we sell apples").is_whole


def test_lost_repeated_and_misheard_words_are_told_apart() -> None:
    said = "We sell apples and lemons"
    assert counts(said, "We sell and lemons") == (1, 0, 0)
    assert counts(said, "We sell apples apples and lemons") == (0, 1, 0)
    assert counts(said, "We sell apples and melons") == (0, 0, 1)
    assert counts(said, "We sell the apples and lemons") == (0, 0, 1)


def test_nothing_heard_is_everything_lost() -> None:
    assert counts("We sell apples", "") == (3, 0, 0)
    assert counts("", "hello there") == (0, 0, 2)


async def test_known_words_are_spoken_at_once_and_others_when_they_are_made() -> None:
    voice = SpokenReply()
    assert voice.speak("Apples and cheese.") == voice.speak("apples and cheese")
    assert len(voice.speak("Apples and cheese.")) == 3 * WORD_BYTES  # type: ignore[arg-type]
    made = voice.speak("The kettle is on.")
    assert not isinstance(made, bytes)
    assert [len(word) async for word in made] == 4 * [WORD_BYTES]
