"""Tables of who answers, and who takes over. Pure."""

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from voxd.contracts import EMOTIONS
from voxd.settings.examples import MAX_EXAMPLES, Example
from voxd.settings.phrases import Language, OwnPhrases
from voxd.settings.table import Table
from voxd.settings.values import ToolName, WebAddress


def _known_emotion(word: str) -> str:
    if word and word not in EMOTIONS:
        raise ValueError(f"no such emotion; known: {', '.join(sorted(EMOTIONS))}")
    return word


Emotion = Annotated[str, AfterValidator(_known_emotion)]


class OwnLimits(Table):
    """`[agents.NAME.limits]`: what differs from `[call]` for one agent; None: as there."""

    max_call_s: float | None = Field(None, gt=0, le=14400)
    idle_s: float | None = Field(None, gt=0, le=120)
    reprompts: int | None = Field(None, ge=0, le=10)


PhoneNumber = Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{3,14})?$")]
"""E.164; empty: none."""


class Transfer(Table):
    """`[agent.transfer]`: the person who takes a call over. Cold: the agent is gone then."""

    number: PhoneNumber = ""
    caller_id: PhoneNumber = ""
    ring_s: int = Field(20, ge=5, le=600)
    no_answer: Literal["hang_up", "voicemail"] = "hang_up"


class Voicemail(Table):
    """`[agent.voicemail]`: a message that Twilio records."""

    max_s: int = Field(120, ge=5, le=3600)
    silence_s: int = Field(5, ge=1, le=60)


def _known_time_zone(name: str) -> str:
    if name:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError("no such time zone; an example: Europe/Madrid") from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_time_zone)]
"""IANA; empty: the machine's."""


def _merged(base: Any, own: Any) -> Any:
    """Of a table within a table only the keys that were given replace the base's."""
    if isinstance(base, Table) and isinstance(own, Table):
        return base.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})
    return own


class Agent(Table):
    """`[agent]`: who answers; and `[agents.NAME]`: what is different about others."""

    language: Language = "en"
    prompt: str = Field("You are a friendly receptionist.", min_length=1, max_length=20_000)
    greeting: str = Field("", max_length=500)
    max_tokens: int = Field(150, ge=8, le=1000)
    temperature: float = Field(0.7, ge=0, le=2)
    emotion: Emotion = ""
    emotion_presets: tuple[Annotated[Emotion, Field(min_length=1)], ...] = (
        *("content", "sympathetic", "apologetic", "excited"),
    )
    speed: float = Field(1.0, ge=0.6, le=1.5)
    volume: float = Field(1.0, ge=0.5, le=2.0)
    voices: dict[str, Annotated[str, Field(max_length=200)]] = Field(default_factory=dict)
    """Engine name, or `polly` for TwiML turns -> that engine's own name of a voice."""
    time_zone: TimeZone = ""
    on_failure: Literal["hang_up", "transfer", "voicemail", "redirect"] = "hang_up"
    redirect_url: WebAddress = ""
    tools: tuple[ToolName, ...] = Field((), max_length=32)
    examples: tuple[Example, ...] = Field((), max_length=MAX_EXAMPLES)
    """For models on this machine."""
    phrases: OwnPhrases = OwnPhrases()
    limits: OwnLimits = OwnLimits()
    transfer: Transfer = Transfer()
    voicemail: Voicemail = Voicemail()

    def changed_by(self, own: "Agent") -> "Agent":
        """This agent with every key that `own` was given, in its tables as well."""
        base = self.speaking(own.language) if "language" in own.model_fields_set else self
        given = {
            key: _merged(getattr(base, key), getattr(own, key)) for key in own.model_fields_set
        }
        return base.model_copy(update=given)

    def speaking(self, language: str) -> "Agent":
        """This agent in a language; what it says in another one is left behind."""
        if language == self.language:
            return self
        words = {"greeting": "", "phrases": OwnPhrases(), "examples": ()}
        return self.model_copy(update={"language": language, **words})
