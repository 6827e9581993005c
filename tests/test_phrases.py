"""The phrases that come along: whole in each language, and written as they are spoken."""

import re

import pytest

from voxd.config import Phrases
from voxd.dialog.sentences import ClauseSplitter
from voxd.phrases import SHIPPED

each_language = pytest.mark.parametrize("language", sorted(SHIPPED))


@each_language
def test_every_situation_has_its_words(language: str) -> None:
    phrases = Phrases.model_validate(SHIPPED[language])
    assert phrases.fillers
    assert phrases.common


@each_language
def test_no_filler_keeps_a_reply_waiting_for_long(language: str) -> None:
    """A reply that comes as it begins waits for its end: about 15 characters a second."""
    fillers = Phrases.model_validate(SHIPPED[language]).fillers
    assert max(map(len, fillers)) <= 35
    assert len(fillers) == len(set(fillers)) >= 2


@each_language
def test_a_common_sentence_is_one_clause_of_a_reply(language: str) -> None:
    """Else it would never be looked for as a whole."""
    for text in Phrases.model_validate(SHIPPED[language]).common:
        splitter = ClauseSplitter()
        assert [*splitter.feed(f"Yes. {text}"), *splitter.finish()] == ["Yes.", text]


def test_spanish_has_its_marks_and_accents() -> None:
    """Voices pronounce "como" and "cómo", "esta" and "está" differently."""
    texts = " ".join(
        text
        for value in SHIPPED["es"].values()
        for text in ((value,) if isinstance(value, str) else value)
    )
    assert texts.count("?") == texts.count("¿") > 0
    assert texts.count("!") == texts.count("¡") > 0
    bare = r"\b(como|podria|dejeme|adios|mas|entendi|ahi|lineas|estan)\b"
    assert not re.search(bare, texts, re.IGNORECASE)
