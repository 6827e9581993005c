"""Run the daemon: listen, warm up, serve, drain. Owns signals and systemd's notifications.

Health answers from the first moment, and calls are taken once everything is warm. The first
SIGTERM or SIGINT lets calls finish that run or were promised a stream (`server.drain_s`), then has
them say goodbye; a second one ends them now. SIGHUP has the config read again (`voxd.reload`).
"""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import uvloop

from voxd import __version__
from voxd.config import Config
from voxd.engines.health_board import HealthBoard
from voxd.errors import ConfigError
from voxd.notify import Notifier
from voxd.quickly import import_beside
from voxd.reload import ReadConfig, Reloader, open_reloader
from voxd.runtime import Runtime, background, open_runtime
from voxd.server.admission import Admission
from voxd.server.certificate import Certificate
from voxd.server.exposure import check_exposure
from voxd.server.guard import Guard
from voxd.server.http import build_app
from voxd.server.keys import DoorKeys
from voxd.server.listen import listen
from voxd.server.state import ServerState
from voxd.standing import keep_told
from voxd.telemetry.calls import CallRegistry

logger = logging.getLogger(__name__)

START_STEP_S = 60.0
"""Beyond `local.start_s` a step of the start may take so long before systemd gives it up."""
CLOSE_S = 30.0
"""What systemd must allow for after the last call: workers, tools, records, each with bounds of its
own that are far below."""
LATE = ("voxd.dialog.normalization.words", "voxd.call.turns.build")
"""What no call needs in its first second, and the daemon not at all to be ready."""
LATE_S = 10.0
"""After the start; by then whatever is imported beside it is there."""
LET_GO_S = 1.0
"""After the last call; by then its tasks and answers are gone."""
END_S = 5.0
"""Calls that were told to end have this long: closing a socket and freeing a sequence."""
CANCEL_S = 5.0
"""The same for those that had to be cancelled, and telling those who keep records."""
GOODBYE_S = 15.0
"""Calls that outlived the drain have this long to say so: a phrase takes some six seconds, and in
turns Twilio comes for it when it has heard the caller out."""
PROMISE_S = 0.1
"""How often a draining daemon without calls looks whether it still owes somebody a stream."""
AFTER_S = 1.0
"""After the last call the server stays this long, so that Twilio's `/twilio/after` is answered."""
SWITCH_INTERVAL_S = 0.0005
"""How long the loop waits for another thread (records, the end of a call) to let it go on; C code
that holds the interpreter is not bound by it. Python's own 5 ms are heard by every call: beside a
thread that works for 20 ms at a time, the loop was late by 10 and 14 ms at p99, and by 5 with this
(two runs each, on a busy machine)."""

Announce = Callable[[str], None]
"""Takes text for people."""


