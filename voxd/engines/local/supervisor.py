"""Keeps one worker alive: start, watch, kill, start again. Used by `compute`.

The decisions are pure and stand in `watch`; this is their shell. While no process is ready,
requests stay with the scheduler, so that `request` is only called on a ready worker.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Protocol

from voxd.config import Local
from voxd.engines.local.process import WorkerProcess, WorkerSpec, open_process
from voxd.engines.local.protocol import Frame, MessageType, ProtocolError
from voxd.engines.local.serving import MODEL
from voxd.engines.local.watch import HOPELESS_STARTS, Backoff, Watch
from voxd.errors import Category, EngineError, ModelError, Phase, VoxdError

log = logging.getLogger(__name__)


class Owner(Protocol):
    """Who is told. All calls are synchronous and come from the event loop."""

    def worker_up(self, name: str, is_restart: bool) -> None:
        """It is ready."""
        ...

    def worker_down(self, name: str, computing: set[int]) -> None:
        """It is gone; these requests were being computed."""
        ...

    def worker_hopeless(self, name: str, error: VoxdError) -> None:
        """It does not come up (called again at every further failed start)."""
        ...

    def worker_said(self, name: str, frame: Frame) -> None:
        """`partial`, `done` or `error` about a request."""
        ...


@dataclass(slots=True)
class _Life:
    """What is known of the process that runs now."""

    watch: Watch
    process: WorkerProcess | None = None
    ready_at: float | None = None


class Supervisor:
    """One worker, over all its lives."""

    def __init__(self, spec: WorkerSpec, local: Local, owner: Owner) -> None:
        self._spec = spec
        self._local = local
        self._owner = owner
        self._life = self._new_life()
        self._was_ready = False
        self.starts = 0
        """How often its process was started."""
        self.info: dict[str, Any] = {}
        """What its `load` returned."""

    @property
    def is_up(self) -> bool:
        """A process is ready for requests."""
        return self._life.ready_at is not None

    def request(self, request_id: int, fields: dict[str, Any], payload: bytes) -> None:
        """Hand over a request; `fields` has at least `op`, `params` and `limit_s`."""
        self._life.watch.sent(request_id, fields["limit_s"])
        self._send(Frame(MessageType.REQUEST, {"id": request_id, **fields}, payload))

    def cancel(self, request_id: int) -> None:
        """Stop a request that was handed over; it is still answered."""
        self._send(Frame(MessageType.CANCEL, {"id": request_id}))

    def notify(self, op: str, params: dict[str, Any]) -> None:
        """Say something that needs no answer. Dropped while no process is ready: whatever it is
        about, the next process does not know it."""
        if self.is_up:
            self._send(Frame(MessageType.NOTIFY, {"op": op, "params": params}))

    async def run(self) -> None:
        """Keep it alive until cancelled; returns only when its weights cannot be used at all."""
        backoff = Backoff(self._local.restart_max_s)
        failures = 0
        while True:
            try:
                error = await self._live()
                lived_s = self._bury()
            except Exception as bug:  # the named border: a background loop
                log.exception("supervising failed", extra={"worker": self._spec.name})
                error, lived_s = self._lost(f"unexpected {type(bug).__name__}"), self._bury()
            if isinstance(error, ModelError) and not self._was_ready:
                self._owner.worker_hopeless(self._spec.name, error)
                return
            failures = 0 if lived_s else failures + 1
            if failures >= HOPELESS_STARTS:
                self._owner.worker_hopeless(self._spec.name, error)
            pause_s = backoff.pause_s(lived_s)
            log.warning(
                "worker ended, starting it again",
                extra={"worker": self._spec.name, "error": str(error), "pause_s": pause_s},
            )
            await asyncio.sleep(pause_s)

    async def _live(self) -> VoxdError:
        """One life of the process, and what ended it."""
        self._life = life = self._new_life()
        self.starts += 1
        try:
            async with open_process(self._spec, self._local.heartbeat_s) as life.process:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(life.process.log_stderr(self._spec.name))
                    watching = tasks.create_task(self._watch(life.process, life.watch))
                    ended = await self._listen(life.process)
                    watching.cancel()
                    life.process.kill()  # without a socket it is of no use
                return ended
        except OSError as error:
            return self._lost(f"cannot be started: {error.strerror}")

    async def _listen(self, process: WorkerProcess) -> VoxdError:
        try:
            return await self._hear(process)
        except ProtocolError as error:
            return error

    async def _hear(self, process: WorkerProcess) -> VoxdError:
        watch = self._life.watch
        async for frame in process.frames():
            watch.heard()
            match frame.type:
                case MessageType.READY:
                    self._be_ready(frame)
                case MessageType.STARTED:
                    watch.started(frame.id)
                case MessageType.PARTIAL:
                    self._owner.worker_said(self._spec.name, frame)
                case MessageType.ERROR if frame.fields.get("category") == MODEL:
                    return ModelError(f"{self._spec.name}: {frame.fields.get('message')}")
                case MessageType.DONE | MessageType.ERROR:
                    watch.answered(frame.id)
                    self._owner.worker_said(self._spec.name, frame)
                case _:
                    pass
        return self._lost("its process ended")

    async def _watch(self, process: WorkerProcess, watch: Watch) -> None:
        loop = asyncio.get_running_loop()
        while True:
            verdict = watch.tick(loop.time())
            if verdict is not None:
                break
            await asyncio.sleep(watch.tick_s)
        log.error(
            "worker is killed",
            extra={"worker": self._spec.name, "pid": process.pid, "reason": verdict.value},
        )
        process.kill()

    def _be_ready(self, frame: Frame) -> None:
        self.info = dict(frame.fields.get("info") or {})
        self._life.watch.ready()
        self._life.ready_at = asyncio.get_running_loop().time()
        is_restart, self._was_ready = self._was_ready, True
        self._owner.worker_up(self._spec.name, is_restart)

    def _bury(self) -> float:
        """Tell the owner that the process is gone; returns how long it was ready, seconds."""
        life, self._life = self._life, self._new_life()
        if life.ready_at is None:
            return 0.0
        self._owner.worker_down(self._spec.name, life.watch.computing())
        return asyncio.get_running_loop().time() - life.ready_at

    def _send(self, frame: Frame) -> None:
        if self._life.process is not None:
            self._life.process.send(frame)

    def _new_life(self) -> _Life:
        local = self._local
        return _Life(Watch(local.start_s, local.silent_s, local.heartbeat_s))

    def _lost(self, message: str) -> EngineError:
        return EngineError(self._spec.name, Category.CONNECTIVITY, Phase.CONNECT, message)
