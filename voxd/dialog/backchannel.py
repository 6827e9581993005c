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
MOST_WORDS = 4
"""More in a row are no encouragement any more ("okay okay okay okay okay": somebody wants in)."""


def is_backchannel(text: str) -> bool:
    """Whether these words, all that was said, leave the floor to the agent; so does no word."""
    words = _words(text)
    return len(words) <= MOST_WORDS and not _without_backchannels(words)


def is_echo(text: str, spoken: str) -> bool:
    """Whether these words are a stretch of what the agent is saying: it hears itself.

    Args:
        text: what was transcribed.
        spoken: what the agent has begun to say.
    """
    heard = " ".join(_words(text))
    return bool(heard) and f" {heard} " in f" {' '.join(_words(spoken))} "


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _without_backchannels(words: list[str]) -> list[str]:
    left: list[str] = []
    index = 0
    while index < len(words):
        if tuple(words[index : index + 2]) in _PHRASES:
            index += 2
            continue
        if words[index] not in _SINGLE:
            left.append(words[index])
        index += 1
    return left
