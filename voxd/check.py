"""`voxd check`: what is wrong with a config, and what a call would get. Looks at files only."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from voxd.chains import declared_board, named_engines, rank_chains, rank_judges, unserved
from voxd.config import Config, load_config, locate_problems
from voxd.engines.health_board import HealthBoard
from voxd.engines.registry import ENTRIES, settings_types
from voxd.errors import ConfigError, Problem
from voxd.events import Kind
from voxd.lookup.client import check_lookup
from voxd.records.place import check_records, describe_records
from voxd.server.exposure import check_exposure, describe_door
from voxd.server.keys import DoorKeys
from voxd.server.peer import is_loopback
from voxd.telemetry.alerts import check_alerts, describe_alerts
from voxd.telephony.calls import describe_orders
from voxd.tools.client import check_tools_secret
from voxd.warmup import missing_models

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a file is worth."""

    source: str
    problems: tuple[Problem, ...]
    """With their lines; empty: the daemon would serve."""
    description: str
    """What calls would get; empty when the file could not even be understood."""

    def to_json(self) -> Mapping[str, Any]:
        """For `voxd check --json`."""
        return {
            "source": self.source,
            "is_good": not self.problems,
            "problems": [
                {
                    "key": problem.key,
                    "line": problem.line,
                    "column": problem.column,
                    "message": problem.message,
                }
                for problem in self.problems
            ],
            "description": self.description.splitlines(),
        }


def check_file(path: Path, keys: DoorKeys) -> Judgement:
    """Judge a config file; a file that cannot be read is a problem like any other."""
    try:
        config = load_config(path, settings_types())
    except ConfigError as error:
        return Judgement(error.source, error.problems, "")
    problems, description = check_config(config, keys)
    return Judgement(str(path), locate_problems(problems, path), description)


def find_problems(config: Config, keys: DoorKeys) -> tuple[Problem, ...]:
    """Everything that would keep the daemon from serving, so far as files and secrets tell.

    Args:
        config: a config whose keys were judged already (`voxd.config.load_config`).
        keys: the secrets by which requests are known.
    """
    return (
        *check_exposure(config, keys),
        *missing_models(config, named_engines(config).usable),
        *unserved(config, declared_board(config)),
        *check_lookup(config),
        *check_tools_secret(config),
        *check_alerts(config),
        *check_records(config),
    )


def check_config(config: Config, keys: DoorKeys) -> tuple[tuple[Problem, ...], str]:
    """`find_problems`, and a description for people."""
    board = declared_board(config)
    problems = find_problems(config, keys)
    lines = (
        *_describe_tiers(config),
        *_describe_numbers(config, board),
        *_describe_lookup(config, board),
        *describe_door(config, keys),
        *describe_orders(config),
        *describe_records(config),
        *describe_alerts(config),
        *_warn(config, board),
    )
    return problems, "\n".join(lines)


def _describe_tiers(config: Config) -> list[str]:
    served = {seen.call.tier for seen in config.served()}
    lines = ["The tiers (* in use):"]
    for name, tier in config.tiers.items():
        mark = "*" if name in served else " "
        chains = "  ".join(
            f"{kind} {' > '.join(chain)}"
            for kind, chain in (
                ("stt", tier.stt),
                ("llm", tier.llm),
                ("tts", tier.tts),
                ("turn", tier.turn),
            )
            if chain
        )
        extras = "  interruptions" if tier.interruptions else ""
        extras += f"  emotions {tier.emotions}" if tier.emotions != "none" else ""
        lines.append(f"{mark} {name:<11} {tier.target_s * 1000:5.0f} ms  {chains}{extras}")
    return lines


