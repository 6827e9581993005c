"""How long Twilio may ask nothing before its call is over. Pure.

A caller who hangs up while Twilio speaks or listens may tell nobody: no request comes any more, and
only a number with a status callback says why. Until then the call holds a place at the model, so
its patience is short: Twilio's own limits, and `SLACK_S`.

The longest of these limits is the caller's speech, a minute. While somebody speaks Twilio tells the
words so far, so the minute is waited for only where it does not: in a call of which a result came
that no words announced. A first result that is longer than all patience and comes without them
loses its call; that is the price of not keeping every ghost for a minute.
"""

SLACK_S = 20.0
"""For requests on their way and repeated (Twilio waits 15 s for an answer), and for keys, each of
which Twilio waits for anew and tells nothing of."""
SPEECH_S = 60.0
"""Twilio listens to so much speech at most."""
SLOWEST = 2.0
"""A voice takes so many times as long as the model of playback believes: 1 / 0.6 by the slowest
`agent.speed`, and some."""


class Patience:
    """One call's."""

    def __init__(self, silence_s: float, speech_timeout_s: float) -> None:
        """
        Args:
            silence_s: Twilio listens for so long before it tells that nobody speaks.
            speech_timeout_s: so long a silence ends what the caller says.
        """
        self._silence_s = silence_s + speech_timeout_s
        self._is_told = False
        """Words so far have come in this listening."""
        self._tells = True
        """Twilio tells words so far, for all that is known."""

    def listening_s(self, playing_s: float) -> float:
        """Until the result of a listening, or further words so far, must have come.

        Args:
            playing_s: what Twilio still has to say before, by the model of playback.
        """
        longest_s = self._silence_s if self._tells else self._silence_s + SPEECH_S
        return playing_s * SLOWEST + longest_s + SLACK_S

    def coming_back_s(self, playing_s: float, pause_s: float = 0.0) -> float:
        """Until Twilio must have asked for more, or for the first time."""
        return playing_s * SLOWEST + pause_s + SLACK_S

    def note_partial(self) -> None:
        """Words so far have come."""
        self._is_told = self._tells = True

    def note_result(self, *, has_speech: bool) -> None:
        """A listening is over."""
        if has_speech and not self._is_told:
            self._tells = False
        self._is_told = False
