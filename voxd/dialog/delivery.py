"""How an agent speaks, and what its model may change about it. Pure.

`choose_manner` joins the agent's config with what the tier pays for; `describe_tags` tells the
model, where it may; `ClauseReader` turns the model's text into clauses, each with its delivery.

A change of delivery ends the clause before it, because a voice gets one delivery for a clause.
"""

import math
from dataclasses import dataclass, replace

from voxd.config import Agent, Tier
from voxd.contracts import EMOTIONS, PLAIN, Delivery
from voxd.dialog.sentences import ClauseSplitter
from voxd.dialog.tags import Control, Tag, TagReader

MIN_SPEED, MAX_SPEED = 0.6, 1.5
MIN_VOLUME, MAX_VOLUME = 0.5, 2.0
"""What voices take (Cartesia, sonic-3; cartesia 4.2.0, types/generation_config.py)."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How an agent speaks by itself, and what its model may change."""

    own: Delivery = PLAIN
    emotions: tuple[str, ...] = ()
    """Words that the model may use; empty: its tags have no effect."""
    is_free: bool = False
    """The model may change speed and loudness and laugh as well."""


PLAINLY = Manner()
"""Tags are taken out and have no effect."""


@dataclass(frozen=True, slots=True)
class DeliveredClause:
    """A clause of the model's text without tags, and how it is to be said."""

    text: str
    delivery: Delivery


def choose_manner(agent: Agent, tier: Tier) -> Manner:
    """What the agent's config and the tier come to.

    Speed and volume are settings of a voice and hold on every tier; emotions are the tier's.
    """
    plain = Delivery(speed=agent.speed, volume=agent.volume)
    if tier.emotions == "none":
        return Manner(plain)
    own = replace(plain, emotion=agent.emotion)
    if tier.emotions == "presets":
        return Manner(own, agent.emotion_presets)
    return Manner(own, tuple(sorted(EMOTIONS)), is_free=True)


def describe_tags(agent: Agent, tier: Tier) -> str:
    """What the system prompt says about tags; empty where the model has none.

    Short, because a model on this machine reads it before each call. Of all emotions only some
    are named: a model that knows the rest may use it.
    """
    manner = choose_manner(agent, tier)
    if not manner.emotions:
        return ""
    named = agent.emotion_presets or manner.emotions[:6]
    words = ", ".join(named) + (" and the like" if manner.is_free else "")
    text = (
        "You may set the tone of your voice where the caller's mood asks for it, by a tag before"
        f' a sentence: <emotion value="{named[0]}"/>. Tones: {words}.'
    )
    if manner.is_free:
        text += ' Likewise <speed ratio="0.9"/> for what the caller writes down, and [laughter].'
    return f"{text} Tags are never heard. Use them rarely."


class ClauseReader:
    """Cuts one reply into clauses as its text arrives."""

    def __init__(self, manner: Manner = PLAINLY) -> None:
        self._manner = manner
        self._delivery = manner.own
        self._tags = TagReader()
        self._splitter = ClauseSplitter()

    def feed(self, text: str) -> list[DeliveredClause]:
        """Add text; return the clauses that are complete now."""
        return self._take(self._tags.feed(text))

    def finish(self) -> list[DeliveredClause]:
        """The text is over: return what is left."""
        clauses = self._take(self._tags.finish())
        return clauses + self._deliver(self._splitter.finish())

    def _take(self, items: list[str | Tag]) -> list[DeliveredClause]:
        clauses: list[DeliveredClause] = []
        for item in items:
            if isinstance(item, str):
                clauses += self._deliver(self._splitter.feed(item))
                continue
            changed = self._change(item)
            if changed != self._delivery:
                clauses += self._deliver(self._splitter.finish())
                self._delivery = changed
        return clauses

    def _deliver(self, texts: list[str]) -> list[DeliveredClause]:
        clauses = []
        for text in texts:
            clauses.append(DeliveredClause(text, self._delivery))
            self._delivery = replace(self._delivery, has_laughter=False)
        return clauses

    def _change(self, tag: Tag) -> Delivery:
        """The delivery after a tag; the same when it is not allowed or says nothing."""
        now, own = self._delivery, self._manner.own
        if not self._manner.emotions:
            return now
        if tag.control is Control.EMOTION:
            if not tag.value:
                return replace(now, emotion=own.emotion)
            return replace(now, emotion=tag.value) if tag.value in self._manner.emotions else now
        if not self._manner.is_free:
            return now
        if tag.control is Control.LAUGHTER:
            return replace(now, has_laughter=True)
        if tag.control is Control.SPEED:
            speed = _factor(tag.value, own.speed, MIN_SPEED, MAX_SPEED)
            return now if speed is None else replace(now, speed=speed)
        volume = _factor(tag.value, own.volume, MIN_VOLUME, MAX_VOLUME)
        return now if volume is None else replace(now, volume=volume)


def _factor(value: str, own: float, least: float, most: float) -> float | None:
    """The agent's own times what a tag says, within what voices take; None for nonsense."""
    try:
        factor = float(value) if value else 1.0
    except ValueError:
        return None
    if not math.isfinite(factor) or factor <= 0:
        return None
    return round(min(max(own * factor, least), most), 3)
