"""All tables of config.toml together, and how one call sees them. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from voxd.frozen import find
from voxd.phrases import SHIPPED
from voxd.placeholders import fill
from voxd.settings.agents import Agent
from voxd.settings.alerts import Alerts
from voxd.settings.calls import Call, Ear, HistoryLimits, Line, Telephony, Twiml
from voxd.settings.machine import Cache, Health, Local, Log, Server
from voxd.settings.numbers import Lookup, Number
from voxd.settings.phrases import Language, Phrases
from voxd.settings.records import Records
from voxd.settings.services import Tool
from voxd.settings.table import Table
from voxd.settings.tiers import Tier
from voxd.settings.values import ToolName, Variables


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
    twiml: Twiml = Twiml()
    telephony: Telephony = Telephony()
    numbers: dict[str, Number] = Field(default_factory=dict)
    lookup: Lookup = Lookup()
    alerts: Alerts = Alerts()
    records: Records = Records()
    tools: dict[ToolName, Tool] = Field(default_factory=dict)
    variables: Variables = Field(default_factory=dict)
    engines: dict[str, Any] = Field(default_factory=dict)
    health: Health = Health()
    local: Local = Local()
    cache: Cache = Cache()
    log: Log = Log()

    is_outbound: bool = Field(default=False, exclude=True)
    """We placed the call that sees this config. Not a key."""
    base_dir: Path = Field(default=Path(), exclude=True)
    """The folder that holds the file; relative paths start there. Not a key."""
    agent_name: str = Field(default="", exclude=True)
    """Which of `agents` a call has; empty: `agent` itself. Not a key."""

    def tier(self) -> Tier:
        """The tier of a call."""
        return self.tiers[self.call.tier]

    @property
    def in_turns(self) -> bool:
        """A call goes by TwiML turns from its beginning: Twilio must be able to find us."""
        return self.tier().transport == "twiml" and bool(self.server.public_url)

    @property
    def last_words(self) -> str:
        """What is said when nothing answers any more: the call ends, or somebody takes it over."""
        is_over = self.agent.on_failure == "hang_up"
        return self.phrases.failure if is_over else self.phrases.hand_over

    @property
    def closing_words(self) -> str:
        """What is said when the daemon stops in mid-call: it ends, or somebody takes it over."""
        if self.agent.on_failure != "hang_up":
            return self.phrases.hand_over
        return self.phrases.closing or self.phrases.goodbye

    @property
    def phrases(self) -> Phrases:
        """What a call says without the model: its language's phrases with its agent's own."""
        own = self.agent.phrases.model_dump(exclude_none=True)
        if self.agent.greeting:
            own["greeting"] = self.agent.greeting
        return self.phrases_of[self.agent.language].model_copy(update=own)

    def dialled(self, number: str) -> "Config":
        """This config as calls to a number see it; nobody is asked."""
        return self.routed(self.numbers.get(number, Number()))

    def routed(self, own: Number) -> "Config":
        """This config with what a number has of its own: `call` and `agent` are that number's."""
        call, agent = self.call, self.agent
        given = own.model_dump(include={"tenant", "tier"}, exclude_none=True)
        if own.agent is not None:
            agent = agent.changed_by(self.agents[own.agent])
        if own.language is not None:
            agent = agent.speaking(own.language)
        given |= agent.limits.model_dump(exclude_none=True)
        variables = {**self.variables, **own.variables}
        changed = {"call": call.model_copy(update=given), "agent": agent, "variables": variables}
        return self.model_copy(update={**changed, "agent_name": own.agent or ""})

    def filled(self, facts: Mapping[str, str], *, is_outbound: bool = False) -> "Config":
        """This config with prompt and greeting as one call has them; for a config of `routed`.

        Args:
            facts: what stands for `voxd.placeholders.OF_CALLS`; untrusted text.
            is_outbound: we placed the call.
        """
        values = {**self.variables, **facts}
        agent = self.agent.model_copy(
            update={
                "prompt": fill(self.agent.prompt, values),
                "greeting": fill(self.phrases.greeting, values),
            }
        )
        return self.model_copy(update={"agent": agent, "is_outbound": is_outbound})

    def served(self) -> "tuple[Config, ...]":
        """This config as each kind of call sees it: first for numbers that are not listed."""
        return (self.routed(Number()), *(self.dialled(number) for number in self.numbers))

    def tiers_in_use(self) -> "tuple[Tier, ...]":
        """Those that a call may have: cheap enough to be asked for each call."""
        if self.lookup.url:
            return tuple(self.tiers.values())
        names = {self.call.tier: None} | {
            own.tier: None for own in self.numbers.values() if own.tier
        }
        return tuple(self.tiers[name] for name in names)

    def agent_voices(self, engine: str) -> dict[str, str]:
        """What agents ask of an engine instead of its default voice -> the key that says so."""
        agents = {"agent": self.agent}
        agents |= {f"agents.{name}": own for name, own in self.agents.items()}
        return {
            own.voices[engine]: f"{table}.voices.{engine}"
            for table, own in agents.items()
            if own.voices.get(engine)
        }

    def expected(self) -> "tuple[Config, ...]":
        """`served`, and with a look-up whatever it may answer: any agent on any tier."""
        if not self.lookup.url:
            return self.served()
        agents = (None, *self.agents)
        pairs = (Number(agent=agent, tier=tier) for agent in agents for tier in self.tiers)
        return (*self.served(), *(self.routed(pair) for pair in pairs))

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
        """Make a path of the file absolute; the single executable looks beside itself, too."""
        given = Path(path).expanduser()
        return find((self.base_dir / given).resolve(), given)
