"""`scripts/bench fresh`: from a bare Debian to the first answered call.

The machine is a copy of the tests' bare root, with the committed tree and nothing else in it: no
Python, no compiler, an empty cache. In there go the README's two commands: `./scripts/run`, and
once /health/ready says so `./scripts/run call`; SIGTERM ends it. Time counts from the first
command; that the machine is made, and the commit put into it, is no part of it. What is installed
comes over this machine's network, so that those steps are its, too.

The processes share this machine's processors and its network: port 8080 must be free.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benches.bare import Machine, open_machine
from benches.daemon import CONFIG
from benches.steps import STEPS, Timeline, is_shown, redact
from voxd.errors import VoxdError

READY_LIMIT_S = 3600.0
"""One slow core compiles for a long time."""
CALL_LIMIT_S = 600.0
"""With the recordings that apt-get installs before it."""
STOP_LIMIT_S = 60.0
POLL_S = 0.2
TAIL_LINES = 20

RUN = ("./scripts/run",)
CALL = ("./scripts/run", "call")


class CannotStart(VoxdError):
    """This machine, or who asks, does not allow the bench."""


@dataclass(frozen=True, slots=True)
class Result:
    """One first start."""

    steps: dict[str, float]
    """Seconds of each of `steps.STEPS` that there was."""
    ready_s: float | None
    """From the first command until calls were answered; None: never."""
    total_s: float
    """From the first command to the end of the first call, or until it failed."""
    answered: int
    due: int
    """Turns of that call, as it says."""
    cores: int
    failure: str
    """A sentence; empty: all was well."""

    @property
    def is_good(self) -> bool:
        """Whether every step and every turn succeeded."""
        return not self.failure and 0 < self.due == self.answered

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {
            "is_good": self.is_good,
            "steps_s": {step: round(seconds, 1) for step, seconds in self.steps.items()},
            "ready_s": None if self.ready_s is None else round(self.ready_s, 1),
            "total_s": round(self.total_s, 1),
            "turns": {"answered": self.answered, "due": self.due},
            "cores": self.cores,
            "failure": self.failure,
        }


def run(tell: Callable[[str], None]) -> Result:
    """Make the machine and start voxd there.

    Args:
        tell: takes lines of progress.

    Raises:
        CannotStart: not root, or the port is taken.
        NoMachine: the bare Debian could not be made.
    """
    if os.geteuid() != 0:
        raise CannotStart("fresh is for root: it makes a Debian in a folder and enters it")
    port: int = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["server"]["port"]
    if not is_free(port):
        raise CannotStart(f"somebody listens on port {port} already, where voxd is to answer")
    tell("making a bare Debian with this commit in it (debootstrap the first time: a minute)")
    with _leaving_nothing(), open_machine() as machine:
        return _FirstStart(machine, port, tell).run()


def is_free(port: int) -> bool:
    """Whether a daemon could listen on this port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def _leaving_nothing() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does: machine and processes go with it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _FirstStart:
    """The two commands, and what is seen of them."""

    def __init__(self, machine: Machine, port: int, tell: Callable[[str], None]) -> None:
        self._machine = machine
        self._port = port
        self._tell = tell
        self._timeline = Timeline()
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        """The end of what was said; older lines go."""
        self._lock = threading.Lock()
        """Two threads read, one for each command."""
        self._began = 0.0

    def run(self) -> Result:
        self._began = time.monotonic()
        ready_s = None
        with self._watched(RUN) as daemon:
            failure = self._wait_until_ready(daemon)
            if not failure:
                ready_s = self._now_s()
                self._go("call")
                failure = self._call()
            total_s = self._now_s()
            self._go("")
            if not failure:
                failure = _stop(daemon)
        if failure:
            for line in self._tail:
                self._tell(f"  {redact(line, self._machine.hosts)}")
        timeline = self._timeline
        return Result(
            {step: timeline.seconds[step] for step in STEPS if step in timeline.seconds},
            ready_s,
            total_s,
            timeline.answered,
            timeline.due,
            cores=len(os.sched_getaffinity(0)),
            failure=failure,
        )

    def _wait_until_ready(self, daemon: subprocess.Popen[str]) -> str:
        """Until it answers calls; why it does not, else nothing."""
        while self._now_s() < READY_LIMIT_S:
            if (status := daemon.poll()) is not None:
                return f"{RUN[0]} ended with {status} at: {STEPS[self._timeline.step]}"
            if self._is_ready():
                return ""
            time.sleep(POLL_S)
        return f"{RUN[0]} was not ready after {READY_LIMIT_S:.0f} s"

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _call(self) -> str:
        """Place the call; what went wrong, else nothing."""
        with self._watched(CALL) as caller:
            try:
                status = caller.wait(CALL_LIMIT_S)
            except subprocess.TimeoutExpired:
                return f"the call was not over after {CALL_LIMIT_S:.0f} s"
        return f"{' '.join(CALL)} ended with {status}" if status else ""

    @contextmanager
    def _watched(self, command: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
        """A command whose output is read, until the block ends: then none of its processes is
        left."""
        process = self._machine.start(*command)
        reader = threading.Thread(target=self._read, args=(process,))
        reader.start()
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            reader.join()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in map(str.rstrip, process.stdout):
                at_s = self._now_s()
                with self._lock:
                    self._timeline.note(at_s, line)
                    self._tail.append(line)
                if is_shown(line):
                    self._tell(f"{at_s:7.1f} s  {redact(line, self._machine.hosts)}")

    def _go(self, step: str) -> None:
        with self._lock:
            self._timeline.go(self._now_s(), step)

    def _now_s(self) -> float:
        return time.monotonic() - self._began


def _stop(daemon: subprocess.Popen[str]) -> str:
    """End it as systemd does; what went wrong, else nothing."""
    daemon.send_signal(signal.SIGTERM)
    try:
        status = daemon.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        return f"voxd had not ended {STOP_LIMIT_S:.0f} s after SIGTERM"
    return f"voxd ended with {status} after SIGTERM" if status else ""


def show(result: Result) -> None:
    """Print the steps, and what came of them."""
    for step, seconds in result.steps.items():
        print(f"{STEPS[step]:<28}{seconds:7.1f} s")
    if result.ready_s is not None:
        print(f"\nready {result.ready_s:.1f} s after the first command, on {result.cores} cores")
        turns = f"{result.answered} of {result.due} turns answered"
        print(f"the first call, {turns}, was over after {result.total_s:.1f} s")
    if result.failure:
        print(f"failed: {result.failure}", file=sys.stderr)
