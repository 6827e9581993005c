"""Which engines a call gets, put together from config, declarations and health. Part of `runtime`.

`voxd check` asks by declaration alone, the daemon with what it has learned: the same functions,
another `HealthBoard`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from voxd.config import Config
from voxd.engines.health_board import HealthBoard
from voxd.engines.registry import declared_capabilities, missing_library, missing_secret
from voxd.errors import AdmissionRefused, Problem
from voxd.events import Kind
from voxd.selection.policy import Chain

Chains = Mapping[Kind, Chain]
"""The chain of each kind."""

EVERY_KIND = (Kind.STT, Kind.LLM, Kind.TTS)
"""What a call on a media stream needs."""
TURNS_NEED = (Kind.LLM,)
"""What a call in turns does: Twilio hears and speaks."""


@dataclass(frozen=True, slots=True)
class Named:
    """The engines that a config's tiers name."""

    usable: tuple[str, ...]
    """Their secrets are set and their libraries there; each once, in the order of the file."""
    refused: Mapping[str, str]
    """The others, with the reason."""


def named_engines(config: Config) -> Named:
    """Every engine that any tier names: a tier may be given to a number at any time."""
    names = dict.fromkeys(
        name
        for tier in config.tiers.values()
        for name in (*tier.stt, *tier.llm, *tier.tts, *tier.turn)
    )
    refused = {name: _refusal(config, name) for name in names}
    return Named(
        tuple(name for name in names if not refused[name]),
        {name: reason for name, reason in refused.items() if reason},
    )


def _refusal(config: Config, name: str) -> str:
    """Why an engine cannot be used at all; empty: it can."""
    if library := missing_library(name):
        return f"{library} is not part of this installation"
    if key := missing_secret(name, config.engines.get(name)):
        return f"no key configured: {key} is not set"
    return ""


def declared_board(config: Config, refused: Mapping[str, str] | None = None) -> HealthBoard:
    """The health of engines that nobody has tried: as they declare themselves.

    Args:
        refused: those of which more is known: they could not be opened, with the reason.
    """
    named = named_engines(config)
    refused = {**named.refused, **(refused or {})}
    usable = [name for name in named.usable if name not in refused]
    return HealthBoard(
        {name: declared_capabilities(name, config.engines[name]) for name in usable},
        lambda: 0.0,
        refused,
    )


def rank_chains(config: Config, board: HealthBoard) -> Chains:
    """What a call with this config (`Config.dialled`) needs; any of the chains may be empty."""
    tier, language = config.tier(), config.agent.language
    return {
        Kind.STT: board.chain(tier.stt, language),
        Kind.LLM: board.chain(tier.llm, language),
        Kind.TTS: board.chain(tier.tts, language),
    }


def rank_judges(config: Config, board: HealthBoard) -> Chain:
    """Who may judge by the sound whether a caller has finished: a call does without, if need be."""
    return board.chain(config.tier().turn, config.agent.language)


def choose_chains(
    config: Config, board: HealthBoard, kinds: Collection[Kind] = EVERY_KIND
) -> Chains:
    """The chains of a call that can be served.

    Args:
        kinds: what the call needs; the chains of others may be empty.

    Raises:
        AdmissionRefused: no engine of some kind is left.
    """
    chains = rank_chains(config, board)
    for kind, chain in chains.items():
        if kind in kinds and not chain.names:
            raise AdmissionRefused(f"no_{kind}")
    return chains


def unserved(config: Config, board: HealthBoard) -> tuple[Problem, ...]:
    """What keeps calls from being served: a kind without any engine, for some number."""
    problems: dict[tuple[str, Kind], Problem] = {}
    numbers = ("", *config.numbers)
    for number, seen in zip(numbers, config.served(), strict=True):
        needed = TURNS_NEED if seen.in_turns else EVERY_KIND
        for kind, chain in rank_chains(seen, board).items():
            if kind in needed and not chain.names:
                reasons = "; ".join(f"{j.name}: {j.reason}" for j in chain.judgements)
                tier = seen.call.tier
                who = f"calls to {number}" if number else "calls"
                message = f"nothing is left of it for {who}: {reasons}"
                problems.setdefault((tier, kind), Problem(f"tiers.{tier}.{kind}", message))
    return tuple(problems.values())
