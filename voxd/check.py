"""`voxd check`: what is wrong with a config, and what a call would get. Looks at files only."""

from voxd.chains import declared_board, named_engines, rank_chains, unserved
from voxd.config import Config
from voxd.engines.health_board import HealthBoard
from voxd.engines.registry import ENTRIES
from voxd.errors import Problem
from voxd.server.guard import check_exposure
from voxd.warmup import missing_models


def check_config(config: Config, auth_token: str) -> tuple[tuple[Problem, ...], str]:
    """Everything that would keep the daemon from serving, and a description for people.

    Args:
        config: a config whose keys were judged already (`voxd.config.load_config`).
        auth_token: Twilio's, or empty.
    """
    board = declared_board(config)
    problems = (
        *check_exposure(config, auth_token),
        *missing_models(config, named_engines(config).usable),
        *unserved(config, board),
    )
    lines = (
        *_describe_tiers(config),
        *_describe_numbers(config, board),
        *_describe_line(config, auth_token),
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
            for kind, chain in (("stt", tier.stt), ("llm", tier.llm), ("tts", tier.tts))
        )
        interruptions = "  interruptions" if tier.interruptions else ""
        lines.append(f"{mark} {name:<11} {tier.target_s * 1000:5.0f} ms  {chains}{interruptions}")
    return lines


def _describe_numbers(config: Config, board: HealthBoard) -> list[str]:
    """Which chain each number gets, and why not another."""
    lines = []
    every = "Any other number" if config.numbers else "Any number"
    for who, seen in zip((*config.numbers, every), _numbers_last(config), strict=True):
        lines.append(f"{who}: tier {seen.call.tier!r}, language {seen.agent.language!r}")
        for kind, chain in rank_chains(seen, board).items():
            refused = [f"{j.name}: {j.reason}" for j in chain.judgements if j.place is None]
            why = f"  (not {'; '.join(refused)})" if refused else ""
            lines.append(f"  {kind} {' > '.join(chain.names) or 'nothing'}{why}")
    return lines


def _numbers_last(config: Config) -> tuple[Config, ...]:
    every, *numbers = config.served()
    return (*numbers, every)


def _describe_line(config: Config, auth_token: str) -> list[str]:
    server = config.server
    who = "requests that carry Twilio's signature" if auth_token else "this machine only"
    return [
        f"Listens on {server.host}:{server.port} and serves {who}.",
        f"At most {server.max_calls} calls at once.",
    ]


def _warn(config: Config, board: HealthBoard) -> list[str]:
    """What works, but perhaps not as somebody believes."""
    lines: dict[str, None] = {}
    max_calls = config.server.max_calls
    for seen in config.served():
        language = seen.agent.language
        for kind, chain in rank_chains(seen, board).items():
            cloud = [name for name in chain.names if not ENTRIES[name].is_local]
            if cloud and cloud == list(chain.names):
                lines[f"Warning: no local fallback of {kind} for the language {language!r}."] = None
            if cloud:
                lines[f"Needs the network for {kind}: {', '.join(cloud)}."] = None
            first = next(iter(chain.names), "")
            sequences = getattr(config.engines.get(first), "sequences", max_calls)
            if sequences < max_calls:
                room = f"{first} holds {sequences} conversations at once; more calls are told so."
                lines[room] = None
    return list(lines)
