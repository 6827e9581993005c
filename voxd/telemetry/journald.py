"""Log lines to systemd's journal by its own protocol, with fields. Writes one datagram socket.

`voxd.telemetry.logs` chooses this where standard error is the journal's own stream. A line is one
datagram of `NAME=value` fields; one whose value has several lines goes with its length before it
(systemd, "Native Journal Protocol"). Then `journalctl CALL_ID=CA…` has the lines of a call and
`-o json` every field by itself.

A journal that does not read costs log lines, never a call: nothing here waits, and what was lost is
counted and told with the next line that passes. Rejected: standard error as the way out then,
because that is the same journal, and writing there would wait. Lines are far below the bound of a
datagram (some 200 KiB), longer values are cut in the middle; a file descriptor for larger ones
would be for nobody.
"""

import logging
import os
import re
import socket
from collections.abc import Callable, Mapping
from logging.handlers import DatagramHandler
from typing import Any, TextIO

ADDRESS = "/run/systemd/journal/socket"
MAX_VALUE_BYTES = 32 * 1024
"""Bound of one value: a traceback of some 300 frames."""
MAX_FIELDS = 64
"""Bound of a line's own fields; we write some twenty."""

Fields = Callable[[logging.LogRecord], Mapping[str, Any]]
"""What a record was given by `extra`."""

_PRIORITY = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}
"""syslog's numbers, by Python's names."""
_RENAMED = {"call": "CALL_ID"}
_UNFIT = re.compile(r"[^A-Z0-9_]", re.ASCII)
_TAKEN = re.compile(
    r"(MESSAGE|MESSAGE_ID|PRIORITY|EVENT|LOGGER|EXCEPTION|ERRNO|UNIT|TID|DOCUMENTATION"
    r"|INVOCATION_ID|(CODE|SYSLOG|USER|COREDUMP|OBJECT)_.*|[_0-9].*|)",
    re.ASCII,
)
"""Names that have a meaning of ours or of the journal's; and those that it refuses."""


def is_journal(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to a stream goes to the journal: systemd names the stream."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return environ.get("JOURNAL_STREAM", "") == f"{status.st_dev}:{status.st_ino}"


class JournalHandler(DatagramHandler):
    """Sends each record as one entry.

    Args:
        text: the whole line for people, without time and level; `journalctl` shows it.
        fields: what stands in it besides.
        address: the journal's socket.
    """

    def __init__(
        self, text: Callable[[logging.LogRecord], str], fields: Fields, address: str = ADDRESS
    ) -> None:
        super().__init__(address, None)
        self._text = text
        self._fields_of = fields
        self.lost = 0
        """Lines that the journal did not take, and that it was not told of yet."""

    def makeSocket(self) -> socket.socket:  # type: ignore[override]  # as in DatagramHandler
        """A socket that never waits."""
        made = super().makeSocket()
        made.setblocking(False)
        return made

    def makePickle(self, record: logging.LogRecord) -> bytes:
        """The entry of a record; the handler that this one is made from calls it so."""
        entry: dict[str, Any] = {
            "MESSAGE": self._text(record),
            "PRIORITY": _PRIORITY.get(record.levelname, 6),
            "EVENT": record.getMessage(),
            "LOGGER": record.name,
            "SYSLOG_IDENTIFIER": "voxd",
        }
        if record.exc_info:
            formatter = self.formatter or logging.Formatter()
            entry["EXCEPTION"] = formatter.formatException(record.exc_info)
            entry["MESSAGE"] += f"\n{entry['EXCEPTION']}"
        own = list(self._fields_of(record).items())[:MAX_FIELDS]
        return encode_entry({**{name_field(name): value for name, value in own}, **entry})

    def send(self, s: Any) -> None:
        """Hand an entry over, or count it as lost."""
        if not self._try(s):
            self.lost += 1
        elif self.lost:
            told = {"msg": "the journal was too slow: lines were lost", "lines": self.lost}
            record = logging.makeLogRecord({"name": __name__, "levelname": "WARNING", **told})
            if self._try(self.makePickle(record)):
                self.lost = 0

    def _try(self, entry: bytes) -> bool:
        try:
            if self.sock is None:
                self.sock = self.makeSocket()
            self.sock.sendto(entry, self.address)
        except OSError:  # it is gone, or does not read
            return False
        return True


def name_field(name: str) -> str:
    """The journal's name of a field of ours: `call` is CALL_ID, `wait_s` WAIT_S."""
    if name in _RENAMED:
        return _RENAMED[name]
    fit = _UNFIT.sub("_", name.upper())[:50]
    return f"VOXD_{fit}" if _TAKEN.fullmatch(fit) else fit


def encode_entry(entry: Mapping[str, Any]) -> bytes:
    """One datagram of the journal's."""
    return b"".join(_encode_field(name.encode(), value) for name, value in entry.items())


def _encode_field(name: bytes, value: Any) -> bytes:
    content = str(value).encode("utf-8", "backslashreplace")
    if len(content) > MAX_VALUE_BYTES:
        half = MAX_VALUE_BYTES // 2  # a traceback says at its end what it was
        content = content[:half] + b" [...] " + content[-half:]
    if b"\n" in content:
        return name + b"\n" + len(content).to_bytes(8, "little") + content + b"\n"
    return name + b"=" + content + b"\n"
