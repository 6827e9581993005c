"""Every way in which a voice can fail, and which words the caller hears."""

import asyncio
from contextlib import aclosing

import pytest

from tests.engines.failover.models import DEADLINES
from tests.engines.failover.voices import (
    REQUEST,
    STALL,
    Fault,
    Heard,
    Saying,
    Unsent,
    WordVoice,
    saying,
    words_of,
)
from voxd.contracts import Delivery
from voxd.engines.failover.hedge import LAST
from voxd.errors import Category

TEXT = "We are open from nine to five on every single weekday of the year."
WORDS = TEXT.split()
NEXT = "Please come and see us soon."
EXTRA_S = 1.5
"""Most silence that a single failure may add."""


def check(it: Saying, heard: Heard) -> None:
    """No word twice, at most one lost, all in order, and soon enough."""
    words = heard.words(*it.voices)
    assert heard.error is None
    assert len(words) == len(set(words))
    assert words == [word for word in WORDS if word in words]
    assert len(words) >= len(WORDS) - 1, words
    assert heard.first_at is not None
    assert heard.first_at - 0.1 + heard.silence_s <= EXTRA_S


async def test_a_healthy_voice_is_the_only_one_asked() -> None:
    async with saying(a := WordVoice("a"), b := WordVoice("b")) as it:
        first, second = await it.say(TEXT, is_last=False), await it.say(NEXT)
        assert first.words(a) == WORDS
        assert second.words(a) == NEXT.split()
        assert (first.first_at, first.silence_s) == (0.1, 0.0)
        assert (a.last, b.texts) == ([False, True], [])
        assert (a.opened, b.opened) == (1, 0)
        assert it.board.results == [("a", 0.1), ("a", 0.1)]
        assert (it.board.errors, it.board.hedges, it.board.posted) == ([], [], [])


async def test_a_delivery_is_kept_by_the_next_voice_but_a_laugh_is_not_repeated() -> None:
    sad = Delivery("sad", 0.9, has_laughter=True)
    a = WordVoice("a", Fault(category=Category.SERVER), Fault(1.4, category=Category.SERVER))
    async with saying(a, b := WordVoice("b")) as it:
        await it.say(TEXT, delivery=sad)
        assert (a.deliveries, b.deliveries) == ([sad], [sad])
    a = WordVoice("a", Fault(1.4, category=Category.SERVER))
    async with saying(a, b := WordVoice("b")) as it:
        await it.say(TEXT, delivery=sad)
        assert (a.deliveries, b.deliveries) == ([sad], [Delivery("sad", 0.9)])


@pytest.mark.parametrize("category", list(Category))
async def test_a_refusal_moves_the_clause_at_once(category: Category) -> None:
    a = WordVoice("a", refuses=category, connect_s=0.05)
    async with saying(a, b := WordVoice("b")) as it:
        heard = await it.say(TEXT)
        check(it, heard)
        assert heard.words(b) == WORDS
        assert heard.first_at == 0.15
        assert it.board.errors == [("a", category)]
        assert it.board.switched == [("a", "b", category)]


