"""What a caller gets from the telephone company once the agent has given the call away. Pure.

The answers of `/twilio/after`, and of calls that went by TwiML turns: first by what the brain
ordered (`HangUp.next_step`), then by why the call ended and the agent's `on_failure`.
"""

from voxd.commands import NextStep, TakeMessage, Transfer
from voxd.config import Config
from voxd.events import EndReason
from voxd.twilio.handover import Dial, DialStatus, Record, Redirect, Step, say_then

_FAILED = frozenset({EndReason.ENGINES_FAILED, EndReason.BUG, EndReason.LINE_LOST})
"""The caller may be there still and got no answer. A lost line is our side of it: when it is the
caller's, nobody hears what follows."""


def what_follows(
    config: Config,
    reason: EndReason | None,
    action_url: str,
    next_step: NextStep | None = None,
    *,
    has_apologised: bool = False,
) -> str:
    """TwiML for the end of a conversation.

    Args:
        config: as the call sees it.
        reason: why it ended; None: nobody knows (any more).
        action_url: our `/twilio/after`, asked again after a dial or a recording.
        has_apologised: the caller has heard that something went wrong.
    """
    agent, phrases = config.agent, config.phrases
    match next_step:
        case Transfer(number):
            return say_then((), agent.language, _dial(config, number, action_url))
        case TakeMessage():
            return say_then((phrases.leave_message,), agent.language, _record(config, action_url))
    is_cut_off = reason is EndReason.SHUTDOWN and agent.on_failure != "hang_up"
    if reason not in _FAILED and not is_cut_off:
        return say_then((), agent.language, None)
    texts = () if has_apologised else (config.last_words,)
    if agent.on_failure == "voicemail":
        texts = (*texts, phrases.leave_message)
    return say_then(texts, agent.language, choose_step(config, agent.on_failure, action_url))


def after_dial(config: Config, status: DialStatus, action_url: str) -> str:
    """TwiML for a caller whose transfer is over, or was not answered."""
    agent, phrases = config.agent, config.phrases
    if status.has_talked:
        return say_then((), agent.language, None)
    if agent.transfer.no_answer == "voicemail":
        texts = (phrases.no_answer, phrases.leave_message)
        return say_then(texts, agent.language, _record(config, action_url))
    return say_then((phrases.no_answer,), agent.language, None)


def after_recording(config: Config) -> str:
    """TwiML for a caller who has left a message."""
    return say_then((config.phrases.message_taken,), config.agent.language, None)


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
