import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benches import cli, fresh
from benches.bare import decode_apt, decode_pip, find_folders
from benches.daemon import find_free_port
from benches.fresh import Result, _FirstStart, is_free, show
from benches.steps import STEPS, Timeline, find_hosts, is_shown, redact

SAID = (
    (0.1, "voxd: Python 3.11 is missing: installing python3 python3-venv with apt-get"),
    (8.0, "voxd: making .venv with Python 3.11.2"),
    (12.0, "voxd: installing what locks/build.txt names (8 packages)"),
    (14.0, "voxd: a C++ compiler is missing: installing g++ with apt-get"),
    (29.0, "voxd: compiling llama.cpp, once per machine: some minutes on two cores"),
    (36.0, "voxd: compiling llama.cpp [1/83]"),
    (243.0, "voxd: compiled in 3 min 34 s, kept in /home/voxd/.cache/voxd/wheels/a5ca04e0"),
    (243.5, "voxd: installing what locks/runtime.txt names (74 packages)"),
    (273.0, "fetch-models: faster-whisper-tiny.en: downloading 71 MB"),
    (275.0, "fetch-models: SmolLM2-135M-Instruct: downloading 93 MB"),
    (279.0, "fetch-models: all in place in models"),
)
CALLED = (
    (286.5, "voxd: recorded human speech is missing: installing asterisk-core with apt-get"),
    (292.5, '{"time":"2026-01-01T00:00:00","logger":"voxd","message":"call started","calls":1}'),
    (320.0, "  3 of 3 turns answered, 0 holes"),
)


def result(failure: str = "", answered: int = 3, due: int = 3) -> Result:
    steps = {"apt": 28.0, "compiling": 214.0, "call": 27.75}
    return Result(steps, 286.0, 320.04, answered, due, cores=2, failure=failure)


def test_every_second_belongs_to_what_was_being_done() -> None:
    timeline = Timeline()
    for at_s, line in SAID:
        timeline.note(at_s, line)
    assert timeline.step == "ready"
    timeline.go(286.0, "call")
    for at_s, line in CALLED:
        timeline.note(at_s, line)
    timeline.go(320.0, "")
    assert timeline.seconds == pytest.approx(
        {
            "environment": 0.1 + 4.0,
            "apt": 7.9 + 15.0 + 6.0,
            "packages": 2.0 + 30.0,
            "compiling": 214.0,
            "weights": 6.0,
            "ready": 7.0,
            "call": 0.5 + 27.5,
        }
    )
    assert sum(timeline.seconds.values()) == pytest.approx(320.0)
    assert set(timeline.seconds) == set(STEPS)
    assert (timeline.answered, timeline.due) == (3, 3)


def test_it_is_good_when_nothing_failed_and_every_turn_was_answered() -> None:
    assert result().is_good
    assert not result(answered=2).is_good
    assert not result(answered=0, due=0).is_good
    assert not result(failure="./scripts/run ended with 1").is_good


def test_all_of_it_is_shown_and_told_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show(result(failure="voxd ended with 1 after SIGTERM"))
    out, err = capsys.readouterr()
    assert "compiling llama.cpp           214.0 s" in out
    assert "ready 286.0 s" in out and "3 of 3 turns answered, was over after 320.0 s" in out
    assert "voxd ended with 1" in err
    told = json.loads(json.dumps(result().to_json()))
    assert told["is_good"] is True and told["steps_s"]["call"] == pytest.approx(27.8, abs=0.06)


def test_no_index_is_named() -> None:
    hosts = find_hosts(["https://me:hush@pypi.example.com/simple", "deb http://deb.example.org/x"])
    assert hosts == {"pypi.example.com", "deb.example.org"}
    told = "Looking in https://me:hush@pypi.example.com/simple; cannot resolve 'deb.example.org'"
    assert redact(told, hosts) == "Looking in https://…/simple; cannot resolve '…'"
    assert redact("see http://127.0.0.1:8080/health") == "see http://127.0.0.1:8080/health"
    assert find_hosts(["http://127.0.0.1:3128"]) == set()


