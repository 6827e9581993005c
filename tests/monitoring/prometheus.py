"""Debian's own Prometheus for tests: fetched once, unpacked and not installed, ended by its pid.

An installed one would be started at once, on the machine's port 9090.
"""

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches.daemon import find_free_port

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voxd"
LIMIT_S = 60.0


def find_tool(name: str) -> str:
    """`prometheus` or `promtool`: installed, or where an earlier test has put it, or fetched."""
    unpacked = CACHE / "prometheus" / "usr" / "bin" / name
    found = shutil.which(name)
    if found is None and not unpacked.exists():
        _fetch()
    return found or str(unpacked)


def _fetch() -> None:
    """Unpack Debian's package; whoever comes second waits for the first."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "prometheus.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (CACHE / "prometheus").exists():
            return
        with tempfile.TemporaryDirectory(dir=CACHE) as part:
            if os.geteuid() == 0:
                _run("apt-get", "update", "-qq")
            _run("apt-get", "download", "-qq", "prometheus", cwd=part)
            (package,) = Path(part).glob("*.deb")
            _run("dpkg-deb", "-x", str(package), f"{part}/prometheus")
            Path(part, "prometheus").rename(CACHE / "prometheus")


def _run(*command: str, cwd: str | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, timeout=300)


def run_promtool(*arguments: str, given: str = "") -> str:
    """What it says, all of it; fails the test when it is not content."""
    done = subprocess.run(
        [find_tool("promtool"), *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        cwd=ROOT,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that runs on loopback."""

    url: str

    def ask(self, path: str, **fields: str) -> Any:
        """The `data` of an answer of its API; fails the test when it is an error."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(fields)}"
        try:
            with urllib.request.urlopen(url, timeout=LIMIT_S) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{fields}: {error.read().decode()}") from None
        assert said["status"] == "success", said
        return said["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def wait_for(self, expression: str) -> float:
        """The value of the first series that an expression gives, once it gives any."""
        began = time.monotonic()
        while not (found := self.query(expression)):
            assert time.monotonic() - began < LIMIT_S, f"no series: {expression}"
            time.sleep(0.2)
        return float(found[0]["value"][1])


@contextmanager
def run_prometheus(directory: Path, target: str) -> Iterator[Prometheus]:
    """Watch a daemon every second, with the rules that we ship.

    Args:
        directory: for its config, its data and its log.
        target: host and port.
    """
    config = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    for given, ours in (
        ("15s", "1s"),
        ("127.0.0.1:8080", target),
        ("rules.yml", str(MONITORING / "rules.yml")),
    ):
        assert given in config
        config = config.replace(given, ours)
    file = directory / "prometheus.yml"
    file.write_text(config, encoding="utf-8")
    address = f"127.0.0.1:{find_free_port()}"
    log = directory / "prometheus.log"
    command = [
        find_tool("prometheus"),
        f"--config.file={file}",
        f"--web.listen-address={address}",
        f"--storage.tsdb.path={directory / 'data'}",
        "--log.level=warn",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=output)
    try:
        _wait_until_ready(process, f"http://{address}/-/ready", log)
        yield Prometheus(f"http://{address}")
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    began = time.monotonic()
    while time.monotonic() - began < LIMIT_S:
        assert process.poll() is None, log.read_text(errors="replace")
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"not ready: {log.read_text(errors='replace')}")