FAULTS = {
    "stall before the first audio": WordVoice("a", Fault()),
    "a connection that hangs": WordVoice("a", connect_s=STALL),
    "an error in mid-sentence": WordVoice("a", Fault(1.4, category=Category.SERVER)),
    "a socket lost in mid-sentence": WordVoice("a", Fault(2.0, category=Category.CONNECTIVITY)),
    "a stall in mid-sentence": WordVoice("a", Fault(1.4)),
    "a stall in mid-sentence of a slow speaker": WordVoice("a", Fault(1.4), character_s=0.08),
    "a rate limit": WordVoice("a", Fault(category=Category.RATE_LIMIT)),
    "a fifth of the speed": WordVoice("a", speed=0.2),
    "a late beginning": WordVoice("a", first_s=0.55),
    "a beginning later than the hedge": WordVoice("a", first_s=0.79),
    "a pause that the hedge does not win": WordVoice("a", Fault(1.4, pause_s=0.35)),
    "the last word cut off": WordVoice("a", Fault(4.0, category=Category.SERVER)),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("has_times", [False, True])
async def test_no_word_is_spoken_twice_and_at_most_one_is_lost(name: str, has_times: bool) -> None:
    like = FAULTS[name]
    a = WordVoice(
        "a",
        *like.faults,
        first_s=like.first_s,
        speed=like.speed,
        connect_s=like.connect_s,
        has_times=has_times,
        # Without times the rate is what the clauses before were spoken at: here, the typical one.
        character_s=like.character_s if has_times else 1 / 15,
    )
    async with saying(a, WordVoice("b", first_s=0.3)) as it:
        check(it, await it.say(TEXT))


@pytest.mark.parametrize("tenths", range(1, 44))
@pytest.mark.parametrize("has_times", [False, True])
async def test_wherever_a_voice_breaks_the_sentence_is_spoken(tenths: int, has_times: bool) -> None:
    a = WordVoice("a", Fault(tenths / 10, category=Category.CONNECTIVITY), has_times=has_times)
    async with saying(a, WordVoice("b", character_s=0.05)) as it:
        heard = await it.say(TEXT)
        check(it, heard)
        assert it.board.switched == [("a", "b", Category.CONNECTIVITY)]


async def test_the_rate_of_a_voice_is_learned_from_its_whole_clauses() -> None:
    a = WordVoice("a", None, Fault(2.2, category=Category.SERVER), character_s=0.1)
    async with saying(a, WordVoice("b")) as it:
        await it.say(NEXT, is_last=False)
        check(it, await it.say(TEXT))


async def test_times_count_from_the_beginning_of_the_clause() -> None:
    a = WordVoice("a", None, Fault(2.2, category=Category.SERVER), character_s=0.1, has_times=True)
    async with saying(a, b := WordVoice("b")) as it:
        await it.say(NEXT, is_last=False)
        check(it, await it.say(TEXT))
        assert b.texts == ["to five on every single weekday of the year."]  # "nine" ends at 2.2 s


async def test_the_times_of_a_clauses_words_are_told_from_its_beginning() -> None:
    async with saying(WordVoice("a", character_s=0.1, has_times=True), WordVoice("b")) as it:
        for text in (NEXT, TEXT):
            await it.say(text, is_last=False)
            told = it.stream.words  # type: ignore[attr-defined]
            assert [word.word for word in told] == text.split()
            ends = [round(0.1 * (len(" ".join(text.split()[:n])) + 1), 3) for n in (1, 2)]
            assert [round(word.end_s, 3) for word in told[:2]] == ends


async def test_the_times_of_a_clause_of_two_voices_are_not_known() -> None:
    a = WordVoice("a", Fault(1.4, category=Category.SERVER), has_times=True)
    async with saying(a, WordVoice("b", has_times=True)) as it:
        await it.say(TEXT)
        assert it.stream.words == ()  # type: ignore[attr-defined]


async def test_the_cut_word_is_taken_back_and_spoken_whole_by_the_next_voice() -> None:
    a = WordVoice("a", Fault(1.4, category=Category.SERVER), has_times=True)
    async with saying(a, b := WordVoice("b"), outlet=(outlet := Unsent())) as it:
        heard = await it.say(TEXT)
        assert b.texts == ["nine to five on every single weekday of the year."]  # from 1.13 s
        assert outlet.mulaw(heard) == words_of(a, "We are open from") + words_of(b, b.texts[0])


async def test_a_voice_that_goes_on_after_all_speaks_its_broken_word_to_the_end() -> None:
    a = WordVoice("a", Fault(1.4, pause_s=0.38), has_times=True)
    async with saying(a, b := WordVoice("b"), outlet=(outlet := Unsent())) as it:
        heard = await it.say(TEXT)
        assert len(b.texts) == 1
        assert it.board.hedges == [("b", False)]
        assert outlet.mulaw(heard) == words_of(a, TEXT)


async def test_what_a_third_voice_says_comes_after_what_two_have_said() -> None:
    a = WordVoice("a", Fault(1.4, category=Category.SERVER), has_times=True)
    b = WordVoice("b", Fault(1.4, category=Category.SERVER), has_times=True)
    async with saying(a, b, c := WordVoice("c"), outlet=(outlet := Unsent())) as it:
        heard = await it.say(TEXT)
        said = [words_of(a, "We are open from"), words_of(b, "nine to five on")]
        assert c.texts == ["every single weekday of the year."]
        assert outlet.mulaw(heard) == b"".join([*said, words_of(c, c.texts[0])])


async def test_a_switch_is_kept_for_the_next_clause_and_the_next_reply() -> None:
    a = WordVoice("a", Fault(1.0, category=Category.SERVER))
    async with saying(a, b := WordVoice("b")) as it:
        await it.say(TEXT, is_last=False)
        assert it.tts.name == "b"
        heard = await it.say(NEXT)
        assert heard.words(b) == NEXT.split()
        assert (a.active, b.opened) == (0, 1)
    async with it.tts.open_speech(REQUEST) as stream:
        async for _ in stream.speak(TEXT, is_last=True):
            pass
    assert len(a.texts) == 1


async def test_a_won_hedge_is_a_switch_and_closes_the_loser() -> None:
    a = WordVoice("a", Fault())
    async with saying(a, WordVoice("b")) as it:
        heard = await it.say(TEXT)
        await asyncio.sleep(0.01)
        assert (a.active, a.speaking) == (0, 0)
        assert heard.first_at == 0.5  # soft deadline and its own 0.1
        assert it.board.hedges == [("b", True)]
        assert it.board.switched == [("a", "b", Category.TIMEOUT)]
        assert it.board.errors == []
        assert it.board.late == [("a", 0.5)]
        assert it.board.results == [("b", 0.1)]


async def test_a_hedge_in_vain_is_closed_and_counted() -> None:
    async with saying(a := WordVoice("a", first_s=0.45), b := WordVoice("b")) as it:
        heard = await it.say(TEXT, is_last=False)
        assert heard.words(a) == WORDS
        assert it.board.hedges == [("b", False)]
        assert it.board.switched == []
        await it.say(NEXT)
        assert a.opened == 1
        assert b.active == 0


async def test_a_stall_in_mid_sentence_is_hedged_from_the_next_word() -> None:
    a = WordVoice("a", Fault(1.4), has_times=True)
    async with saying(a, b := WordVoice("b")) as it:
        heard = await it.say(TEXT)
        check(it, heard)
        assert b.texts == ["to five on every single weekday of the year."]
        assert it.board.hedges == [("b", True)]
        assert it.board.late == [("a", 0.4)]  # soft deadline and what the other one takes
        assert it.tts.name == "b"


async def test_both_dead_is_the_last_ones_error() -> None:
    a = WordVoice("a", Fault(1.0, category=Category.SERVER))
    b = WordVoice("b", Fault(0.5, category=Category.OVERLOADED))
    async with saying(a, b) as it:
        heard = await it.say(TEXT)
    assert heard.error is not None
    assert (heard.error.engine, heard.error.category) == ("b", Category.OVERLOADED)
    assert it.board.errors == [("a", Category.SERVER), ("b", Category.OVERLOADED)]
    words = heard.words(a, b)
    assert len(words) == len(set(words)) > 3


async def test_all_dead_before_any_audio_is_an_error() -> None:
    refusing = [WordVoice(name, refuses=Category.CONNECTIVITY) for name in "abc"]
    async with saying(*refusing) as it:
        heard = await it.say(TEXT)
    assert heard.error is not None and heard.error.engine == "c"
    assert it.board.switched == [
        ("a", "b", Category.CONNECTIVITY),
        ("b", "c", Category.CONNECTIVITY),
    ]


async def test_an_only_voice_is_never_left_for_being_slow() -> None:
    async with saying(WordVoice("a", Fault(1.0, pause_s=5.0), first_s=3.0, speed=0.5)) as it:
        heard = await it.say(TEXT)
        assert heard.words(*it.voices) == WORDS
        assert it.board.errors == []


async def test_the_last_voice_is_given_longer_than_the_others() -> None:
    slow = WordVoice("b", Fault(1.0, pause_s=1.6), first_s=1.8, speed=0.5)
    async with saying(WordVoice("a", refuses=Category.SERVER), slow) as it:
        heard = await it.say(TEXT)
        assert heard.words(*it.voices) == WORDS
        assert it.board.errors == [("a", Category.SERVER)]


async def test_two_voices_that_stall_are_left_at_their_deadlines() -> None:
    async with saying(WordVoice("a", Fault()), WordVoice("b", Fault())) as it:
        begun_at = asyncio.get_running_loop().time()
        heard = await it.say(TEXT)
        assert heard.error is not None and heard.error.category is Category.TIMEOUT
        first_audio = DEADLINES.first_audio_s
        waited_s = asyncio.get_running_loop().time() - begun_at
        await asyncio.sleep(0.01)
        assert waited_s == pytest.approx(first_audio.soft_s + LAST * first_audio.hard_s)
        assert it.board.errors == [("a", Category.TIMEOUT), ("b", Category.TIMEOUT)]


async def test_a_voice_that_never_ends_its_clause_is_left_without_a_word() -> None:
    a = WordVoice("a", Fault(4.4))  # in the pause behind the last word
    async with saying(a, b := WordVoice("b")) as it:
        heard = await it.say(TEXT, is_last=False)
        assert heard.error is None
        assert b.texts == []
        assert it.board.errors == [("a", Category.TIMEOUT)]
        assert (await it.say(NEXT)).words(b) == NEXT.split()


async def test_a_clause_without_any_audio_is_tried_elsewhere() -> None:
    a = WordVoice("a", character_s=0.0)
    async with saying(a, b := WordVoice("b")) as it:
        assert (await it.say(TEXT)).words(b) == WORDS
        assert it.board.errors == [("a", Category.SERVER)]


async def test_a_clause_that_nobody_can_voice_is_no_error() -> None:
    async with saying(WordVoice("a", character_s=0.0)) as it:
        heard = await it.say(TEXT)
        assert (heard.mulaw, heard.error) == (b"", None)


async def test_a_clause_that_is_given_up_stops_its_voices() -> None:
    a, b = WordVoice("a", Fault(stays=True)), WordVoice("b", first_s=STALL)
    async with saying(a, b) as it:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(it.say(TEXT))
            await asyncio.sleep(0.45)
            assert (a.speaking, b.speaking) == (1, 1)
            task.cancel()
        await asyncio.sleep(0.01)
        assert (a.active, b.active) == (0, 0)


async def test_closing_a_clause_early_leaves_the_stream_usable() -> None:
    async with saying(a := WordVoice("a"), WordVoice("b")) as it:
        async with aclosing(it.stream.speak(TEXT, is_last=False)) as pieces:  # type: ignore[type-var]
            async for _ in pieces:
                break
        assert (await it.say(NEXT)).words(a) == NEXT.split()
        assert a.opened == 2


async def test_a_hard_deadline_leaves_a_voice_whose_hedge_is_slow_as_well() -> None:
    async with saying(WordVoice("a", Fault()), WordVoice("b", first_s=0.6)) as it:
        heard = await it.say(TEXT)
        hard_s = DEADLINES.first_audio_s.hard_s
        assert heard.first_at is not None and heard.first_at > hard_s
        assert it.board.errors == [("a", Category.TIMEOUT)]
        assert it.board.switched == [("a", "b", Category.TIMEOUT)]
        assert it.board.hedges == [("b", True)]
