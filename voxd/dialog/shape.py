"""Do the words of an utterance look finished? Pure; `endpoint` joins it with what else is known.

Recognisers put a full stop behind almost anything, so a full stop alone proves nothing: the last
word decides first.
"""

import re
from enum import StrEnum

_WORD = re.compile(r"[\w'’]+", re.UNICODE)

# Words that English and Spanish sentences do not end with: articles, prepositions that govern,
# conjunctions, possessives, auxiliaries left alone, and hesitation.
_OPEN_WORDS = frozenset(
    """
    a an the this these those my your his our their its some any every each
    and or but so because if when while although since unless until than that which who whose
    to of for from with without into onto about at by in on as via per between
    i i'm i'd i'll i've we we're you're he's she's they're it's there's
    is are was were am be been will would can could should shall may might must do does did
    have has had want wanna need like going gonna please enter press dial say just also then not
    um uh er erm hmm mm well
    el la los las un una unos unas mi tu su nuestro y o u e pero porque si cuando que quien
    de del para por con sin en a al como sobre entre hasta desde es son era quiero necesito este eh
    """.split()
)
# Of those, words that now and then close a statement ("I like it", "yes please") ...
_CLOSERS = frozenset(
    "please that this not do did is are was in on about it like so then well".split()
)
# ... and words that close a question ("Who is it for?").
_QUESTION_CLOSERS = _CLOSERS | frozenset(
    """
    those these does can were will at for from with to of es son era este
    """.split()
)
_SHORT_ANSWERS = frozenset(
    """
    yes no yeah yep nope okay ok sure right correct exactly thanks hello hi goodbye bye never
    nothing maybe sí si no gracias vale claro hola adiós
    """.split()
)
_NUMBER = re.compile(
    r"(?:\d+|zero|oh|one|two|three|four|five|six|seven|eight|nine|cero|uno|dos|tres|cuatro|cinco"
    r"|seis|siete|ocho|nueve)",
    re.IGNORECASE,
)
# What is dictated in groups, with pauses between them, and the least that it has.
_ADDRESSES = frozenset(("address", "dirección"))
_DICTATED = _ADDRESSES | frozenset("number phone account card número teléfono cuenta".split())
_COPULAS = frozenset(("is", "es"))
_ADDRESS_WORDS = 3
_NUMBER_DIGITS = 7

_QUESTION_OPENERS = frozenset(
    """
    what when where who whom whose which why how is are do does did can could would will shall
    should may have has qué cuándo dónde quién cuál cómo cuánto puede puedo
    """.split()
)


class Shape(StrEnum):
    """How complete the words look."""

    COMPLETE = "complete"
    UNKNOWN = "unknown"
    INCOMPLETE = "incomplete"


def judge_shape(text: str) -> Shape:
    """How complete an utterance looks by its words and punctuation.

    Returns:
        INCOMPLETE for a trailing comma, dash or ellipsis, an open last word ("and", "the", "um")
        or something dictated (number, spelling, address) that may go on; COMPLETE for a question,
        a short answer or a closed sentence of three words or more; UNKNOWN for the rest and for
        no words at all.
    """
    stripped = text.strip()
    words = [word.lower().replace("’", "'") for word in _WORD.findall(stripped)]
    if not words:
        return Shape.UNKNOWN
    last = words[-1]
    is_question = stripped.endswith("?")
    if stripped.endswith((",", "-", "—", "–", "...", "…", ":")):
        return Shape.INCOMPLETE
    if last in _OPEN_WORDS and not (is_question and last in _QUESTION_CLOSERS):
        return Shape.UNKNOWN if last in _CLOSERS and len(words) > 1 else Shape.INCOMPLETE
    if _is_dictation(words) or (not is_question and _is_dictation_begun(words)):
        return Shape.INCOMPLETE
    if is_question or (len(words) <= 3 and words[0] in _SHORT_ANSWERS):
        return Shape.COMPLETE
    if stripped.endswith((".", "!")) and len(words) >= 3:
        return Shape.COMPLETE
    if words[0] in _QUESTION_OPENERS and len(words) >= 4:
        return Shape.COMPLETE
    return Shape.UNKNOWN


def _is_dictation(words: list[str]) -> bool:
    """Whether the last words are digits or single letters of something being dictated.

    A telephone number has seven digits or more; fewer at the end of an utterance that has at
    least two may well go on ("five five five ... one two").
    """
    tail = 0
    digits = 0
    for word in reversed(words):
        if _NUMBER.fullmatch(word):
            digits += len(word) if word.isdigit() else 1
        elif not (len(word) == 1 and word.isalpha() and word not in ("a", "i", "y")):
            break
        tail += 1
    return tail >= 2 and digits < _NUMBER_DIGITS


def _is_dictation_begun(words: list[str]) -> bool:
    """Whether what was announced as a number or an address is too short yet.

    "My account number is 55", "My address is 12 Main".
    """
    for index in range(len(words) - 2, 0, -1):
        if words[index] in _COPULAS and words[index - 1] in _DICTATED:
            spoken = words[index + 1 :]
            if words[index - 1] in _ADDRESSES:
                return len(spoken) < _ADDRESS_WORDS
            digits = "".join(word for word in spoken if word.isdigit())
            return spoken[-1].isdigit() and len(digits) < _NUMBER_DIGITS
    return False
