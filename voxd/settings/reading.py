"""Reads and judges config.toml: every problem in one error, each with its key."""

import contextlib
import copy
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from voxd.errors import ConfigError, Problem
from voxd.frozen import folder_of
from voxd.settings.cross_checks import check_agents, check_no_room, check_variables
from voxd.settings.places import locate
from voxd.settings.table import Table
from voxd.settings.tools import check_tools
from voxd.settings.whole import Config
from voxd.settings.wording import explain, known_keys, suggest, suggest_table

EngineSettings = Mapping[str, tuple[str, type[Table]]]
"""Engine name -> (kind: `stt`, `llm`, `tts` or `turn`; the model of its table)."""


def load_config(path: Path, engines: EngineSettings) -> Config:
    """Read and judge a config file.

    Args:
        path: the TOML file.
        engines: every engine that may be named, from `voxd.engines.registry`.

    Raises:
        ConfigError: the file is missing, is no TOML, or has problems (all of them listed).
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(str(path), (Problem("", f"cannot be read: {error.strerror}"),)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), (Problem("", f"is not UTF-8: {error}"),)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), (_not_toml(error),)) from None
    except RecursionError:
        nested = Problem("", "is not a config: its lists or tables are nested too deeply")
        raise ConfigError(str(path), (nested,)) from None
    try:
        return parse_config(raw, engines, base_dir=folder_of(path), source=str(path))
    except ConfigError as error:
        raise ConfigError(str(path), locate(error.problems, text)) from None


def locate_problems(problems: Iterable[Problem], path: Path) -> tuple[Problem, ...]:
    """Problems of a config that was read from this file, each with its line there."""
    try:
        return locate(problems, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):  # it has gone meanwhile
        return tuple(problems)


def parse_config(
    raw: Mapping[str, Any], engines: EngineSettings, *, base_dir: Path, source: str
) -> Config:
    """Judge a decoded config; see `load_config`."""
    problems: list[Problem] = []
    settings = _parse_engines(raw.get("engines", {}), engines, problems)
    config: Config | None = None
    for key in ("base_dir", "is_outbound", "agent_name"):
        if key in raw:
            problems.append(Problem(key, "is not a key of this file"))
    tables = {**raw, "engines": settings, "base_dir": base_dir}
    try:
        config = Config.model_validate(tables)
    except ValidationError as error:
        problems.extend(_problems(error, Config))
        # What remains without the keys that are wrong may have problems of its own: tell them too.
        with contextlib.suppress(ValidationError):
            config = Config.model_validate(_without_wrong_keys(tables, error))
    if config is not None:
        problems.extend(_cross_check(config, engines, raw))
    if problems or config is None:
        raise ConfigError(source, tuple(problems))
    completed = {name: table.completed(config.local) for name, table in settings.items()}
    return config.model_copy(update={"engines": completed})


def read_secret(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """A secret by name: the systemd credential of that name, else the environment, else "".

    Raises:
        ConfigError: the credential is there, or may be, and cannot be read.
    """
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory:
        try:
            return (Path(directory) / name).read_text(encoding="utf-8").strip()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            pass
        except PermissionError:
            told = f"the secret {name} may be read by root only: ask as root (sudo)"
            raise ConfigError(directory, (Problem("", told),)) from None
        except (OSError, UnicodeDecodeError) as error:
            told = f"the secret {name} cannot be read: {type(error).__name__}"
            raise ConfigError(directory, (Problem("", told),)) from None
    return environ.get(name, "").strip()


def _parse_engines(raw: Any, engines: EngineSettings, problems: list[Problem]) -> dict[str, Table]:
    settings: dict[str, Table] = {}
    if not isinstance(raw, Mapping):
        problems.append(Problem("engines", "must be a table of tables"))
        return settings
    for name, table in raw.items():
        if name not in engines:
            known = ", ".join(sorted(engines))
            problems.append(Problem(f"engines.{name}", f"no such engine; known: {known}"))
            continue
        model = engines[name][1]
        try:
            settings[name] = model.model_validate(table)
        except ValidationError as error:
            problems.extend(_problems(error, model, ("engines", name)))
    return settings


_AT = re.compile(r" \(at line (\d+), column (\d+)\)$")
"""How `tomllib` says where it was lost."""
_OF_A_KEY = "[key]"
"""pydantic's last word on the place of a key that is wrong itself."""