class Shutdown:
    """What the signals ask for."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        """Finish."""
        self.now = asyncio.Event()
        """Do not wait for calls any more, nor let them say goodbye."""
        self.starting: asyncio.Task[Any] | None = None
        """What to cancel when the signal comes before the daemon serves."""
        self.board: HealthBoard | None = None
        self.certificate: Certificate | None = None
        self.reloader: Reloader | None = None
        """What a SIGHUP concerns, once the daemon serves."""

    def signal(self) -> None:
        """One more SIGTERM or SIGINT."""
        if self.requested.is_set():
            self.now.set()
        self.requested.set()
        if self.starting is not None:
            self.starting.cancel()

    def look_again(self) -> None:
        """A SIGHUP: the config is read again, for calls that come from now on, and the certificate,
        for connections; engines whose account was refused get a probe, and calls if it succeeds.
        """
        logger.info("SIGHUP: config, certificate and accounts again")
        if self.certificate is not None:
            self.certificate.reload()
        if self.board is not None:
            self.board.account_changed()
        if self.reloader is not None:
            self.reloader.request()


def run_daemon(
    config: Config, keys: DoorKeys, announce: Announce, read_again: ReadConfig | None = None
) -> None:
    """Serve calls until a signal says otherwise.

    Args:
        config: the judged config.
        keys: the secrets by which requests are known.
        announce: gets a few lines for people: where it listens, how to place a call.
        read_again: reads the file of the config; None: a reload does not.

    Raises:
        VoxdError: it cannot start; the message is for people.
    """
    problems = check_exposure(config, keys)
    if problems:
        raise ConfigError("the configuration", problems)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(config, keys, announce, read_again))


async def _run(
    config: Config, keys: DoorKeys, announce: Announce, read_again: ReadConfig | None
) -> None:
    loop = asyncio.get_running_loop()
    shutdown = Shutdown()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, shutdown.signal)
    # A closed terminal ends what was started in it; a service is told by SIGHUP to look again at
    # what may have changed, and must at least live on.
    in_terminal = sys.stdin is not None and sys.stdin.isatty()
    look_again = shutdown.signal if in_terminal else shutdown.look_again
    loop.add_signal_handler(signal.SIGHUP, look_again)
    try:
        await serve(config, keys, announce, Notifier(), shutdown, read_again=read_again)
    except asyncio.CancelledError:
        if not shutdown.requested.is_set():
            raise
        logger.info("stopped before it was ready")


async def serve(
    config: Config,
    keys: DoorKeys,
    announce: Announce,
    notifier: Notifier,
    shutdown: Shutdown,
    open_shared: Callable[..., Any] = open_runtime,
    read_again: ReadConfig | None = None,
) -> None:
    """Serve until `shutdown`; everything is closed when this returns.

    Raises:
        VoxdError: it cannot start.
        CancelledError: the shutdown came before it was ready.
    """
    server = config.server
    certificate = Certificate(config) if server.tls_cert else None
    state = ServerState(config, Guard(keys, server.public_url, server.trusted_proxies))

    def report(step: str) -> None:
        notifier.status(step)
        # One that loads large models takes its time; each step is bounded by itself.
        notifier.extend_timeout(config.local.start_s + START_STEP_S)
        announce(f"  {step}")

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(background(_feed_watchdog(notifier)))
        host, port = await stack.enter_async_context(listen(build_app(state), server, certificate))
        logger.info("listening", extra={"host": host, "port": port})
        url = f"{'https' if certificate else 'http'}://{_netloc(host, port)}"
        announce(f"voxd {__version__} starts; {url}/health/ready says when")
        shutdown.certificate = certificate
        async with _starting(shutdown):
            runtime = await stack.enter_async_context(open_shared(config, report))
        # What is here now stays. Left to the collector, going through it would hold up the audio of
        # every call for some 80 ms (measured with the three SDKs loaded), now and then. Nor is it
        # gone through once before: that takes as long, and what it finds are some 2000 objects.
        gc.freeze()
        gc.enable()  # off since the process began, see `voxd.quickly`
        # A full collection with 50 calls took up to 74 ms, in which no audio moves: it comes ten
        # times more rarely than Python would have it.
        gc.set_threshold(700, 10, 100)
        state.open(runtime)
        shutdown.board = runtime.board
        if read_again is not None:
            shutdown.reloader = await stack.enter_async_context(
                open_reloader(state, keys, notifier, read_again)
            )
        notifier.ready()
        for name in LATE:
            import_beside(name)
        await stack.enter_async_context(background(keep_told(state, notifier)))
        await stack.enter_async_context(background(_freeze_late(runtime.calls)))
        logger.info("ready", extra={"tier": config.call.tier})
        announce(_how_to_call(config, url))
        await shutdown.requested.wait()
        notifier.stopping()
        notifier.extend_timeout(_stop_s(state.config))
        await _drain(state, runtime, shutdown)


@asynccontextmanager
async def _starting(shutdown: Shutdown) -> AsyncIterator[None]:
    """While the body runs, a signal cancels it."""
    shutdown.starting = asyncio.current_task()
    try:
        yield
    finally:
        shutdown.starting = None


async def _drain(state: ServerState, runtime: Runtime, shutdown: Shutdown) -> None:
    """Let calls finish that run or were promised a stream; the others say goodbye and are ended."""
    calls, admission, limit_s = runtime.calls, state.admission, state.config.server.drain_s
    assert admission is not None  # since `state.open`
    state.drain()
    logger.info("draining", extra={"calls": len(calls), "limit_s": limit_s})
    if not len(calls) and not admission.promised_s:
        return
    await _first_of(limit_s, _serve_promised(calls, admission), shutdown.now.wait())
    admission.withdraw()
    if len(calls) and not shutdown.now.is_set():
        logger.info("saying goodbye", extra={"calls": len(calls)})
        calls.request_goodbye()
        await _first_of(GOODBYE_S, calls.wait_empty(), shutdown.now.wait())
    if len(calls):
        logger.warning("ending calls", extra={"calls": len(calls)})
        calls.request_shutdown()
        await _end_calls(calls)
    await _first_of(AFTER_S, shutdown.now.wait())


async def _serve_promised(calls: CallRegistry, admission: Admission) -> None:
    """Return once no call runs and none can come any more."""
    await calls.wait_empty()
    while promised_s := admission.promised_s:
        await asyncio.sleep(min(promised_s, PROMISE_S))
        await calls.wait_empty()


def _stop_s(config: Config) -> float:
    """The longest that a stop may take, for systemd."""
    return config.server.drain_s + GOODBYE_S + END_S + CANCEL_S + AFTER_S + CLOSE_S


async def _end_calls(calls: CallRegistry) -> None:
    await _first_of(END_S, calls.wait_empty())
    if len(calls):
        # Here, where those who keep records still take them.
        logger.error("calls did not end", extra={"calls": len(calls)})
        calls.cancel()
        await _first_of(CANCEL_S, calls.wait_empty())


async def _first_of(limit_s: float, *works: Coroutine[Any, Any, Any]) -> None:
    """Return when one of these is done or the time is up; the others are cancelled."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _freeze_late(calls: CallRegistry) -> None:
    """Once more: the records' libraries are imported by their thread when calls are taken already,
    and the collector would go through them, too.

    Only what is of no call may stay for good: it is done while there is none, and what the last
    ones left is collected before. That takes some 80 ms, which then nobody hears.
    """
    is_quiet = False
    while not is_quiet:
        await asyncio.sleep(LATE_S)
        await calls.wait_empty()
        await asyncio.sleep(LET_GO_S)
        is_quiet = not len(calls)
    gc.collect()
    gc.freeze()


async def _feed_watchdog(notifier: Notifier) -> None:
    """Tell systemd at half its interval that the loop turns; a hung loop is restarted by it."""
    while notifier.watchdog_s is not None:
        notifier.watchdog()
        await asyncio.sleep(notifier.watchdog_s / 2)


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _how_to_call(config: Config, url: str) -> str:
    webhook = f"{config.server.public_url or url}/twilio/voice"
    return (
        f"voxd answers calls (tier {config.call.tier}).\n"
        f"  Voice webhook:          POST {webhook}\n"
        f"  Health:                 {url}/health\n"
        f"  Place a call from here: voxd call --url {url}/twilio/voice question.wav"
    )
