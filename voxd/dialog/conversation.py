"""The brain of one call: events in, commands out. Pure; driven by a shell in `voxd.call`.

It is keyed by CallSid and outlives any transport: commands carry text, never audio, so that a
media stream or TwiML turns can drive the same conversation.
"""

from voxd.commands import Command, Message
from voxd.config import Config, Tier
from voxd.dialog.delivery import describe_tags
from voxd.dialog.endpoint import Waits
from voxd.dialog.floor import Floor, State
from voxd.dialog.history import History
from voxd.dialog.tools import example_turns, offered_tools
from voxd.dialog.turns import TABLE, key_of
from voxd.events import Event, TimerFired

_WE_ANSWERED = "You answered the telephone with:"
_WE_CALLED = "You placed this call. When somebody answered, you said:"
"""What the greeting was to whoever heard it first; the model would thank them for their call."""


class Conversation:
    """Who has the floor, and what happens next."""

    def __init__(self, config: Config, tier: Tier) -> None:
        limits = config.history
        history = History(system_message(config), limits.max_messages, limits.drop_messages)
        waits = Waits(tier.wait_complete_s, tier.wait_unknown_s, tier.wait_incomplete_s)
        self._floor = Floor(config, tier, history, waits)

    @property
    def state(self) -> State:
        """Who has the floor now."""
        return self._floor.state

    @property
    def goes_on(self) -> bool:
        """After what is being said the agent goes on by itself: it hangs up, or says more."""
        if self._floor.end_reason is not None:
            return True
        attempt = self._floor.attempt
        return attempt is not None and (attempt.ending is not None or attempt.must_tell)

    @property
    def turn(self) -> int:
        """Number of the caller's latest turn; 0 before the first."""
        return self._floor.turn

    def handle(self, event: Event) -> list[Command]:
        """Take in what happened and return what to do about it, in order.

        Total: every event is accepted in every state. Timers that were stopped or replaced are
        ignored by their token, events of dropped attempts by their reply id.
        """
        floor = self._floor
        if isinstance(event, TimerFired):
            if floor.tokens.get(event.timer) != event.token:
                return []
            del floor.tokens[event.timer]
        before = floor.state
        rule = TABLE[before].get(key_of(event))
        if rule is None:
            return []
        commands = rule.step(floor, event)
        if floor.state not in rule.to:
            raise AssertionError(f"{before} -> {floor.state} by {type(event).__name__}")
        return commands


def system_message(config: Config) -> Message:
    """The first message of every prompt: what the model is told and shown, the tools it has."""
    return Message(
        "system",
        system_prompt(config),
        tools=offered_tools(config),
        examples=example_turns(config.agent.examples),
    )


def system_prompt(config: Config) -> str:
    """The fixed first message: the agent's prompt, who called whom, what tags do.

    The same for every call of a config and a direction, so that a model reads it once for all.
    """
    began = _WE_CALLED if config.is_outbound else _WE_ANSWERED
    prompt = f"{config.agent.prompt.strip()}\n\n{began} {config.phrases.greeting}"
    return "\n\n".join(filter(None, (prompt, describe_tags(config.agent, config.tier()))))