def _describe_numbers(config: Config, board: HealthBoard) -> list[str]:
    """Who answers each number, and which chain it gets, and why not another."""
    lines = []
    every = "Any other number" if config.numbers else "Any number"
    for who, seen in zip((*config.numbers, every), _numbers_last(config), strict=True):
        own = config.numbers.get(who)
        agent = f", agent {own.agent!r}" if own is not None and own.agent is not None else ""
        language = seen.agent.language
        whose = f", tenant {seen.call.tenant!r}" if seen.call.tenant else ""
        lines.append(f"{who}: tier {seen.call.tier!r}{whose}{agent}, language {language!r}")
        lines.append(f"  says {seen.phrases.greeting}")
        if seen.agent.tools:
            lines.append(f"  may use {', '.join(seen.agent.tools)}")
        if seen.in_turns:
            lines.append("  goes by TwiML turns: Twilio hears and speaks, only llm is needed")
        no_room = " > ".join(dict.fromkeys((*seen.tier().no_room, "sentence")))
        lines.append(f"  without room {no_room}; when all fails {seen.agent.on_failure}")
        chains = {**rank_chains(seen, board), Kind.TURN: rank_judges(seen, board)}
        for kind, chain in chains.items():
            if kind is Kind.TURN and not chain.judgements:
                continue  # a tier may do without
            refused = [f"{j.name}: {j.reason}" for j in chain.judgements if j.place is None]
            why = f"  (not {'; '.join(refused)})" if refused else ""
            lines.append(f"  {kind} {' > '.join(chain.names) or 'nothing'}{why}")
    return lines


def _describe_lookup(config: Config, board: HealthBoard) -> list[str]:
    """Who is asked, and what it had better not answer."""
    lookup = config.lookup
    if not lookup.url:
        return []
    asked = f"within {lookup.deadline_s:g} s, and again after {lookup.ttl_s:g} s"
    lines = {f"Whose call it is, {urlsplit(lookup.url).hostname} is asked {asked}.": None}
    for seen in config.expected():
        chains = rank_chains(seen, board)
        if empty := ", ".join(kind for kind, chain in chains.items() if not chain.names):
            told = f"Warning: should it say tier {seen.call.tier!r} for {seen.agent.language!r},"
            lines[f"{told} nothing is left of {empty}: such calls find no room."] = None
    return list(lines)


def _numbers_last(config: Config) -> tuple[Config, ...]:
    every, *numbers = config.served()
    return (*numbers, every)


def _warn(config: Config, board: HealthBoard) -> list[str]:
    """What works, but perhaps not as somebody believes."""
    lines: dict[str, None] = {}
    max_calls = config.server.max_calls
    for seen in config.served():
        if seen.tier().transport == "twiml" and not seen.in_turns:
            told = f"Warning: tier {seen.call.tier!r} wants TwiML turns, which need public_url:"
            lines[f"{told} without it, its calls go by the media stream."] = None
        cloud_only = []
        for kind, chain in rank_chains(seen, board).items():
            cloud = [name for name in chain.names if not ENTRIES[name].is_local]
            if cloud and cloud == list(chain.names):
                cloud_only.append(str(kind))
            if cloud:
                lines[f"Needs the network for {kind}: {', '.join(cloud)}."] = None
            first = next(iter(chain.names), "")
            sequences = getattr(config.engines.get(first), "sequences", max_calls)
            if sequences < max_calls:
                room = f"{first} holds {sequences} conversations at once; more calls are told so."
                lines[room] = None
        if cloud_only:
            kinds, language = ", ".join(cloud_only), seen.agent.language
            told = f"Warning: no local fallback of {kinds} for the language {language!r};"
            lines[f"{told} {_without_cloud(config)}"] = None
    for number, own in config.numbers.items():
        if number[:1] in "+0123456789" and not _E164.fullmatch(number):
            told = f"Warning: [numbers] {number!r} is not as Twilio writes numbers (+15550100):"
            lines[f"{told} no call will be found to be for it."] = None
        agent = config.agent
        if own.agent is not None:
            agent = agent.changed_by(config.agents[own.agent])
        if own.language not in (None, agent.language):
            told = f"Warning: {number} speaks {own.language!r}; the prompt of its agent was written"
            lines[f"{told} for {agent.language!r}."] = None
    return [*lines, *_warn_of_open_wires(config)]


def _warn_of_open_wires(config: Config) -> Iterator[str]:
    """Engines on another machine that are spoken to without TLS."""
    for name in named_engines(config).usable:
        url = urlsplit(getattr(config.engines[name], "base_url", ""))
        if url.scheme == "http" and not is_loopback(url.hostname or ""):
            told = f"Warning: [engines.{name}] base_url is plain http to another machine:"
            yield f"{told} key and words go there in the clear."


def _without_cloud(config: Config) -> str:
    """What callers hear when there is neither a provider nor an engine on this machine."""
    if config.cache.directory:
        return "while the cloud is away its callers hear the stored apology."
    return "and without [cache] directory no apology is stored for its callers."
