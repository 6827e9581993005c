"""voxd as a service: scripts/install, the shipped unit and its sandbox under a real systemd.

The machine is `tests.systemd_machine`: systemd itself as process 1, journald beside it, and this
machine's files. Instead of the single executable a script of two lines is installed, which runs
this checkout; all else is what an operator gets: unit, user, sandbox, credentials, models, calls.
The tests are one story, in this order.
"""

import asyncio
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benches.daemon import find_free_port
from tests.systemd_machine import ROOT, Machine, machine
from voxd.audio.g711 import decode_mulaw
from voxd.caller import call as caller
from voxd.caller.plan import CallPlan, build_turn
from voxd.caller.report import CallReport, Outcome, TurnStatus

pytestmark = [pytest.mark.weights, pytest.mark.timeout(300)]

UNIT = ROOT / "systemd/voxd.service"
SPEECH = ROOT / "tests/samples/speech"
PROGRAM = "/srv/new/voxd"
CONFIG = "/etc/voxd/config.toml"
TOKEN = "a-token-of-operators-0123456789"
SANDBOX = {"Uid": "voxd", "CapEff": "0000000000000000", "Seccomp": "2", "NoNewPrivs": "1"}


class Service(Machine):
    """A machine, and voxd on it."""

    def __init__(self, host: Machine) -> None:
        super().__init__(host.init, host.root)
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def install(self, *arguments: str) -> str:
        """Run scripts/install there; what it said."""
        done = self.run("/opt/here/scripts/install", *arguments)
        assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout + done.stderr

    def change_config(self, **values: str) -> None:
        """Set keys of /etc/voxd/config.toml that stand there once."""
        text = (self.root / CONFIG.lstrip("/")).read_text()
        for key, value in values.items():
            begin = text.index(f"\n{key} = ") + 1
            text = f"{text[:begin]}{key} = {value}\n{text[text.index(chr(10), begin) + 1 :]}"
        self.put(CONFIG, text)

    def releases(self) -> list[str]:
        """The versions that are installed."""
        return sorted(self.must("ls", "/opt/voxd/releases").split())

    def set_alerts_url(self, url: str) -> None:
        """Set `url` of [alerts]."""
        before, after = (self.root / CONFIG.lstrip("/")).read_text().split("[alerts]\n")
        after = re.sub('^url = ".*?"', f'url = "{url}"', after, count=1, flags=re.MULTILINE)
        self.put(CONFIG, f"{before}[alerts]\n{after}")

    def entries(self, event: str, *matches: str) -> list[dict[str, Any]]:
        """What was logged with this constant text."""
        lines = self.journal(*matches).splitlines()
        found = [json.loads(line) for line in lines]
        return [entry for entry in found if entry.get("EVENT") == event]

    def call(self, turns: int = 1) -> CallReport:
        return asyncio.run(self.place_call(turns))

    async def place_call(self, turns: int) -> CallReport:
        speech = decode_mulaw((SPEECH / "yes.ulaw").read_bytes()).astype(np.int16)
        plan = CallPlan((build_turn("yes", speech),) * turns, url=f"{self.url}/twilio/voice")
        return await caller.place_call(plan)

    def ask(self, path: str, token: str = "") -> int:
        """The status of a GET."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            request = urllib.request.Request(self.url + path, headers=headers)
            return int(urllib.request.urlopen(request, timeout=10).status)
        except urllib.error.HTTPError as error:
            return error.code


def until(is_so: Callable[[], bool], limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    if os.geteuid() != 0:
        pytest.skip("only root can start a machine")
    with machine(tmp_path_factory.mktemp("machine")) as host:
        yield Service(host)


def test_an_install_makes_everything_and_starts_nothing(service: Service) -> None:
    service.put_voxd(PROGRAM)
    said = service.install("--binary", PROGRAM)
    assert "systemctl start voxd" in said and "/etc/credstore" in said
    assert service.must("id", "-un", "voxd").strip() == "voxd"
    assert service.must("systemctl", "is-enabled", "voxd").strip() == "enabled"
    assert service.show("ActiveState") == "inactive"
    assert service.must("stat", "-c", "%a %U", "/etc/credstore", CONFIG).split() == [
        *("700", "root", "644", "root"),
    ]
    judged = service.must("/usr/local/bin/voxd", "check", "--config", CONFIG)
    assert f"{CONFIG} is good." in judged


def test_the_unit_is_sound_and_its_exposure_is_at_most_two(service: Service) -> None:
    checked = service.run("systemd-analyze", "verify", "/etc/systemd/system/voxd.service")
    assert (checked.returncode, checked.stderr) == (0, "")
    service.put("/tmp/voxd.service", UNIT.read_text())
    arguments = ("--offline=true", "--threshold=20", "--no-pager", "/tmp/voxd.service")
    judged = service.run("systemd-analyze", "security", *arguments)
    assert judged.returncode == 0, judged.stdout
    assert "MemoryDenyWriteExecute" not in [
        line.partition("=")[0] for line in UNIT.read_text().splitlines()
    ]


def test_it_is_active_once_it_is_warm_with_secrets_that_only_root_can_read(
    service: Service,
) -> None:
    service.put("/etc/credstore/VOXD_API_TOKEN", TOKEN, 0o600)
    service.put("/etc/credstore/VOXD_ALERTS_SECRET", TOKEN, 0o600)
    service.change_config(
        port=str(service.port), drain_s="1.0", greeting='"Hello."', max_tokens="12"
    )
    service.must("systemctl", "start", "voxd")
    assert service.ask("/health/ready") == 200
    until(lambda: service.show("StatusText") == "serving 0 calls; 4 engines healthy")
    # The private address knows the token: unknown is the call, not who asks.
    assert service.ask("/calls/CA1", TOKEN) == 404
    assert service.ask("/calls/CA1", TOKEN + "x") == 401


def test_every_process_of_it_is_in_the_sandbox(service: Service) -> None:
    pids = service.pids()
    assert len(pids) == 5  # the daemon and its workers
    uid = service.must("id", "-u", "voxd").strip()
    for pid in pids:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        found = {line.partition(":")[0]: line.split()[1] for line in lines if len(line.split()) > 1}
        assert {key: found[key] for key in SANDBOX} == {**SANDBOX, "Uid": uid}


def test_a_whole_call_works_there_and_the_journal_has_its_fields(service: Service) -> None:
    report = service.call()
    assert report.outcome is Outcome.CONNECTED
    assert report.turns[0].status is TurnStatus.ANSWERED, report.to_json()
    until(lambda: bool(service.entries("call ended", f"CALL_ID={report.call_sid}")))
    (turn,) = service.entries("turn", f"CALL_ID={report.call_sid}")
    assert (turn["TIER"], turn["PRIORITY"], turn["_TRANSPORT"]) == ("free", "6", "journal")
    assert float(turn["VOICE_TO_VOICE_MS"]) > 0
    assert TOKEN not in service.journal()


def test_a_reload_leads_new_calls_and_a_bad_file_changes_nothing(service: Service) -> None:
    service.change_config(greeting='"Good evening."', max_calls="7")
    # The check that a reload ends with has the secrets, too: without this one it would fail.
    service.set_alerts_url("https://127.0.0.1:9/alerts")
    service.must("systemctl", "reload", "voxd")
    until(lambda: bool(service.entries("config is applied to new calls")))
    (told,) = service.entries("config needs a restart")
    assert "server.max_calls" in told["KEYS"]
    service.change_config(tier='"gold"', idle_s="-1")
    assert service.run("systemctl", "reload", "voxd").returncode != 0
    assert "call.tier" in service.must("journalctl", "--unit", "voxd", "--no-pager")
    until(lambda: bool(service.entries("config refused, nothing has changed")))
    (told,) = service.entries("config refused, nothing has changed")
    assert "call.tier" in told["PROBLEMS"] and "call.idle_s" in told["PROBLEMS"]
    assert service.show("ActiveState") == "active"
    service.change_config(tier='"free"', idle_s="8.0")
    service.set_alerts_url("")
    assert service.call().outcome is Outcome.CONNECTED


def test_a_worker_that_hangs_is_replaced_by_the_daemon(service: Service) -> None:
    main, before = service.show("MainPID"), set(service.pids())
    daemon = min(before)
    worker = max(before)
    os.kill(worker, 19)  # SIGSTOP
    until(lambda: worker not in service.pids() and len(service.pids()) == 5)
    assert daemon in service.pids()
    assert (service.show("MainPID"), service.show("NRestarts")) == (main, "0")


def test_a_loop_that_hangs_is_killed_and_started_again_by_systemd(service: Service) -> None:
    service.put(
        "/etc/systemd/system/voxd.service.d/test.conf",
        "[Service]\nWatchdogSec=3\nRestartSec=100ms\nLimitCORE=0\n",
    )
    service.must("systemctl", "daemon-reload")
    service.must("systemctl", "restart", "voxd")
    main = service.show("MainPID")
    service.must("sh", "-c", f"kill -STOP {main}")  # the shell's own: procps may not be there
    until(lambda: service.show("NRestarts") == "1")
    until(lambda: service.show("ActiveState") == "active")
    assert service.show("MainPID") != main
    assert "watchdog" in service.must("journalctl", "--unit", "voxd", "--no-pager").lower()
    # On a busy machine three seconds are little for what comes now.
    (service.root / "etc/systemd/system/voxd.service.d/test.conf").unlink()
    service.must("systemctl", "daemon-reload")


def test_a_stop_lets_calls_finish_and_says_goodbye(service: Service) -> None:
    async def stop_in_mid_call() -> CallReport:
        async with asyncio.TaskGroup() as group:
            call = group.create_task(service.place_call(9))
            async with asyncio.timeout(60):
                while not await asyncio.to_thread(service.entries, "call started"):
                    await asyncio.sleep(0.05)
            await asyncio.to_thread(service.must, "systemctl", "stop", "voxd")
        return call.result()

    service.must("journalctl", "--rotate")
    service.must("journalctl", "--vacuum-time=1s")
    report = asyncio.run(stop_in_mid_call())
    assert (report.outcome, report.ended_by) == (Outcome.CONNECTED, "server")
    assert service.entries("saying goodbye") and not service.entries("ending calls")
    assert (service.show("Result"), service.show("ActiveState")) == ("success", "inactive")


def test_a_config_that_cannot_be_used_is_not_tried_again_and_again(service: Service) -> None:
    service.change_config(tier='"gold"')
    assert service.run("systemctl", "start", "voxd").returncode != 0
    states = [service.show(key) for key in ("ActiveState", "NRestarts", "ExecMainStatus")]
    assert states == ["failed", "0", "2"]
    service.change_config(tier='"free"')


def test_an_upgrade_keeps_what_is_yours_and_takes_the_new_version_into_use(
    service: Service,
) -> None:
    service.must("systemctl", "start", "voxd")
    before = service.must("readlink", "/opt/voxd/current")
    config = service.must("cat", CONFIG)
    service.put_voxd(PROGRAM, "a new version")
    assert "restarting voxd" in service.install("--binary", PROGRAM)
    assert service.ask("/health/ready") == 200
    current = service.must("readlink", "/opt/voxd/current")
    assert current != before
    kept = service.releases()
    assert kept == sorted(Path(name.strip()).name for name in (before, current))
    assert service.must("cat", CONFIG) == config
    assert service.must("ls", "/var/lib/voxd/speech")
    assert service.call().outcome is Outcome.CONNECTED
    main = service.show("MainPID")
    assert "nothing has changed" in service.install("--binary", PROGRAM)
    assert service.show("MainPID") == main
    assert service.releases() == kept


def test_an_upgrade_that_would_not_start_leaves_the_old_version_answering(
    service: Service,
) -> None:
    main, current = service.show("MainPID"), service.must("readlink", "/opt/voxd/current")
    service.change_config(tier='"gold"')
    service.put_voxd(PROGRAM, "another version")
    done = service.run("/opt/here/scripts/install", "--binary", PROGRAM)
    assert done.returncode == 1
    assert "call.tier" in done.stderr and "would not start" in done.stderr
    assert service.must("readlink", "/opt/voxd/current") == current
    assert service.show("MainPID") == main
    service.change_config(tier='"free"')


def test_a_restart_that_was_put_off_is_made_up_for_and_what_runs_is_kept(service: Service) -> None:
    main = service.show("MainPID")
    running = service.must("readlink", "-f", "/opt/voxd/current").strip()
    for note in ("another version", "one more"):
        service.put_voxd(PROGRAM, note)
        said = service.install("--binary", PROGRAM, "--no-restart")
        assert "'systemctl restart voxd' takes it into use" in said
    assert service.show("MainPID") == main
    assert Path(running).name in service.releases()
    assert "restarting voxd" in service.install("--binary", PROGRAM)
    assert service.show("MainPID") != main
    assert "nothing has changed" in service.install("--binary", PROGRAM)
    service.put_voxd(PROGRAM, "and one more")
    service.install("--binary", PROGRAM)
    assert len(service.releases()) == 2


def test_an_uninstall_leaves_what_is_yours_and_a_purge_does_not(service: Service) -> None:
    assert "--purge" in service.install("--uninstall")
    assert service.run("systemctl", "cat", "voxd").returncode != 0
    assert service.run("ls", "/usr/local/bin/voxd").stdout == ""
    assert service.must("ls", "/opt/voxd").split() == ["models"]
    service.must("ls", CONFIG, "/var/lib/voxd/speech", "/etc/credstore/VOXD_API_TOKEN")
    said = service.install("--uninstall", "--purge")
    assert "VOXD_API_TOKEN" in said  # the name, and that it is left
    assert service.run("ls", "/etc/voxd", "/var/lib/voxd", "/opt/voxd").stdout == ""
    assert service.run("id", "voxd").returncode != 0
    service.install("--uninstall", "--purge")  # of nothing is nothing


def test_the_unit_names_every_secret_that_voxd_reads() -> None:
    pattern = r'"((TWILIO|VOXD|DEEPGRAM|GROQ|CARTESIA|SUPABASE)_[A-Z_]*(TOKEN|KEY|SECRET|SID|URL))"'
    grep = ["grep", "-rhoE", "--include=*.py", pattern, str(ROOT / "voxd")]
    found = subprocess.run(grep, capture_output=True, text=True, check=True).stdout.split()
    read = {name.strip('"') for name in found}
    read |= {f"{name}_SECONDARY" for name in ("TWILIO_AUTH_TOKEN", "TWILIO_SHARED_KEY")}
    lines = UNIT.read_text().splitlines()
    given = {line.partition("=")[2] for line in lines if line.startswith("LoadCredential=")}
    assert given == read
