"""What single keys cannot be judged by: agents and the texts that calls fill in. Pure.

Called by `voxd.config.parse_config` once every key is well by itself.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from voxd.errors import Problem
from voxd.placeholders import OF_CALLS, names_in

if TYPE_CHECKING:  # it imports this module
    from voxd.config import Agent, Config, EngineSettings

POLLY = "polly"
"""Stands for Twilio's own voices among the engines of an agent's `voices`."""


def check_agents(config: "Config", engines: "EngineSettings") -> list[Problem]:
    """What an agent, or a tier whose calls it answers, leans on and has not got."""
    agents = {"agent": config.agent}
    agents |= {
        f"agents.{name}": config.agent.changed_by(own) for name, own in config.agents.items()
    }
    found = []
    for table, agent in agents.items():
        wanting = _wanting(agent, agent.on_failure)
        if wanting is not None:
            message = f'on_failure = "{agent.on_failure}" needs {wanting}'
            found.append(Problem(f"{table}.on_failure", message))
        for engine in agent.voices:
            if engine != POLLY and engines.get(engine, ("",))[0] != "tts":
                message = f"no such voice engine; known: {POLLY}, {', '.join(_voices(engines))}"
                found.append(Problem(f"{table}.voices.{engine}", message))
    return found


def check_variables(config: "Config") -> list[Problem]:
    """Names in braces that no call could fill in, and values that nobody could name."""
    known = {*OF_CALLS, *config.variables}
    found = [
        Problem(f"variables.{name}", "every call has a variable of this name already")
        for name in config.variables
        if name in OF_CALLS
    ]
    for number, own in config.numbers.items():
        for name in own.variables.keys() - config.variables.keys():
            key = f"numbers.{number}.variables.{name}"
            found.append(Problem(key, f"give {name!r} a default under [variables] first"))
    for key, text in _filled_texts(config):
        for name in sorted(names_in(text) - known):
            message = f"no variable {{{name}}}; known: {', '.join(sorted(known))}"
            found.append(Problem(key, f"{message}; write {{{{{name}}}}} for the braces themselves"))
    for key, text in _fixed_texts(config):
        if names_in(text):
            message = "is rendered ahead: variables stand in prompts and greetings only"
            found.append(Problem(key, message))
    return found


def _wanting(agent: "Agent", resort: str) -> str | None:
    """What a last resort needs of an agent and does not find; None: all well."""
    if resort == "transfer" and not agent.transfer.number:
        return "a transfer.number"
    if resort == "redirect" and not agent.redirect_url:
        return "a redirect_url"
    return None


def check_no_room(config: "Config") -> list[Problem]:
    """What the tiers of `Config.served` fall back on and their agents have not got."""
    found = {}
    for number, seen in zip(("", *config.numbers), config.served(), strict=True):
        tier = seen.call.tier
        for resort in seen.tier().no_room:
            wanting = _wanting(seen.agent, resort)
            if wanting is not None:
                who = f"calls to {number}" if number else "calls"
                key = f"tiers.{tier}.no_room"
                found[key] = Problem(key, f'"{resort}" needs {wanting} of the agent of {who}')
    return list(found.values())


def _voices(engines: "EngineSettings") -> list[str]:
    return sorted(name for name, (kind, _) in engines.items() if kind == "tts")


def _filled_texts(config: "Config") -> Iterator[tuple[str, str]]:
    """Key and text of what calls fill in."""
    for table, agent in (("agent", config.agent), *_own_agents(config)):
        yield f"{table}.prompt", agent.prompt
        yield f"{table}.greeting", agent.greeting
    for language, phrases in config.phrases_of.items():
        yield f"phrases.{language}.greeting", phrases.greeting


def _fixed_texts(config: "Config") -> Iterator[tuple[str, str]]:
    """Key and text of what is said as it stands."""
    tables: dict[str, Mapping[str, object]] = {
        f"phrases.{language}": phrases.model_dump(exclude={"greeting"})
        for language, phrases in config.phrases_of.items()
    }
    for table, agent in (("agent", config.agent), *_own_agents(config)):
        tables[f"{table}.phrases"] = agent.phrases.model_dump(exclude_none=True)
    for table, phrases in tables.items():
        for key, value in phrases.items():
            texts = (value,) if isinstance(value, str) else value
            if isinstance(texts, tuple):
                yield from ((f"{table}.{key}", str(text)) for text in texts)


def _own_agents(config: "Config") -> Iterator[tuple[str, "Agent"]]:
    return ((f"agents.{name}", agent) for name, agent in config.agents.items())
