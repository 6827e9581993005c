"""Structured logging: text on a terminal, fields in systemd's journal, else JSON lines.

Configures `logging`.

How to log in voxd: the message is constant text and everything that varies is a field::

    logger.info("engine is warm", extra={"engine": name, "seconds": 1.8})

A field named `call` is added inside `bind_call`, so that all lines of a call can be found.
Words spoken, phone numbers and keys are no fields, by default or otherwise. Libraries know no
such rule: of theirs only warnings pass, whatever the configured level.
"""

import contextlib
import datetime
import logging
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, TextIO

import orjson

from voxd.config import Log
from voxd.telemetry import journald

_call_id: ContextVar[str] = ContextVar("voxd_call_id", default="")
"""The only ambient state in voxd: read here, and for nothing but log lines."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""Attributes that every log record has; all others came by `extra`."""

LIBRARIES = (
    *("aiohttp", "aiosqlite", "alembic", "asyncio", "asyncpg", "cartesia", "deepgram", "fern"),
    *("groq", "httpcore", "httpx", "sqlalchemy", "twilio", "urllib3", "websockets"),
)
"""Loggers that would tell each request's address and, at `debug`, what is in it: frames with the
caller's words, headers with keys, the repr of what a task holds."""


@contextlib.contextmanager
def bind_call(call_id: str) -> Iterator[None]:
    """Inside, log lines of this task and of tasks it starts carry `call=call_id`."""
    token = _call_id.set(call_id)
    try:
        yield
    finally:
        _call_id.reset(token)


def configure_logging(
    log: Log, stream: TextIO | None = None, journal: str = journald.ADDRESS
) -> None:
    """Send every log line to `stream` (default: standard error) in the configured form.

    With `auto` and standard error in systemd's journal they go to the journal by its own protocol.
    """
    target = stream or sys.stderr
    handler: logging.Handler
    if log.format == "auto" and journald.is_journal(target):
        handler = journald.JournalHandler(_describe, _fields, journal)
    else:
        is_text = log.format == "text" or (log.format == "auto" and target.isatty())
        handler = logging.StreamHandler(target)
        handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    handler.addFilter(_is_fit_to_print)
    handler.addFilter(_add_call)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(log.level.upper())
    for library in LIBRARIES:  # so that they do not even format what the filter would drop
        logging.getLogger(library).setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _utc(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class TextFormatter(logging.Formatter):
    """`12:00:01.250 info    engine is warm  engine=piper seconds=0.91`."""

    def format(self, record: logging.LogRecord) -> str:
        time = _utc(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        line = f"{time} {record.levelname.lower():7} {_describe(record)}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line


def _is_fit_to_print(record: logging.LogRecord) -> bool:
    """Some libraries set their own level, by a variable of the environment (`GROQ_LOG`)."""
    is_ours = record.name.partition(".")[0] == "voxd"
    return is_ours or record.levelno >= logging.WARNING


def _add_call(record: logging.LogRecord) -> bool:
    call_id = _call_id.get()
    if call_id and "call" not in vars(record):
        record.call = call_id
    return True


def _describe(record: logging.LogRecord) -> str:
    fields = " ".join(f"{name}={_text(value)}" for name, value in _fields(record).items())
    return f"{record.getMessage()}  {fields}" if fields else record.getMessage()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    text = str(value)
    # Quoted when it would not read as one word: a field must not forge another or a new line.
    return text if text.isprintable() and " " not in text and text else repr(text)


def _utc(record: logging.LogRecord) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(record.created, tz=datetime.UTC)
