"""TwiML for what follows when the agent gives a call away: dial, record, go elsewhere. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from twilio.twiml.voice_response import VoiceResponse

from voxd.twilio.polly import SayVoice
from voxd.twilio.turns import Spoken, say, speak
from voxd.twilio.twiml import clean_text


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect the caller to somebody else."""

    number: str
    """E.164."""
    action_url: str
    """Asked what follows when that is over, or nobody has answered: `DialCallStatus`."""
    ring_s: int
    caller_id: str = ""
    """What the other one sees, a number of the account's; empty: the caller's."""


@dataclass(frozen=True, slots=True)
class Record:
    """After a tone, record what the caller says."""

    action_url: str
    """Told of the recording, and asked what follows."""
    max_s: int
    silence_s: int
    """The recording is over after so long without a sound."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with somebody else's TwiML."""

    url: str


Step = Dial | Record | Redirect | None
"""None: hang up."""


class DialStatus(StrEnum):
    """How a `<Dial>` went; Twilio's words."""

    COMPLETED = "completed"
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"
    """The caller hung up before anybody answered."""

    @property
    def has_talked(self) -> bool:
        """Somebody answered; the two have finished."""
        return self in (DialStatus.COMPLETED, DialStatus.ANSWERED)


def read_dial_status(text: str) -> DialStatus:
    """The `DialCallStatus` of a form; a word that Twilio does not have counts as `FAILED`."""
    return DialStatus(text) if text in DialStatus._value2member_map_ else DialStatus.FAILED


def say_then(
    texts: Sequence[str], voice: SayVoice, step: Step, spoken: Sequence[Spoken] = ()
) -> str:
    """Say some sentences with one of Twilio's voices, then do the step.

    Args:
        texts: may be empty, and may hold anything.
        spoken: what comes before them, keys pressed among it.
    """
    response = VoiceResponse()
    speak(response, spoken, voice)
    for text in texts:
        say(response, [clean_text(text)], voice)
    match step:
        case Dial():
            # Only once somebody has answered is the caller connected; until then it rings.
            options = {"caller_id": step.caller_id} if step.caller_id else {}
            dial = response.dial(
                action=step.action_url,
                method="POST",
                timeout=step.ring_s,
                answer_on_bridge=True,
                **options,
            )
            dial.number(step.number)
        case Record():
            response.record(
                action=step.action_url,
                method="POST",
                max_length=step.max_s,
                timeout=step.silence_s,
                play_beep=True,
                finish_on_key="#",
                trim="trim-silence",
            )
            # Reached only when nothing was recorded: then Twilio does not ask the action.
            response.hangup()
        case Redirect():
            response.redirect(step.url, method="POST")
        case None:
            response.hangup()
    return str(response)
