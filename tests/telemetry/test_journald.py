"""Lines to the journal: a socket of the test's in its place, read strictly by the protocol."""

import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from voxd.config import Log
from voxd.telemetry.journald import (
    MAX_VALUE_BYTES,
    JournalHandler,
    encode_entry,
    is_journal,
    name_field,
)
from voxd.telemetry.logs import LIBRARIES, bind_call, configure_logging

logger = logging.getLogger("voxd.test")


def decode(datagram: bytes) -> dict[str, str]:
    """An entry as journald reads it ("Native Journal Protocol")."""
    fields: dict[str, str] = {}
    rest = datagram
    while rest:
        line, _, rest = rest.partition(b"\n")
        name, is_short, value = line.partition(b"=")
        if not is_short:
            length, rest = int.from_bytes(rest[:8], "little"), rest[8:]
            value, rest = rest[:length], rest[length:]
            assert rest[:1] == b"\n"
            rest = rest[1:]
        assert name.decode() not in fields
        assert 0 < len(name) <= 64 and not name.startswith(b"_")
        assert set(name.decode()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
        fields[name.decode()] = value.decode()
    return fields


class Journal:
    """journald's end of its socket."""

    def __init__(self, directory: Path) -> None:
        self.address = str(directory / "socket")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.settimeout(5)

    def read(self) -> dict[str, str]:
        return decode(self.socket.recv(1 << 20))


def the_handler() -> JournalHandler:
    return next(it for it in logging.getLogger().handlers if isinstance(it, JournalHandler))


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    """A journal that all lines go to, because the stream is the one that systemd named."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile("w") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        there = Journal(Path(directory))
        configure_logging(Log(), stream, there.address)
        yield there
        there.socket.close()
        handler = the_handler()
        handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        stream.seek(0, os.SEEK_END)
        assert stream.tell() == 0  # nothing went that way


def test_a_line_is_an_entry_whose_fields_can_be_searched(journal: Journal) -> None:
    with bind_call("CA1"):
        logger.warning("call refused", extra={"tenant": "sol", "reason": "max_calls", "wait_s": 2})
    assert journal.read() == {
        "MESSAGE": "call refused  tenant=sol reason=max_calls wait_s=2 call=CA1",
        "EVENT": "call refused",
        "PRIORITY": "4",
        "LOGGER": "voxd.test",
        "SYSLOG_IDENTIFIER": "voxd",
        "CALL_ID": "CA1",
        "TENANT": "sol",
        "REASON": "max_calls",
        "WAIT_S": "2",
    }


def test_levels_are_syslogs(journal: Journal) -> None:
    for level in (logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logger.log(level, "x")
    assert [journal.read()["PRIORITY"] for _ in range(4)] == ["6", "4", "3", "2"]


def test_an_exception_is_in_the_entry_and_no_field_forges_another(journal: Journal) -> None:
    try:
        raise ValueError("broken\nPRIORITY=0")
    except ValueError:
        logger.exception("border", extra={"peer": "a\nCALL_ID=CA9", "unit": "ssh"})
    entry = journal.read()
    assert (entry["PRIORITY"], entry["PEER"]) == ("3", "a\nCALL_ID=CA9")
    assert "CALL_ID" not in entry and "UNIT" not in entry
    assert entry["VOXD_UNIT"] == "ssh"
    assert entry["EXCEPTION"].endswith("ValueError: broken\nPRIORITY=0")
    assert entry["MESSAGE"].endswith(entry["EXCEPTION"])


def test_what_libraries_chat_about_stays_out(journal: Journal) -> None:
    logging.getLogger("httpx").info("POST https://host/?key=k")
    logging.getLogger("httpx").warning("it is ill")
    assert journal.read()["MESSAGE"] == "it is ill"


def test_a_long_value_is_cut_in_its_middle(journal: Journal) -> None:
    logger.info("x", extra={"text": "a" * MAX_VALUE_BYTES + "end"})
    text = journal.read()["TEXT"]
    assert text.startswith("aaa") and text.endswith("aend")
    assert len(text) < MAX_VALUE_BYTES + 20


def test_a_journal_that_does_not_read_costs_lines_and_is_told_how_many(journal: Journal) -> None:
    sent = 0
    handler = the_handler()
    while handler.lost == 0:
        logger.info("line", extra={"number": sent})
        sent += 1
    logger.info("line")  # nothing waits, nothing is raised
    for number in range(sent - 1):
        assert journal.read()["NUMBER"] == str(number)
    logger.info("again")
    assert journal.read()["EVENT"] == "again"
    told = journal.read()
    assert (told["EVENT"], told["LINES"]) == ("the journal was too slow: lines were lost", "2")


def test_a_journal_that_is_started_again_is_found(journal: Journal) -> None:
    journal.socket.close()
    logger.info("nobody is there")
    os.unlink(journal.address)
    journal.__init__(Path(journal.address).parent)  # type: ignore[misc]
    logger.info("here")
    assert journal.read()["EVENT"] == "here"
    assert journal.read()["LINES"] == "1"


def test_only_the_stream_that_systemd_named_is_the_journal() -> None:
    with tempfile.TemporaryFile("w") as stream, tempfile.TemporaryFile("w") as other:
        status = os.fstat(stream.fileno())
        named = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert is_journal(stream, named)
        assert not is_journal(other, named)  # standard error was sent elsewhere
        assert not is_journal(stream, {})
        other.close()
        assert not is_journal(other, named)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("call", "CALL_ID"),
        ("engine", "ENGINE"),
        ("target_s", "TARGET_S"),
        ("priority", "VOXD_PRIORITY"),
        ("code_line", "VOXD_CODE_LINE"),
        ("_pid", "VOXD__PID"),
        ("2nd", "VOXD_2ND"),
        ("größe", "GR_SSE"),
    ],
)
def test_names_are_such_as_the_journal_takes(ours: str, theirs: str) -> None:
    assert name_field(ours) == theirs


def test_what_is_no_utf8_is_written_all_the_same() -> None:
    assert decode(encode_entry({"PATH": "\udcff"})) == {"PATH": "\\udcff"}
