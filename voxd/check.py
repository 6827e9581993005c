"""`voxd check`: what is wrong with a config, and what a call would get. Looks at files only."""

from voxd.config import Config
from voxd.engines.registry import ENTRIES
from voxd.errors import Problem
from voxd.runtime import engine_names
from voxd.server.guard import check_exposure
from voxd.warmup import missing_models


def check_config(config: Config, auth_token: str) -> tuple[tuple[Problem, ...], str]:
    """Everything that would keep the daemon from serving, and a description for people.

    Args:
        config: a config whose keys were judged already (`voxd.config.load_config`).
        auth_token: Twilio's, or empty.
    """
    problems = (
        *check_exposure(config, auth_token),
        *missing_models(config, engine_names(config)),
    )
    return problems, "\n".join((*_describe_tiers(config), *_describe_line(config, auth_token)))


def _describe_tiers(config: Config) -> list[str]:
    lines = [f"Every number is answered on tier {config.call.tier!r}. The tiers:"]
    for name, tier in config.tiers.items():
        mark = "*" if name == config.call.tier else " "
        chains = "  ".join(
            f"{kind} {' > '.join(chain)}"
            for kind, chain in (("stt", tier.stt), ("llm", tier.llm), ("tts", tier.tts))
        )
        interruptions = "  interruptions" if tier.interruptions else ""
        lines.append(f"{mark} {name:<11} {tier.target_s * 1000:5.0f} ms  {chains}{interruptions}")
    return lines


def _describe_line(config: Config, auth_token: str) -> list[str]:
    server = config.server
    who = "requests that carry Twilio's signature" if auth_token else "this machine only"
    lines = [
        f"Listens on {server.host}:{server.port} and serves {who}.",
        f"At most {server.max_calls} calls at once.",
    ]
    for name in engine_names(config):
        languages = getattr(config.engines[name], "languages", ())
        if languages and config.agent.language not in languages:
            lines.append(f"Warning: {name} does not know the language {config.agent.language!r}.")
        sequences = getattr(config.engines[name], "sequences", server.max_calls)
        if sequences < server.max_calls:
            lines.append(f"Warning: {name} can hold {sequences} conversations at once, not more.")
    cloud = [name for name in engine_names(config) if not ENTRIES[name].is_local]
    if cloud:
        lines.append(f"Needs the network for: {', '.join(cloud)}.")
    return lines
