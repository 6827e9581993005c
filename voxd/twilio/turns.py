"""The TwiML of a call in turns: Twilio listens (`<Gather>`) and speaks (`<Say>`). Pure.

Over the twilio package's builder. Three documents are enough: one that listens, one that comes
back for more (`<Redirect>`), and one that ends. Called by `voxd.server.turns`.

Limits are kept here: a `<Say>` takes some 4,096 characters and Polly bills at most 3,000 of a
request; hints are 500 of up to 100 characters; all times are whole seconds.
Source: Twilio, "TwiML Voice: <Gather>", "<Say>" (November 2026).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from twilio.twiml.voice_response import Gather, Say, VoiceResponse

from voxd.twilio.polly import SayVoice
from voxd.twilio.twiml import clean_text

MAX_SAY_CHARS = 2900
MAX_HINTS = 500
MAX_HINT_CHARS = 100
MAX_PAUSE_S = 10


@dataclass(frozen=True, slots=True)
class Spoken:
    """One thing the caller hears: a text, or keys pressed towards the far end."""

    text: str = ""
    digits: str = ""
    """Of `0123456789*#ABCD`, and `w` for half a second of silence."""


@dataclass(frozen=True, slots=True)
class Listening:
    """How Twilio listens."""

    language: str
    """With a region."""
    action_url: str
    """Asked with what was heard, be it nothing."""
    partial_url: str
    """Told the words so far."""
    silence_s: int
    """Nothing is heard for so long: that is a result, too. Also the pause that ends keys."""
    speech_model: str = ""
    """Empty: Twilio's choice."""
    speech_timeout_s: int = 1
    """Pause after which the caller has finished. Always a number: `auto` is refused with a model,
    the default one included (Twilio errors 13335, 13327)."""
    hints: Sequence[str] = ()
    can_interrupt: bool = False
    """Words of the caller stop what is said, all of it; else only the last of it."""


def listen(spoken: Sequence[Spoken], voice: SayVoice, listening: Listening) -> str:
    """Say something and hear what the caller says to it, or presses."""
    attributes: dict[str, object] = {
        "input": "dtmf speech",
        "action": listening.action_url,
        "method": "POST",
        "action_on_empty_result": True,
        "timeout": listening.silence_s,
        "language": listening.language,
        "partial_result_callback": listening.partial_url,
        "partial_result_callback_method": "POST",
        "speech_timeout": listening.speech_timeout_s,
    }
    if listening.speech_model:
        attributes["speech_model"] = listening.speech_model
    hints = [clean_text(hint).replace(",", " ")[:MAX_HINT_CHARS] for hint in listening.hints]
    if hints:
        attributes["hints"] = ",".join(hints[:MAX_HINTS])
    gather = Gather(**attributes)
    response = VoiceResponse()
    keys = max((at + 1 for at, item in enumerate(spoken) if item.digits), default=0)
    before = max(keys, 0 if listening.can_interrupt else len(spoken) - 1)
    speak(response, spoken[:before], voice)
    speak(gather, spoken[before:], voice)
    response.append(gather)
    return str(response)


def come_back(spoken: Sequence[Spoken], voice: SayVoice, url: str, pause_s: int = 0) -> str:
    """Say something, be silent for a while, and ask `url` for what comes next."""
    response = VoiceResponse()
    speak(response, spoken, voice)
    if pause_s > 0:
        response.pause(length=min(pause_s, MAX_PAUSE_S))
    response.redirect(url, method="POST")
    return str(response)


def end(spoken: Sequence[Spoken], voice: SayVoice) -> str:
    """Say something and hang up."""
    response = VoiceResponse()
    speak(response, spoken, voice)
    response.hangup()
    return str(response)


def speak(parent: Gather | VoiceResponse, spoken: Sequence[Spoken], voice: SayVoice) -> None:
    """Neighbouring texts become one `<Say>`, as long as it may be: each one is a request of
    Twilio's to the voice, and a breath."""
    texts: list[str] = []
    for item in spoken:
        if item.text:
            texts.append(clean_text(item.text))
        if item.digits:
            say(parent, texts, voice)
            texts = []
            parent.play(digits=item.digits)
    say(parent, texts, voice)


def say(parent: Gather | VoiceResponse, texts: Sequence[str], voice: SayVoice) -> None:
    """Append texts that are clean as one `<Say>`, or as many as their length takes."""
    for text in _pieces(" ".join(texts)):
        attributes = {"voice": voice.name, "language": voice.language}
        given = {key: value for key, value in attributes.items() if value}
        prosody = {"rate": voice.rate, "volume": voice.volume}
        manner = {key: value for key, value in prosody.items() if value}
        if manner:
            verb = Say(**given)
            verb.prosody(text, **manner)
            parent.append(verb)
        else:
            parent.say(text, **given)


def _pieces(text: str) -> list[str]:
    """The text in parts of at most `MAX_SAY_CHARS`, cut at spaces where there are any."""
    pieces = []
    rest = text.strip()
    while len(rest) > MAX_SAY_CHARS:
        cut = rest.rfind(" ", 1, MAX_SAY_CHARS + 1)
        cut = cut if cut > 0 else MAX_SAY_CHARS
        pieces.append(rest[:cut])
        rest = rest[cut:].strip()
    return [*pieces, rest] if rest else pieces