def test_progress_is_ours_and_not_the_chatter_of_others() -> None:
    assert all(is_shown(line) for _, line in SAID)
    assert is_shown("  turn 1 vm-nonumber: answered, 664 ms voice to voice")
    assert not is_shown("Looking in indexes: https://pypi.example.com/simple")
    assert not is_shown("Unpacking python3 (3.11.2-1+b1) ...")


def test_of_pips_settings_those_go_along_that_say_where_packages_are() -> None:
    listing = (
        ":env:.find-links='/opt/wheels'\n"
        ":env:.cert='/etc/ssl/ca.crt'\n"
        "global.extra-index-url='\\nfile:///opt/more/simple\\nhttps://pypi.example.com/simple'\n"
        "global.find-links='/elsewhere'\n"
        "global.user='yes'\n"
    )
    settings = decode_pip(listing)
    assert settings == {
        "PIP_FIND_LINKS": "/opt/wheels",
        "PIP_EXTRA_INDEX_URL": "file:///opt/more/simple https://pypi.example.com/simple",
    }
    # An index on the disk links from its pages to files beside them.
    assert find_folders(settings.values()) == {Path("/opt/wheels"), Path("/opt/more")}
    assert find_folders(["file:///simple", "/"]) == set()


def test_of_apts_settings_those_go_along_that_say_how_it_reaches_packages() -> None:
    dump = (
        'APT::Architecture "amd64";\nAcquire::http::Proxy "http://a:1";\nAcquire::Check-Date "0";\n'
    )
    assert decode_apt(dump) == 'Acquire::http::Proxy "http://a:1";\nAcquire::Check-Date "0";\n'


def test_a_port_that_somebody_has_is_not_free() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert not is_free(other.getsockname()[1])
    assert is_free(0)


def test_who_is_not_root_or_has_no_port_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cli.main(["fresh"]) == cli.EXIT_UNABLE
    told = capsys.readouterr().err
    assert told.startswith("bench: fresh is for root") and told.count("\n") == 1
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(fresh, "is_free", lambda port: False)
    assert cli.main(["fresh"]) == cli.EXIT_UNABLE
    told = capsys.readouterr().err
    assert "on port 8080 already" in told and told.count("\n") == 1


SERVES = """
import http.server, signal, sys

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass

def leave(*_):
    sys.exit(0)

signal.signal(signal.SIGTERM, leave)
print("fetch-models: all in place in models", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
FAILS = "import sys; print('no answer from https://pypi.example.com/simple'); sys.exit(3)"
IS_ANSWERED = "print('  2 of 2 turns answered, 0 holes')"
IS_NOT = "import sys; print('  1 of 2 turns answered, 0 holes'); sys.exit(1)"


class Stage:
    """Stands for the bare machine: the two commands are small programs on this one."""

    hosts = frozenset({"pypi.example.com"})

    def __init__(self, run: str, call: str = "") -> None:
        self.port = find_free_port()
        self.programs = {fresh.RUN: run, fresh.CALL: call}
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", self.programs[command], str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def measure(self) -> tuple[Result, str]:
        """What came of it, and what was told; no process is left."""
        told: list[str] = []
        result = _FirstStart(self, self.port, told.append).run()
        assert all(process.returncode is not None for process in self.started)
        return result, "\n".join(told)


def test_a_first_start_is_followed_to_the_end_of_its_first_call() -> None:
    stage = Stage(SERVES, IS_ANSWERED)
    result, told = stage.measure()
    assert result.is_good and (result.answered, result.due) == (2, 2), told
    assert list(result.steps) == ["environment", "ready", "call"]
    assert result.ready_s is not None and result.ready_s <= result.total_s
    assert sum(result.steps.values()) == pytest.approx(result.total_s, abs=0.5)
    assert [process.returncode for process in stage.started] == [0, 0]


def test_a_step_that_fails_is_told_with_the_end_of_what_was_said() -> None:
    result, told = Stage(FAILS).measure()
    assert not result.is_good and result.ready_s is None
    assert result.failure == "./scripts/run ended with 3 at: Python environment"
    assert "no answer from https://…/simple" in told and "pypi" not in told


def test_a_turn_that_was_not_answered_fails_it() -> None:
    result, _ = Stage(SERVES, IS_NOT).measure()
    assert not result.is_good and (result.answered, result.due) == (1, 2)
    assert result.failure == "./scripts/run call ended with 1"
