"""What all handlers share. It exists before the models are warm, so that health can answer."""

from dataclasses import dataclass

from aiohttp import web

from voxd.config import Config
from voxd.runtime import Runtime, Stage
from voxd.server.admission import Admission
from voxd.server.guard import Guard


@dataclass(slots=True)
class ServerState:
    """The one mutable object of the server."""

    config: Config
    guard: Guard
    stage: Stage = Stage.STARTING
    runtime: Runtime | None = None
    """None until everything is warm."""
    admission: Admission | None = None
    """None until everything is warm."""
    half_open: int = 0
    """Media sockets that have not shown a valid token yet."""

    def open(self, runtime: Runtime) -> None:
        """Everything is warm: take calls."""
        self.runtime = runtime
        self.admission = Admission(runtime)
        self.stage = Stage.READY

    def drain(self) -> None:
        """Take no new calls."""
        self.stage = Stage.DRAINING


STATE = web.AppKey("state", ServerState)
