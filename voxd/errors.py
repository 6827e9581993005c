"""Every exception that voxd raises on purpose. Pure; imported everywhere.

::

    VoxdError
    ├── ConfigError        config.toml cannot be used; lists every problem with its key
    ├── LineError          the telephone side spoke nonsense (one message; never ends a call)
    ├── AdmissionRefused   there is no room for one more call, and why
    ├── ListenError        the daemon cannot listen where the config says
    ├── ModelError         weights are missing, damaged or of the wrong kind
    ├── RecordsError       records of calls cannot be read
    ├── TelephonyError     the telephone company refused an order, or did not answer
    └── EngineError        an engine failed; `category` says why, `phase` says where

Health and failover decide on `category` and `phase`, never on message text.
"""

from dataclasses import dataclass
from enum import StrEnum


class VoxdError(Exception):
    """Base of all errors that voxd raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a config."""

    key: str
    """Dotted key in config.toml, such as `server.port`; empty for the file as a whole."""
    message: str
    """What was found and what was expected, in one sentence; never contains a secret."""
    line: int | None = None
    """Where the key stands in the file, from 1; else the table that should have it; None: no such
    place, or nobody looked."""
    column: int | None = None

    def __str__(self) -> str:
        told = f"{self.key}: {self.message}" if self.key else self.message
        return told if self.line is None else f"line {self.line}: {told}"


class ConfigError(VoxdError):
    """The config cannot be used. `problems` lists everything that is wrong, not only the first."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        self.source = source
        self.problems = problems
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"{source} has {len(problems)} problem(s):{lines}")


class LineError(VoxdError):
    """One message from the telephone side is not what the protocol allows."""


class AdmissionRefused(VoxdError):
    """There is no room for one more call. `reason` is a constant word for logs and metrics."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"call refused: {reason}")


class ListenError(VoxdError):
    """The daemon cannot listen where the config says; the message is one sentence for people."""


class ModelError(VoxdError):
    """Model weights are missing, damaged or of the wrong kind."""


class RecordsError(VoxdError):
    """Records of calls cannot be read; the message is one sentence for people, without secrets."""


class TelephonyError(VoxdError):
    """The telephone company refused an order about a call, or did not answer it in time.

    Never holds a number, a key or the company's own words: those may quote what was asked.
    """

    def __init__(self, category: "Category", message: str, *, code: int = 0) -> None:
        self.category = category
        self.code = code
        """Twilio's error code, see its list; 0: it told none."""
        super().__init__(f"telephony: {category}: {message}")


class Category(StrEnum):
    """Why an engine failed, the same words for every provider."""

    AUTH = "auth"
    """Our account or configuration may not use it: no key, a wrong one, a model that is gone."""
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    CONNECTIVITY = "connectivity"
    SERVER = "server"
    BAD_REQUEST = "bad_request"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"


class Phase(StrEnum):
    """Where in its work an engine failed."""

    CONNECT = "connect"
    FIRST_RESULT = "first_result"
    STREAM = "stream"


class EngineError(VoxdError):
    """An engine failed. The message is for people; decide on `category` and `phase`."""

    def __init__(
        self,
        engine: str,
        category: Category,
        phase: Phase,
        message: str,
        *,
        retry_after_s: float | None = None,
    ) -> None:
        self.engine = engine
        self.category = category
        self.phase = phase
        self.retry_after_s = retry_after_s
        super().__init__(f"{engine}: {category} at {phase}: {message}")