def _not_toml(error: tomllib.TOMLDecodeError) -> Problem:
    told = str(error)
    at = _AT.search(told)
    if at is None:
        return Problem("", f"is not valid TOML: {told}")
    message = f"is not valid TOML at column {at[2]}: {told[: at.start()]}"
    return Problem("", message, line=int(at[1]), column=int(at[2]))


def _problems(
    error: ValidationError, model: type[Table], prefix: tuple[str, ...] = ()
) -> list[Problem]:
    found = []
    for item in error.errors(include_url=False):
        *table, last = item["loc"] or ("",)
        known = known_keys(model, table)
        message = explain(item, known)
        is_unknown = item["type"] == "extra_forbidden"
        if is_unknown and not prefix and not suggest(str(last), known):
            message += suggest_table(model, table, str(last))
        place = table if last == _OF_A_KEY else [*table, last]
        found.append(Problem(".".join([*prefix, *map(str, place)]), message))
    return found


def _without_wrong_keys(raw: Mapping[str, Any], error: ValidationError) -> dict[str, Any]:
    """The same tables without each key that the error names; defaults stand in for them."""
    kept = copy.deepcopy(dict(raw))
    for item in error.errors(include_url=False, include_context=False):
        *path, last = item["loc"] or ("",)
        table: Any = kept
        for part in path:
            table = table.get(part) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table.pop(last, None)
    return kept


def _check_languages(config: Config) -> list[Problem]:
    """Whoever speaks a language needs its phrases: nobody else may say them."""
    speakers = {
        "agent": config.agent.language,
        **{f"agents.{name}": own.language for name, own in config.agents.items()},
        **{f"numbers.{number}": own.language for number, own in config.numbers.items()},
    }
    return [
        Problem(
            f"{table}.language", f"no phrases in {language!r}; they go into [phrases.{language}]"
        )
        for table, language in speakers.items()
        if language is not None and language not in config.phrases_of
    ]


def _named(raw: Mapping[str, Any], key: str) -> set[str]:
    """The tables that the file has under a key: one with problems of its own is no further one."""
    tables = raw.get(key, {})
    return set(tables) if isinstance(tables, Mapping) else set()


def _check_routes(config: Config, raw: Mapping[str, Any]) -> list[Problem]:
    """Tiers and agents that calls are to have and that nobody wrote."""
    tiers, agents = _named(raw, "tiers"), _named(raw, "agents")
    known_tiers = ", ".join(sorted(tiers))
    known_agents = ", ".join(sorted(agents)) or "none"
    found = []
    if config.call.tier not in tiers:
        found.append(Problem("call.tier", f"no tier {config.call.tier!r}; known: {known_tiers}"))
    for number, own in config.numbers.items():
        key = f"numbers.{number}"
        if own.tier is not None and own.tier not in tiers:
            found.append(Problem(f"{key}.tier", f"no tier {own.tier!r}; known: {known_tiers}"))
        if own.agent is not None and own.agent not in agents:
            found.append(Problem(f"{key}.agent", f"no agent {own.agent!r}; known: {known_agents}"))
    return found


def _cross_check(config: Config, engines: EngineSettings, raw: Mapping[str, Any]) -> list[Problem]:
    tables = _named(raw, "engines")
    found = _check_routes(config, raw)
    numbers = config.numbers.values()
    is_whole = {config.call.tier, *(own.tier for own in numbers)} - {None} <= set(config.tiers)
    if is_whole and {own.agent for own in numbers} - {None} <= set(config.agents):
        found += check_no_room(config)
    found += _check_languages(config)
    found += check_agents(config, engines)
    found += check_variables(config)
    found += check_tools(config)
    for name, tier in config.tiers.items():
        for kind in ("stt", "llm", "tts", "turn"):
            for engine in getattr(tier, kind):
                key = f"tiers.{name}.{kind}"
                if engine not in tables:  # a table with problems of its own is no further one
                    found.append(Problem(key, f"engine {engine!r} has no table [engines.{engine}]"))
                elif engine in engines and engines[engine][0] != kind:
                    found.append(Problem(key, f"{engine!r} is of kind {engines[engine][0]}"))
    return found
