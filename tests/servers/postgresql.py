"""A real PostgreSQL on loopback: Debian's, installed where it is missing, run by nobody special.

It has a folder and a port of its own and asks for a password, as the one of an operator would.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benches.daemon import find_descendants

USER = "voxd"
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
START_S = 30.0


class PostgresServer:
    """One server; `start` and `kill` as often as a test likes."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.password = f"p@ss/{secrets.token_hex(8)}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        """With the password, as an operator would write it."""
        password = self.password.replace("@", "%40").replace("/", "%2F")
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Make the empty database."""
        file = self._folder / "password"
        file.write_text(self.password)
        _give_away(file)
        command = [self._programs / "initdb", "-D", self._folder / "data", "-U", USER]
        options = ["--auth=scram-sha-256", f"--pwfile={file}", "--no-sync", "--no-instructions"]
        self._run([*command, *options, "--encoding=UTF8", "--locale=C"])

    def start(self) -> None:
        """Serve; returns when it takes connections."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 20,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [self._programs / "postgres", "-D", self._folder / "data", *options]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **_nobody_special()
        )
        status = self._folder / "data/postmaster.pid"
        until = time.monotonic() + START_S
        while "ready" not in _text(status):
            assert self._process.poll() is None and time.monotonic() < until, "it did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """As when its machine loses power."""
        self._end(signal.SIGQUIT)

    def freeze(self) -> None:
        """It and everything that it has started stands still; connections stay open."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        for pid in (self._process.pid, *find_descendants(self._process.pid)):
            os.kill(pid, number)

    def stop(self) -> None:
        """As its operator would."""
        if self._process is not None:
            self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(START_S)
        self._process = None

    def _run(self, command: list[str | Path]) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd="/", **_nobody_special())


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server that runs; it is ended, and its folder removed."""
    programs = _find_programs() or _install()
    folder = Path(tempfile.mkdtemp(prefix="voxd-postgresql-"))
    _give_away(folder)
    server = PostgresServer(programs, folder)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _find_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


def _install() -> Path:
    """Get Debian's package, without the server that it would start."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "-qq", "-y", "-o", "Dpkg::Options::=--force-confold", "install"]
    with _no_cluster():
        for command in (["apt-get", "-qq", "update"], [*install, "--no-install-recommends"]):
            package = ["postgresql"] if "install" in command else []
            subprocess.run([*command, *package], check=True, capture_output=True, env=environ)
    programs = _find_programs()
    assert programs is not None
    return programs


@contextmanager
def _no_cluster() -> Iterator[None]:
    """Debian's package makes no server of its own while this lasts, unless it was told to."""
    if NO_CLUSTER.exists():
        yield
        return
    NO_CLUSTER.parent.mkdir(exist_ok=True)
    NO_CLUSTER.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        NO_CLUSTER.unlink()


def _nobody_special() -> dict[str, str]:
    """PostgreSQL refuses to be run by root."""
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


def _give_away(path: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, "postgres", "postgres")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
