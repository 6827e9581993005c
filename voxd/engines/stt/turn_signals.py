"""Which of a provider's turn signals are worth telling. Pure.

Providers repeat themselves: Deepgram's `UtteranceEnd` follows `speech_final` for the same words,
and both come for silence. A signal is told once for the same words, and never without words.
"""

from voxd.events import TurnSignal


class TurnSignals:
    """Remembers what was told about the present utterance."""

    def __init__(self) -> None:
        self._last: TurnSignal | None = None
        self._text = ""

    def forget(self) -> None:
        """A new utterance begins."""
        self._last = None
        self._text = ""

    def weigh(self, signal: TurnSignal | None, text: str) -> TurnSignal | None:
        """The signal, when it is news about an utterance with this text; else None."""
        if signal is None:
            return None
        is_same = text == self._text
        match signal:
            case TurnSignal.RESUMED:
                is_news = self._last is TurnSignal.EAGER_END
            case TurnSignal.END:
                is_news = bool(text) and not (is_same and self._last is TurnSignal.END)
            case TurnSignal.EAGER_END:
                told = self._last in (TurnSignal.EAGER_END, TurnSignal.END)
                is_news = bool(text) and not (is_same and told)
        if not is_news:
            return None
        self._last, self._text = signal, text
        return signal
