"""config.toml as frozen models; every problem in one error, each with its key.

What the rest of voxd imports; the tables and their reading are in `voxd.settings`.

The shipped `config.toml` is the reference: a test fails on a key that this file does not know
or that the shipped file does not show. Engine tables are validated by the `Settings` model that
each engine declares; `load_config` gets them as an argument, because this is row 0 and knows
no engine.

Secrets never stand in the file: `read_secret` takes them from systemd credentials or the
environment, and they are held apart from the config so that it can be printed.
"""

from voxd.settings.agents import (
    Agent,
    Emotion,
    OwnLimits,
    PhoneNumber,
    TimeZone,
    Transfer,
    Voicemail,
)
from voxd.settings.alerts import Alerts
from voxd.settings.calls import Call, Ear, Hint, HistoryLimits, Line, Telephony, Tenant, Twiml
from voxd.settings.machine import Cache, Health, Local, Log, Server
from voxd.settings.numbers import Lookup, Number
from voxd.settings.phrases import Language, OwnPhrases, Phrases, Sentence, Sentences
from voxd.settings.reading import (
    EngineSettings,
    load_config,
    locate_problems,
    parse_config,
    read_secret,
)
from voxd.settings.records import Price, Records
from voxd.settings.services import Tool
from voxd.settings.table import Table
from voxd.settings.tiers import Deadline, Deadlines, Tier
from voxd.settings.values import ToolName, VariableName, Variables, VariableValue, WebAddress
from voxd.settings.whole import Config

__all__ = [
    "Agent",
    "Alerts",
    "Cache",
    "Call",
    "Config",
    "Deadline",
    "Deadlines",
    "Ear",
    "Emotion",
    "EngineSettings",
    "Health",
    "Hint",
    "HistoryLimits",
    "Language",
    "Line",
    "Local",
    "Log",
    "Lookup",
    "Number",
    "OwnLimits",
    "OwnPhrases",
    "PhoneNumber",
    "Phrases",
    "Price",
    "Records",
    "Sentence",
    "Sentences",
    "Server",
    "Table",
    "Telephony",
    "Tenant",
    "Tier",
    "TimeZone",
    "Tool",
    "ToolName",
    "Transfer",
    "Twiml",
    "VariableName",
    "VariableValue",
    "Variables",
    "Voicemail",
    "WebAddress",
    "load_config",
    "locate_problems",
    "parse_config",
    "read_secret",
]
