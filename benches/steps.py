"""What a first start is doing, told by what it says, and how long each step takes. Pure.

Used by `fresh`. A step begins with a line of scripts/lib/prepare.sh, scripts/fetch-models or the
daemon and ends where the next one begins; one that comes twice (apt-get) is added up.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

STEPS = {
    "environment": "Python environment",
    "apt": "Debian packages (apt-get)",
    "compiling": "compiling llama.cpp",
    "packages": "Python packages",
    "weights": "model weights",
    "ready": "starting, until ready",
    "call": "first call, to its end",
}
"""Every step and what it is for people."""

_BEGINNINGS = {
    re.compile(r"voxd: .+ is missing: installing .+ with apt-get"): "apt",
    re.compile(r"voxd: making \.venv with "): "environment",
    re.compile(r"voxd: installing what locks/"): "packages",
    re.compile(r"voxd: compiling llama\.cpp, once per machine"): "compiling",
    re.compile(r"voxd: compiled in "): "packages",
    re.compile(r"fetch-models: .+: downloading "): "weights",
    re.compile(r"fetch-models: all in place"): "ready",
    re.compile(r'\{.*"message":"call started"'): "call",
}
"""How the first line of each step begins."""
_ANSWERED = re.compile(r"\s*(\d+) of (\d+) turns answered")
"""The last line of `voxd call`."""
_SHOWN = re.compile(r"voxd:? |fetch-models: |call CA|  (greeting|turn|\d+ of) ")
"""Lines worth showing as progress."""
_ADDRESS = re.compile(r"(?<=://)(?!127\.0\.0\.1\b|localhost\b)[^/\s'\"]+")


class Timeline:
    """Adds up the seconds of each step."""

    def __init__(self) -> None:
        self.step = "environment"
        """What is being done."""
        self.seconds: dict[str, float] = {}
        """By step, of those that have ended, in the order in which they first ended."""
        self.answered, self.due = 0, 0
        """Turns of the call."""
        self._since_s = 0.0

    def note(self, at_s: float, line: str) -> None:
        """Take a line of output.

        Args:
            at_s: when it came, after the beginning.
        """
        for beginning, step in _BEGINNINGS.items():
            if beginning.match(line):
                self.go(at_s, step)
        if found := _ANSWERED.match(line):
            self.answered, self.due = int(found[1]), int(found[2])

    def go(self, at_s: float, step: str) -> None:
        """Another step begins; the same one goes on."""
        self.seconds[self.step] = self.seconds.get(self.step, 0.0) + at_s - self._since_s
        self.step, self._since_s = step, at_s


def is_shown(line: str) -> bool:
    """Whether a line tells somebody who waits where it is."""
    return bool(_SHOWN.match(line))


def redact(line: str, hosts: Iterable[str] = ()) -> str:
    """A line without the hosts of addresses, and without these hosts wherever they stand; this
    machine's loopback may be told."""
    line = _ADDRESS.sub("…", line)
    for host in hosts:
        line = line.replace(host, "…")
    return line


def find_hosts(texts: Iterable[str]) -> set[str]:
    """The hosts of all addresses in some texts; without loopback."""
    words = re.findall(r"\w+://[^\s'\";]+", "\n".join(texts))
    hosts = {urlsplit(word).hostname or "" for word in words}
    return hosts - {"", "localhost", "127.0.0.1"}
