"""`voxd check`: what is wrong with a config, and what a call would get. Looks at files only."""

from voxd.chains import declared_board, named_engines, rank_chains, rank_judges, unserved
from voxd.config import Config
from voxd.engines.health_board import HealthBoard
from voxd.engines.registry import ENTRIES
from voxd.errors import Problem
from voxd.events import Kind
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
        lines.append(f"{who}: tier {seen.call.tier!r}{agent}, language {language!r}")
        lines.append(f"  says {seen.phrases.greeting}")
        chains = {**rank_chains(seen, board), Kind.TURN: rank_judges(seen, board)}
        for kind, chain in chains.items():
            if kind is Kind.TURN and not chain.judgements:
                continue  # a tier may do without
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
        agent = config.agent
        if own.agent is not None:
            agent = agent.changed_by(config.agents[own.agent])
        if own.language not in (None, agent.language):
            told = f"Warning: {number} speaks {own.language!r}; the prompt of its agent was written"
            lines[f"{told} for {agent.language!r}."] = None
    return list(lines)


def _without_cloud(config: Config) -> str:
    """What callers hear when there is neither a provider nor an engine on this machine."""
    if config.cache.directory:
        return "while the cloud is away its callers hear the stored apology."
    return "and without [cache] directory no apology is stored for its callers."
