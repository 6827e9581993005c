"""Tell systemd how the daemon is: READY, RELOADING, STATUS, WATCHDOG, STOPPING. Writes one socket.

The protocol is one datagram of `KEY=value` lines to the socket that `NOTIFY_SOCKET` names
(sd_notify(3)). Without that variable nothing is sent, so that callers need not ask.
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Sends states to the service manager; never raises and never blocks."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.watchdog_s = _watchdog_s(environ)
        """Seconds within which `watchdog` must be called again and again; None: not asked for."""

    def ready(self) -> None:
        """The daemon serves calls; or a reload is done."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The config is being read again; `ready` follows."""
        # By this time systemd knows which of several reloads it is told of.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={' '.join(text.split())}")

    def watchdog(self) -> None:
        """The event loop is alive."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The daemon is on its way out."""
        self._send("STOPPING=1")

    def extend_timeout(self, limit_s: float) -> None:
        """What systemd waits for, the start or the stop, may take so long from now on."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(limit_s * 1_000_000)}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the abstract namespace, whose names begin with a zero byte.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.setblocking(False)
            sender.sendto(message.encode(), address)


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """`WATCHDOG_USEC` in seconds, when it is meant for this process.

    Or for its parent: the single executable unpacks itself and runs as a child of what was started.
    """
    owner = environ.get("WATCHDOG_PID", "")
    if owner and owner not in (str(os.getpid()), str(os.getppid())):
        return None
    try:
        watchdog_s = int(environ.get("WATCHDOG_USEC", "0")) / 1_000_000
    except ValueError:
        return None
    return watchdog_s if watchdog_s > 0 else None
