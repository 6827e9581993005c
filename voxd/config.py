"""config.toml as frozen models; every problem in one error, each with its key. Reads files.

The shipped `config.toml` is the reference: a test fails on a key that this file does not know
or that the shipped file does not show. Engine tables are validated by the `Settings` model that
each engine declares; `load_config` gets them as an argument, because this module is row 0 and
knows no engine.

Secrets never stand in the file: `read_secret` takes them from systemd credentials or the
environment, and they are held apart from the config so that it can be printed.
"""

import contextlib
import copy
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from voxd.contracts import EMOTIONS
from voxd.errors import ConfigError, Problem
from voxd.phrases import SHIPPED


class Table(BaseModel):
    """Base of all tables: frozen, strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    def completed(self, local: "Local") -> Self:
        """This table of an engine with what follows from the machine filled in."""
        return self


class Server(Table):
    """`[server]`: where the daemon listens and how much it takes."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    public_url: str = Field("", pattern=r"^(https?://[^/\s?#]+)?$")
    max_calls: int = Field(100, ge=1, le=1000)
    drain_s: float = Field(30.0, ge=0, le=3600)


class Line(Table):
    """`[line]`: the telephone line's timing, seconds."""

    lead_s: float = Field(0.2, ge=0.04, le=2)
    mark_grace_s: float = Field(1.0, ge=0.1, le=10)
    stall_s: float = Field(0.5, ge=0.1, le=5)
    max_gap_s: float = Field(1.0, ge=0, le=10)


class Ear(Table):
    """`[ear]`: what counts as speech."""

    aggressiveness: int = Field(2, ge=0, le=3)
    speech_onset_s: float = Field(0.08, ge=0.02, le=0.12)
    pause_s: float = Field(0.1, ge=0.04, le=0.5)
    min_level_dbfs: float = Field(-50.0, ge=-90, le=0)


class Call(Table):
    """`[call]`: limits of one call, seconds."""

    tier: str = "free"
    max_call_s: float = Field(1800.0, gt=0, le=14400)
    idle_s: float = Field(8.0, gt=0, le=120)
    reprompts: int = Field(2, ge=0, le=10)
    last_net_s: float = Field(10.0, gt=0, le=60)
    transcript_s: float = Field(4.0, gt=0, le=30)


class HistoryLimits(Table):
    """`[history]`: how much of a conversation the model is shown."""

    max_messages: int = Field(20, ge=4, le=200)
    drop_messages: int = Field(8, ge=2)

    @model_validator(mode="after")
    def drop_fits(self) -> Self:
        if self.drop_messages >= self.max_messages:
            raise ValueError("drop_messages must be smaller than max_messages")
        return self


Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
"""BCP-47 primary subtag."""
Sentence = Annotated[str, Field(min_length=1, max_length=500)]
Sentences = Annotated[tuple[Sentence, ...], Field(max_length=16)]


class Phrases(Table):
    """`[phrases.LANGUAGE]`: what is said without the model."""

    greeting: Sentence
    reprompt: Sentence
    did_not_catch: Sentence
    too_slow: Sentence
    failure: Sentence
    goodbye: Sentence
    busy: Sentence
    fillers: Sentences
    """Said while a reply is late, in turns."""
    common: Sentences
    """Sentences that a model is likely to write: rendered ahead like the others."""


class OwnPhrases(Table):
    """`[agents.NAME.phrases]`: what one agent says otherwise; None: as its language does."""

    reprompt: Sentence | None = None
    did_not_catch: Sentence | None = None
    too_slow: Sentence | None = None
    failure: Sentence | None = None
    goodbye: Sentence | None = None
    busy: Sentence | None = None
    fillers: Sentences | None = None
    common: Sentences | None = None


def _known_emotion(word: str) -> str:
    if word and word not in EMOTIONS:
        raise ValueError(f"no such emotion; known: {', '.join(sorted(EMOTIONS))}")
    return word


Emotion = Annotated[str, AfterValidator(_known_emotion)]


class Agent(Table):
    """`[agent]`: who answers; and `[agents.NAME]`: what is different about others."""

    language: Language = "en"
    prompt: str = Field("You are a friendly receptionist.", min_length=1, max_length=20_000)
    greeting: str = Field("", max_length=500)
    max_tokens: int = Field(150, ge=8, le=1000)
    temperature: float = Field(0.7, ge=0, le=2)
    emotion: Emotion = ""
    emotion_presets: tuple[Annotated[Emotion, Field(min_length=1)], ...] = (
        *("content", "sympathetic", "apologetic", "excited"),
    )
    speed: float = Field(1.0, ge=0.6, le=1.5)
    volume: float = Field(1.0, ge=0.5, le=2.0)
    phrases: OwnPhrases = OwnPhrases()

    def changed_by(self, own: "Agent") -> "Agent":
        """This agent with every key that `own` was given."""
        base = self.speaking(own.language) if "language" in own.model_fields_set else self
        given = {key: getattr(own, key) for key in own.model_fields_set}
        return base.model_copy(update=given)

    def speaking(self, language: str) -> "Agent":
        """This agent in a language; its greeting and phrases in another one are left behind."""
        if language == self.language:
            return self
        words = {"greeting": "", "phrases": OwnPhrases()}
        return self.model_copy(update={"language": language, **words})


_Seconds = Annotated[float, Field(gt=0, le=60)]


class Deadline(NamedTuple):
    """How long a stage may make no progress; `[soft, hard]` in the file.

    The last engine of several is left after three times the hard one; an only engine is never left
    for being slow: the call's `last_net_s` is the bound.
    """

    soft_s: _Seconds
    """When the next engine of the chain is started beside this one."""
    hard_s: _Seconds
    """When this one is left."""


class Deadlines(Table):
    """`[tiers.NAME.deadlines]`: progress that each stage owes, seconds.

    The defaults leave the next engine, a local one, time to be heard within 1.5 s more than a
    good answer takes.
    """

    stt_connected_s: Deadline = Deadline(0.6, 1.2)
    """From the attempt to open a stream to its being open."""
    transcript_s: Deadline = Deadline(0.5, 1.0)
    """From the flush to words that cover it."""
    first_token_s: Deadline = Deadline(0.45, 0.9)
    """From the request to the first token."""
    first_clause_s: Deadline = Deadline(0.8, 1.2)
    """From the request to the first clause that can be spoken."""
    first_audio_s: Deadline = Deadline(0.35, 0.7)
    """From a clause to its first audio."""
    next_audio_s: Deadline = Deadline(0.4, 0.8)
    """From audio to the audio after it, within a clause; the same limit, for the next token,
    holds for a reply that is being written."""

    @model_validator(mode="after")
    def soft_comes_first(self) -> Self:
        for name in type(self).model_fields:
            deadline: Deadline = getattr(self, name)
            if deadline.soft_s > deadline.hard_s:
                raise ValueError(f"{name}: must be [soft, hard] with soft <= hard")
        return self


class Tier(Table):
    """`[tiers.NAME]`: what a call of this tier gets. Chains name engines, first to last."""

    target_s: float = Field(gt=0, le=30)
    stt: tuple[str, ...] = Field(min_length=1)
    llm: tuple[str, ...] = Field(min_length=1)
    tts: tuple[str, ...] = Field(min_length=1)
    turn: tuple[str, ...] = ()
    interruptions: bool = False
    speculation: int = Field(2, ge=0, le=10)
    filler_after_s: float = Field(0.0, ge=0, le=30)
    utterance_end_s: float = Field(1.0, ge=0, le=5)
    vad_events: bool = False
    emotions: Literal["none", "presets", "full"] = "none"
    wait_complete_s: float = Field(0.4, ge=0.1, le=5)
    wait_unknown_s: float = Field(0.75, ge=0.1, le=5)
    wait_incomplete_s: float = Field(1.4, ge=0.1, le=10)
    deadlines: Deadlines = Deadlines()

    @model_validator(mode="after")
    def waits_grow(self) -> Self:
        if not self.wait_complete_s <= self.wait_unknown_s <= self.wait_incomplete_s:
            raise ValueError("must hold: wait_complete_s <= wait_unknown_s <= wait_incomplete_s")
        return self


class Number(Table):
    """`[numbers."+15550100"]`: what differs for calls to this number; absent: as elsewhere."""

    tier: str | None = None
    agent: str | None = None
    language: Language | None = None


class Health(Table):
    """`[health]`: how engines are watched, seconds."""

    probe_s: float = Field(2.0, ge=0.1, le=600)
    idle_probe_s: float = Field(300.0, ge=0, le=86_400)
    probe_limit_s: float = Field(5.0, ge=0.1, le=60)


class Local(Table):
    """`[local]`: the model workers."""

    cores: int = Field(0, ge=0, le=1024)
    heartbeat_s: float = Field(0.25, ge=0.05, le=5)
    silent_s: float = Field(1.25, ge=0.2, le=60)
    start_s: float = Field(60.0, ge=1, le=600)
    restart_max_s: float = Field(10.0, ge=0.1, le=600)
    queue: int = Field(32, ge=1, le=10_000)
    shadow_calls: int = Field(2, ge=0, le=1000)

    def core_count(self) -> int:
        """Processor cores that the workers may use together."""
        if self.cores:
            return self.cores
        if hasattr(os, "sched_getaffinity"):  # what a container or a unit was given
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    @model_validator(mode="after")
    def silence_is_longer(self) -> Self:
        if self.silent_s < 3 * self.heartbeat_s:
            raise ValueError("silent_s must be at least three times heartbeat_s")
        return self


class Cache(Table):
    """`[cache]`: speech that was rendered once."""

    directory: str = "var/speech"
    reply_characters: int = Field(100, ge=0, le=500)


class Log(Table):
    """`[log]`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class Config(Table):
    """The whole file. `engines` holds each engine's own `Settings` by its name."""

    server: Server = Server()
    line: Line = Line()
    ear: Ear = Ear()
    call: Call = Call()
    history: HistoryLimits = HistoryLimits()
    agent: Agent = Agent()
    agents: dict[str, Agent] = Field(default_factory=dict)
    phrases_of: dict[Language, Phrases] = Field(
        default_factory=dict, alias="phrases", validate_default=True
    )
    """By language; `phrases` are those of a call."""
    tiers: dict[str, Tier] = Field(min_length=1)
    numbers: dict[str, Number] = Field(default_factory=dict)
    engines: dict[str, Any] = Field(default_factory=dict)
    health: Health = Health()
    local: Local = Local()
    cache: Cache = Cache()
    log: Log = Log()

    base_dir: Path = Field(default=Path(), exclude=True)
    """The folder that holds the file; relative paths start there. Not a key."""

    def tier(self) -> Tier:
        """The tier of a call."""
        return self.tiers[self.call.tier]

    @property
    def phrases(self) -> Phrases:
        """What a call says without the model: its language's phrases with its agent's own."""
        own = self.agent.phrases.model_dump(exclude_none=True)
        if self.agent.greeting:
            own["greeting"] = self.agent.greeting
        return self.phrases_of[self.agent.language].model_copy(update=own)

    def dialled(self, number: str) -> "Config":
        """This config as calls to a number see it: `call.tier` and `agent` are that number's."""
        own = self.numbers.get(number)
        if own is None:
            return self
        call, agent = self.call, self.agent
        if own.tier is not None:
            call = call.model_copy(update={"tier": own.tier})
        if own.agent is not None:
            agent = agent.changed_by(self.agents[own.agent])
        if own.language is not None:
            agent = agent.speaking(own.language)
        return self.model_copy(update={"call": call, "agent": agent})

    def served(self) -> "tuple[Config, ...]":
        """This config as each kind of call sees it: first for numbers that are not listed."""
        return (self, *(self.dialled(number) for number in self.numbers))

    @field_validator("phrases_of", mode="before")
    @classmethod
    def complete_phrases(cls, given: Any) -> Any:
        """A language that voxd brings along needs only what differs."""
        if not isinstance(given, Mapping):
            return given
        completed = {
            language: {**SHIPPED.get(language, {}), **own} if isinstance(own, Mapping) else own
            for language, own in given.items()
        }
        return {**SHIPPED, **completed}

    def resolve(self, path: str) -> Path:
        """Make a path of the file absolute."""
        return (self.base_dir / Path(path).expanduser()).resolve()


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
    if "base_dir" in raw:
        problems.append(Problem("base_dir", "is not a key of this file"))
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
    found += _check_languages(config)
    for name, tier in config.tiers.items():
        for kind in ("stt", "llm", "tts", "turn"):
            for engine in getattr(tier, kind):
                key = f"tiers.{name}.{kind}"
                if engine not in tables:  # a table with problems of its own is no further one
                    found.append(Problem(key, f"engine {engine!r} has no table [engines.{engine}]"))
                elif engine in engines and engines[engine][0] != kind:
                    found.append(Problem(key, f"{engine!r} is of kind {engines[engine][0]}"))
    return found
