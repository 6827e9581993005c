"""Where a reply ends before its model says so. Pure; used by `llama_job`.

Small models go on after a reply: a blank line, then a letter's greeting and signature, another
speaker's words, a second reply. What ends a reply is one of a few texts (the engine's `stop`),
and only after a whole sentence, so that `We are open:` keeps the list that follows.
"""

from collections.abc import Sequence

SENTENCE_ENDS = (".", "!", "?", "…")
CLOSERS = "\"'”’)]*_"
KEPT_CHARACTERS = 16
"""Of what was shown, to see whether a sentence ends there."""


class ReplyEnd:
    """Watches one reply as its text arrives."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self._shown = ""
        self.is_over = False
        """A stop text came; nothing more is shown."""

    def feed(self, text: str) -> str:
        """Add text; return what belongs to the reply and can be no beginning of a stop text."""
        if self.is_over:
            return ""
        self._held += text
        for start in sorted(start for stop in self._stops for start in _find(self._held, stop)):
            before = (self._shown + self._held[:start]).rstrip().rstrip(CLOSERS)
            if before.endswith(SENTENCE_ENDS):
                self.is_over = True
                return self._show(start, keep=0)
        return self._show(len(self._held) - self._undecided(), keep=self._undecided())

    def finish(self) -> str:
        """The model has ended: return what was held back."""
        return "" if self.is_over else self._show(len(self._held), keep=0)

    def _show(self, length: int, *, keep: int) -> str:
        text = self._held[:length]
        self._held = self._held[length : length + keep]
        self._shown = (self._shown + text)[-KEPT_CHARACTERS:]
        return text

    def _undecided(self) -> int:
        """How many characters at the end may be the beginning of a stop text."""
        lengths = [
            length
            for stop in self._stops
            for length in range(1, len(stop))
            if self._held.endswith(stop[:length])
        ]
        return max(lengths, default=0)


def _find(text: str, stop: str) -> list[int]:
    found, start = [], text.find(stop)
    while start >= 0:
        found.append(start)
        start = text.find(stop, start + 1)
    return found
