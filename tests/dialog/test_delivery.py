"""What an agent's manner comes to, and clauses with their delivery."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialog.playbook import TIER
from voxd.config import Agent, Tier
from voxd.contracts import EMOTIONS, PLAIN, Delivery
from voxd.dialog.delivery import (
    PLAINLY,
    ClauseReader,
    Manner,
    choose_manner,
    describe_tags,
)

AGENT = Agent(emotion="content", speed=1.1, volume=0.9, emotion_presets=("content", "sad"))
SAD = '<emotion value="sad"/>'


def tier(emotions: str) -> Tier:
    return TIER.model_copy(update={"emotions": emotions})


PRESETS = choose_manner(AGENT, tier("presets"))
FULL = choose_manner(AGENT, tier("full"))


def clauses(manner: Manner, text: str, step: int = 3) -> list[tuple[str, Delivery]]:
    reader = ClauseReader(manner)
    pieces = [text[at : at + step] for at in range(0, len(text), step)]
    found = [clause for piece in pieces for clause in reader.feed(piece)] + reader.finish()
    return [(clause.text, clause.delivery) for clause in found]


def test_speed_and_volume_are_the_agents_and_emotions_the_tiers() -> None:
    assert choose_manner(AGENT, tier("none")) == Manner(Delivery("", 1.1, 0.9))
    assert PRESETS == Manner(Delivery("content", 1.1, 0.9), ("content", "sad"))
    assert set(FULL.emotions) == EMOTIONS and FULL.is_free
    assert choose_manner(Agent(), TIER) == PLAINLY


def test_a_tag_holds_to_the_next() -> None:
    text = f'Good day to you. {SAD}I am sorry. Very sorry. <emotion value="happy"/>But wait!'
    own = FULL.own
    assert clauses(FULL, text) == [
        ("Good day to you.", own),
        ("I am sorry.", Delivery("sad", 1.1, 0.9)),
        ("Very sorry.", Delivery("sad", 1.1, 0.9)),
        ("But wait!", Delivery("happy", 1.1, 0.9)),
    ]


def test_a_closing_tag_brings_back_the_agents_own() -> None:
    assert clauses(FULL, f"{SAD}I am sorry.</emotion> So we go on.") == [
        ("I am sorry.", Delivery("sad", 1.1, 0.9)),
        ("So we go on.", FULL.own),
    ]


def test_a_tag_within_a_sentence_begins_a_clause() -> None:
    assert clauses(FULL, f"Oh {SAD} no") == [
        ("Oh", FULL.own),
        ("no", Delivery("sad", 1.1, 0.9)),
    ]


def test_presets_allow_the_agents_words_and_nothing_else() -> None:
    text = (
        f'{SAD}One of it. <emotion value="angry"/>Two of it. <speed ratio="0.5"/>[laughter]Three.'
    )
    assert clauses(PRESETS, text) == [
        ("One of it.", Delivery("sad", 1.1, 0.9)),
        ("Two of it.", Delivery("sad", 1.1, 0.9)),
        ("Three.", Delivery("sad", 1.1, 0.9)),
    ]


def test_without_emotions_tags_go_and_do_nothing() -> None:
    text = f"{SAD}One [laughter] of it. <speed ratio=0.5>Two."
    assert clauses(PLAINLY, text) == [("One of it.", PLAIN), ("Two.", PLAIN)]


def test_factors_come_on_the_agents_own_and_stay_within_limits() -> None:
    text = '<speed ratio="0.9"/>A a a. <speed ratio="9"/><volume ratio="0.1"/>B b b. </speed>C c c.'
    found = [(d.speed, d.volume) for _, d in clauses(FULL, text)]
    assert found == [(0.99, 0.9), (1.5, 0.5), (1.1, 0.5)]


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "fast", "1e999", ""])
def test_nonsense_changes_nothing(value: str) -> None:
    assert clauses(FULL, f'<speed ratio="{value}"/>Hello.') == [("Hello.", FULL.own)]


def test_a_laugh_comes_once() -> None:
    assert [d.has_laughter for _, d in clauses(FULL, "[laughter] That is good. And so on.")] == [
        True,
        False,
    ]


def test_a_model_is_told_of_tags_only_where_it_has_them() -> None:
    assert describe_tags(AGENT, tier("none")) == ""
    presets = describe_tags(AGENT, tier("presets"))
    assert "content, sad" in presets and "laughter" not in presets
    full = describe_tags(AGENT, tier("full"))
    assert "[laughter]" in full and "<speed" in full
    assert max(len(presets), len(full)) < 400  # it is read before each call


def test_an_agent_without_presets_is_told_of_none() -> None:
    assert describe_tags(AGENT.model_copy(update={"emotion_presets": ()}), tier("presets")) == ""


def test_what_the_prompt_shows_is_understood() -> None:
    text = describe_tags(AGENT, tier("full"))
    found = clauses(FULL, text, step=5)
    assert not any("<" in clause or "[" in clause for clause, _ in found)
    assert {"content"} <= {delivery.emotion for _, delivery in found}
    assert any(delivery.has_laughter for _, delivery in found)


TAGS = st.sampled_from(
    [SAD, "</emotion>", "[laughter]", '<speed ratio="1.2"/>', "Oh. ", "well, ", "no "]
)


@given(st.lists(TAGS, max_size=20), st.integers(1, 30))
def test_any_pieces_give_the_same_clauses(parts: list[str], step: int) -> None:
    text = "".join(parts)
    assert clauses(FULL, text, step) == clauses(FULL, text, 1)
