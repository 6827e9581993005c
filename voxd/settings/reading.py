"""Reads and judges config.toml: every problem in one error, each with its key."""

import contextlib
import copy
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from voxd.errors import ConfigError, Problem
from voxd.settings.cross_checks import check_agents, check_no_room, check_variables
from voxd.settings.table import Table
from voxd.settings.tools import check_tools
from voxd.settings.whole import Config

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
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(path), (Problem("", f"cannot be read: {error.strerror}"),)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), (Problem("", f"is not UTF-8: {error}"),)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), (Problem("", f"is not valid TOML: {error}"),)) from None
    return parse_config(raw, engines, base_dir=path.resolve().parent, source=str(path))


def parse_config(
    raw: Mapping[str, Any], engines: EngineSettings, *, base_dir: Path, source: str
) -> Config:
    """Judge a decoded config; see `load_config`."""
    problems: list[Problem] = []
    settings = _parse_engines(raw.get("engines", {}), engines, problems)
    config: Config | None = None
    for key in ("base_dir", "is_outbound"):
        if key in raw:
            problems.append(Problem(key, "is not a key of this file"))
    tables = {**raw, "engines": settings, "base_dir": base_dir}
    try:
        config = Config.model_validate(tables)
    except ValidationError as error:
        problems.extend(_problems(error, ()))
        # What remains without the keys that are wrong may have problems of its own: tell them too.
        with contextlib.suppress(ValidationError):
            config = Config.model_validate(_without_wrong_keys(tables, error))
    if config is not None:
        tables = raw.get("engines", {})
        named = set(tables) if isinstance(tables, Mapping) else set()
        problems.extend(_cross_check(config, engines, named))
    if problems or config is None:
        raise ConfigError(source, tuple(problems))
    completed = {name: table.completed(config.local) for name, table in settings.items()}
    return config.model_copy(update={"engines": completed})


def read_secret(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """A secret by name: the systemd credential of that name, else the environment, else ""."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory:
        file = Path(directory) / name
        if file.is_file():
            return file.read_text(encoding="utf-8").strip()
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
        try:
            settings[name] = engines[name][1].model_validate(table)
        except ValidationError as error:
            problems.extend(_problems(error, ("engines", name)))
    return settings


def _problems(error: ValidationError, prefix: tuple[str, ...]) -> list[Problem]:
    found = []
    for item in error.errors(include_url=False, include_context=False):
        key = ".".join([*prefix, *(str(part) for part in item["loc"])])
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "no such key"
        elif item["type"] not in ("missing", "value_error"):
            message = f"{message}, found {item['input']!r}"[:300]
        found.append(Problem(key, message))
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


def _cross_check(config: Config, engines: EngineSettings, tables: set[str]) -> list[Problem]:
    found = []
    if config.call.tier not in config.tiers:
        known = ", ".join(sorted(config.tiers))
        found.append(Problem("call.tier", f"no tier {config.call.tier!r}; known: {known}"))
    for number, own in config.numbers.items():
        if own.tier is not None and own.tier not in config.tiers:
            known = ", ".join(sorted(config.tiers))
            key = f"numbers.{number}.tier"
            found.append(Problem(key, f"no tier {own.tier!r}; known: {known}"))
        if own.agent is not None and own.agent not in config.agents:
            known = ", ".join(sorted(config.agents)) or "none"
            key = f"numbers.{number}.agent"
            found.append(Problem(key, f"no agent {own.agent!r}; known: {known}"))
    if not found:  # else an agent or a tier may not exist
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
