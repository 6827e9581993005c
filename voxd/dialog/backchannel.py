"""Words by which a listener keeps a speaker going, and which are no turn. Pure.

"Uh-huh", "okay", "right" alone do not ask the agent to stop. What they mean depends on where they
are said (after a question they are its answer), so they are looked up only for what was said while
the agent speaks, and short. English and Spanish together: a caller who says "claro" to an English
agent means the same.
"""

import re

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*", re.UNICODE)
_SINGLE = frozenset(
    # what speech-to-text makes of the hums: as printed by Whisper, Deepgram and people
    "uh huh uh-huh uhhuh um hm hmm hmmm mm mmm mhm mhmm mm-hm mm-hmm mmhmm m-hm ah aha ahh oh ooh"
    " yeah yep yup ya yah right okay ok okey kay sure alright cool great good nice fine exactly"
    " true indeed really wow gotcha ajá aja mmm-hmm sí si claro vale bueno bien eso ya exacto"
    " cierto perfecto entiendo dale".split()
)
_PHRASES = (
    ("i", "see"),
    ("got", "it"),
    ("all", "right"),
    ("of", "course"),
    ("makes", "sense"),
    ("de", "acuerdo"),
    ("por", "supuesto"),
    ("ya", "veo"),
)
# What one says to "One moment, please.", as single words and as phrases, longer ones first.
_THANKS = frozenset("thanks thank please gracias tranquilo tranquila".split())
_COURTESIES = tuple(
    tuple(phrase.split())
    for phrase in (
        "thank you so much",
        "thank you very much",
        "thank you",
        "thanks so much",
        "thanks a lot",
        "take your time",
        "no problem",
        "no worries",
        "no rush",
        "no hurry",
        "sounds good",
        "that's fine",
        "that's okay",
        "that's ok",
        "muchas gracias",
        "muchísimas gracias",
        "no hay problema",
        "no hay prisa",
        "sin problema",
        "no pasa nada",
        "no se preocupe",
        "no te preocupes",
        "tómese su tiempo",
        "tómate tu tiempo",
        "con calma",
        "está bien",
        "por favor",
    )
)
MOST_WORDS = 4
"""More in a row are no encouragement any more ("okay okay okay okay okay": somebody wants in)."""
SURE_ECHO_WORDS = 3
"""Fewer words in common may be an answer ("morning or afternoon?" "Afternoon.")."""


def is_backchannel(text: str) -> bool:
    """Whether these words, all that was said, leave the floor to the agent; so does no word."""
    words = _words(text)
    return len(words) <= MOST_WORDS and not _without(words, _SINGLE, _PHRASES)


def count_meant(text: str) -> int:
    """How many of these words, said while a reply is waited for, ask for something else: neither
    encouragement, however long, nor thanks."""
    return len(_without(_words(text), _SINGLE | _THANKS, _PHRASES + _COURTESIES))


def is_echo(text: str, spoken: str, least_words: int = 1) -> bool:
    """Whether these words are a stretch of what the agent is saying: it hears itself.

    Args:
        text: what was transcribed.
        spoken: what the agent has begun to say.
        least_words: fewer are no echo; `SURE_ECHO_WORDS` where other things speak against one.
    """
    words = _words(text)
    heard = f" {' '.join(words)} "
    return len(words) >= max(1, least_words) and heard in f" {' '.join(_words(spoken))} "


def _words(text: str) -> list[str]:
    return [word.casefold().replace("’", "'") for word in _WORD.findall(text)]


def _without(
    words: list[str], singles: frozenset[str], phrases: tuple[tuple[str, ...], ...]
) -> list[str]:
    """The words that are left; of phrases the first that fits goes."""
    left: list[str] = []
    index = 0
    while index < len(words):
        following = (it for it in phrases if tuple(words[index : index + len(it)]) == it)
        if phrase := next(following, None):
            index += len(phrase)
            continue
        if words[index] not in singles:
            left.append(words[index])
        index += 1
    return left
