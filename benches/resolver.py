"""voxd with a resolver of the bench's own: names that can be taken away in the middle of a call.

`python -m benches.resolver --config FILE` runs the daemon as `python -m voxd` does. Names below
`voxd.test` are loopback as long as the file that `VOXD_BENCH_NAMES` names holds them; afterwards
they are unknown, as the system's resolver would say it. I/O.
"""

import os
import socket
from pathlib import Path
from typing import Any

import uvloop

from benches.gate import DOMAIN

NAMES = "VOXD_BENCH_NAMES"


def resolve(host: Any, names: Path) -> Any:
    """The address of one of our names; any other host as it is.

    Raises:
        socket.gaierror: it is one of ours and not known any more.
    """
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str) or not name.endswith(f".{DOMAIN}"):
        return host
    if name not in names.read_text(encoding="utf-8").split():
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return "127.0.0.1"


class ResolvingLoop(uvloop.Loop):
    """The daemon's loop; who connects by name asks `resolve` first."""

    names = Path(os.environ.get(NAMES, "names"))

    async def getaddrinfo(self, host: Any, *args: Any, **kwargs: Any) -> Any:
        return await super().getaddrinfo(resolve(host, self.names), *args, **kwargs)

    async def create_connection(  # type: ignore[override]
        self, factory: Any, host: Any = None, port: Any = None, **kwargs: Any
    ) -> Any:
        if kwargs.get("ssl") and kwargs.get("server_hostname") is None:
            kwargs["server_hostname"] = host
        return await super().create_connection(factory, resolve(host, self.names), port, **kwargs)


def main() -> int:
    """The daemon."""
    from voxd.cli import main as voxd

    uvloop.new_event_loop = ResolvingLoop
    return voxd()


if __name__ == "__main__":
    raise SystemExit(main())
