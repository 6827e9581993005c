"""Tokens in, speakable clauses out. Pure; the replier feeds it while the model writes.

The first clause is short, because the caller waits for it; the second is middling, because it must
be spoken before the first has been heard; later ones are whole sentences, which sound better. A
boundary counts only once the white space behind it has been seen, so "3.5", "10:30", "1,000" and
"example.com" never split.
"""

import re

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|\n+")
_CLAUSE_END = re.compile(r"[,;:—–][\"'”’)\]]*(?=\s)|\s[—–-](?=\s)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'])(?:mr|mrs|ms|dr|prof|st|ave|blvd|rd|jr|sr|vs|etc|approx|dept|ext|fig|no|nr|vol"
    r"|inc|ltd|co|corp|tel|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|sra?|dra?|ud|uds|pág"
    r"|[a-z]|(?:[a-z]\.)+[a-z]|\d{1,2})\.$",
    re.IGNORECASE,
)
_STARTS_NEW_SENTENCE = re.compile(r"\s+[A-ZÁÉÍÓÚÑ¿¡]")
_MERIDIEM = re.compile(r"[ap]\.m\.$", re.IGNORECASE)
# A placeholder such as [Your Name] counts as one word, so that it can be left out whole.
_BRACKETS = re.compile(r"\[[^\[\]]{0,60}(?:\]|$)")
# Words that begin a new phrase: a voice may breathe before them.
_PHRASE_OPENERS = frozenset(
    "and but or so because that which who to for with in on at from by when if while y o pero "
    "porque que para con en cuando si".split()
)

FIRST_MIN_CHARACTERS = 10
"""A first clause ends at a comma from this length on: shorter ones finish sounding before the
second is ready (measured: "Sure," is 0.4 s of audio, the next clause takes about that long)."""
SECOND_MIN_CHARACTERS = 30
LATER_MIN_CHARACTERS = 80
"""Later clauses end at a comma only from this length on."""
MAX_CHARACTERS = 180
"""No clause is longer: it is cut at a space."""


class ClauseSplitter:
    """Cuts one reply into clauses as its text arrives."""

    def __init__(self, first_max_words: int = 6) -> None:
        self._first_max_words = first_max_words
        self._pending = ""
        self._count = 0

    def feed(self, text: str) -> list[str]:
        """Add text; return the clauses that are complete now, without outer white space."""
        self._pending += text
        clauses = []
        while (end := self._find_end()) is not None:
            clause = self._pending[:end].strip()
            self._pending = self._pending[end:].lstrip()
            if clause:
                clauses.append(clause)
                self._count += 1
        return clauses

    def finish(self) -> list[str]:
        """The text is over: return what is left as the last clause, if anything is."""
        rest = self._pending.strip()
        self._pending = ""
        if not rest:
            return []
        self._count += 1
        return [rest]

    def _find_end(self) -> int | None:
        """Where the next clause ends in the pending text; None when that cannot be said yet."""
        text = _BRACKETS.sub(lambda match: "x" * len(match[0]), self._pending)
        sentence = _sentence_end(text)
        clause = self._clause_end(text, sentence or len(text))
        if clause is not None:
            return clause
        if sentence is not None:
            return sentence
        if self._count == 0:
            return self._first_by_words(text)
        if len(text) > MAX_CHARACTERS:
            space = text.rfind(" ", 1, MAX_CHARACTERS)
            return space if space > 0 else MAX_CHARACTERS
        return None

    def _clause_end(self, text: str, limit: int) -> int | None:
        """The first comma or the like that is far enough in, before `limit`."""
        minimum = (
            FIRST_MIN_CHARACTERS
            if self._count == 0
            else SECOND_MIN_CHARACTERS
            if self._count == 1
            else LATER_MIN_CHARACTERS
        )
        for match in _CLAUSE_END.finditer(text, 0, limit):
            if match.end() >= minimum:
                return match.end()
        return None

    def _first_by_words(self, text: str) -> int | None:
        """Cut a first clause that has grown long, before a word that opens a phrase."""
        spaces = [match.start() for match in re.finditer(r"\s+", text.rstrip())]
        if len(spaces) < self._first_max_words:
            return None
        words = text.split()
        for index in range(self._first_max_words - 1, self._first_max_words // 2 - 1, -1):
            if words[index].lower() in _PHRASE_OPENERS:
                return spaces[index - 1]
        return spaces[self._first_max_words - 1]


def _sentence_end(text: str) -> int | None:
    for match in _SENTENCE_END.finditer(text):
        end = match.end()
        before = text[:end].rstrip()
        if before.endswith(".") and _ABBREVIATION.search(before):
            is_time = _MERIDIEM.search(before)
            if not (is_time and _STARTS_NEW_SENTENCE.match(text, end)):
                continue
        if before:
            return end
    return None
