"""What a caller gets from the telephone company once the agent has given the call away. Pure.

The answers of `/twilio/after`, and of calls that went by TwiML turns: first by what the brain
ordered (`HangUp.next_step`), then by why the call ended and the agent's `on_failure`.
"""

from collections.abc import Sequence

from voxd.commands import NextStep, TakeMessage, Transfer
from voxd.config import Config
from voxd.events import EndReason
from voxd.twilio.handover import Dial, DialStatus, Record, Redirect, Step, say_then
from voxd.twilio.polly import SayVoice, choose_voice
from voxd.twilio.turns import Spoken

POLLY = "polly"
"""The key of `agent.voices` for Twilio's voices."""

_FAILED = frozenset({EndReason.ENGINES_FAILED, EndReason.BUG, EndReason.LINE_LOST})
"""The caller may be there still and got no answer. A lost line is our side of it: when it is the
caller's, nobody hears what follows."""


def say_voice(config: Config) -> SayVoice:
    """The voice by which Twilio speaks for a call's agent, in turns and after a stream alike."""
    agent = config.agent
    own = agent.voices.get(POLLY, "")
    return choose_voice(agent.language, config.tier().polly, own, agent.speed, agent.volume)


def what_follows(
    config: Config,
    reason: EndReason | None,
    action_url: str,
    next_step: NextStep | None = None,
    spoken: Sequence[Spoken] = (),
    *,
    has_apologised: bool = False,
) -> str:
    """TwiML for the end of a conversation.

    Args:
        config: as the call sees it.
        reason: why it ended; None: nobody knows (any more).
        action_url: our `/twilio/after`, asked again after a dial or a recording.
        spoken: what the agent has not said yet, and says before; of a conversation that failed it
            gives way to the words that tell so.
        has_apologised: the caller has heard that something went wrong.
    """
    agent, phrases, voice = config.agent, config.phrases, say_voice(config)
    match next_step:
        case Transfer(number):
            return say_then((), voice, _dial(config, number, action_url), spoken)
        case TakeMessage():
            return say_then((phrases.leave_message,), voice, _record(config, action_url), spoken)
    is_cut_off = reason is EndReason.SHUTDOWN and agent.on_failure != "hang_up"
    if reason not in _FAILED and not is_cut_off:
        return say_then((), voice, None, spoken)
    texts = () if has_apologised else (config.last_words,)
    if agent.on_failure == "voicemail":
        texts = (*texts, phrases.leave_message)
    return say_then(texts, voice, choose_step(config, agent.on_failure, action_url))


def after_dial(config: Config, status: DialStatus, action_url: str) -> str:
    """TwiML for a caller whose transfer is over, or was not answered."""
    phrases, voice = config.phrases, say_voice(config)
    if status.has_talked:
        return say_then((), voice, None)
    if config.agent.transfer.no_answer == "voicemail":
        texts = (phrases.no_answer, phrases.leave_message)
        return say_then(texts, voice, _record(config, action_url))
    return say_then((phrases.no_answer,), voice, None)


def after_recording(config: Config) -> str:
    """TwiML for a caller who has left a message."""
    return say_then((config.phrases.message_taken,), say_voice(config), None)


def choose_step(config: Config, resort: str, action_url: str) -> Step:
    """What the telephone company does for a word of `on_failure` or `no_room`.

    None for another word, and where the agent has not got what the word leads to.
    """
    agent = config.agent
    match resort:
        case "transfer" if agent.transfer.number:
            return _dial(config, agent.transfer.number, action_url)
        case "voicemail":
            return _record(config, action_url)
        case "redirect" if agent.redirect_url:
            return Redirect(agent.redirect_url)
        case _:
            return None


def _dial(config: Config, number: str, action_url: str) -> Dial:
    transfer = config.agent.transfer
    return Dial(number, action_url, transfer.ring_s, transfer.caller_id)


def _record(config: Config, action_url: str) -> Record:
    voicemail = config.agent.voicemail
    return Record(action_url, voicemail.max_s, voicemail.silence_s)
