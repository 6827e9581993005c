import asyncio
import gc
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from tests.fakes.call import Stage, make_config
from tests.server.certificates import make_certificate
from tests.server.harness import connected, start, stream_of
from voxd import app
from voxd.app import Shutdown, run_daemon, serve
from voxd.config import Config
from voxd.contracts import EngineState
from voxd.errors import Category, ConfigError, EngineError, ListenError, ModelError, Phase
from voxd.events import EndReason
from voxd.notify import Notifier
from voxd.reload import ReadConfig
from voxd.runtime import Runtime, background
from voxd.server import admission
from voxd.server.keys import DoorKeys
from voxd.telemetry.calls import CallRegistry

SHIPPED = Path(__file__).parent.parent / "config.toml"


class RecordingNotifier(Notifier):
    """Keeps what would be sent to systemd."""

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        super().__init__(environ or {})
        self.sent: list[str] = []

    def _send(self, message: str) -> None:
        self.sent.append(message)


class Daemon:
    """A daemon on the fakes; warm once `may_warm` is set."""

    def __init__(self, config: Config | None = None, **server: object) -> None:
        self.stage = Stage(config=config or make_config(server={"port": 0, **server}))
        self.runtime = self.stage.runtime
        self.notifier = RecordingNotifier({"WATCHDOG_USEC": "20000"})
        self.shutdown = Shutdown()
        self.may_warm = asyncio.Event()
        self.announced: list[str] = []
        self.is_closed = False
        self.read_again: ReadConfig | None = None
        self.task: asyncio.Task[None]

    @asynccontextmanager
    async def open_runtime(
        self, config: Config, progress: Callable[[str], None]
    ) -> AsyncIterator[Runtime]:
        progress("warming")
        try:
            await self.may_warm.wait()
            yield self.runtime
        finally:
            self.is_closed = True

    async def run(self) -> None:
        config = self.stage.config
        opened = self.open_runtime
        told, notifier, shutdown = self.announced.append, self.notifier, self.shutdown
        await serve(config, DoorKeys(), told, notifier, shutdown, opened, self.read_again)

    @property
    def url(self) -> str:
        return next(word for line in self.announced for word in line.split() if "http://" in word)[
            : -len("/health/ready")
        ]

    async def ready(self) -> None:
        self.may_warm.set()
        async with asyncio.timeout(10):
            while "READY=1" not in self.notifier.sent:
                await asyncio.sleep(0.002)

    async def ended(self) -> None:
        async with asyncio.timeout(10):
            await asyncio.wait([self.task])
        self.task.result()


@asynccontextmanager
async def running(
    config: Config | None = None, read_again: ReadConfig | None = None, **server: object
) -> AsyncIterator[tuple[Daemon, aiohttp.ClientSession]]:
    """A daemon that listens, and a client; the daemon is told to end with the test."""
    daemon = Daemon(config, **server)
    daemon.read_again = read_again
    daemon.task = asyncio.get_running_loop().create_task(daemon.run())
    async with aiohttp.ClientSession() as http:
        async with asyncio.timeout(10):
            while not daemon.announced:
                await asyncio.sleep(0.002)
        yield daemon, http
        daemon.shutdown.signal()
        daemon.shutdown.signal()
        await asyncio.wait([daemon.task])
    assert daemon.is_closed


async def status(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(url) as response:
        return response.status


async def announce_call(daemon: Daemon, http: aiohttp.ClientSession, call_sid: str = "CA1") -> str:
    """The token of a call whose stream is awaited."""
    async with http.post(f"{daemon.url}/twilio/voice", data={"CallSid": call_sid}) as response:
        return stream_of(await response.text())["token"]


async def place_call(
    daemon: Daemon, http: aiohttp.ClientSession, call_sid: str = "CA1"
) -> aiohttp.ClientWebSocketResponse:
    """A call whose greeting has begun."""
    return await open_stream(daemon, http, await announce_call(daemon, http, call_sid), call_sid)


async def open_stream(
    daemon: Daemon, http: aiohttp.ClientSession, token: str, call_sid: str = "CA1"
) -> aiohttp.ClientWebSocketResponse:
    """The stream of a call that was announced, up to its greeting."""
    socket = await http.ws_connect(f"{daemon.url}/twilio/media")
    await socket.send_str(connected())
    await socket.send_str(start(call_sid, token))
    await socket.receive()
    return socket


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "AFTER_S", 0.0)
    monkeypatch.setattr(app, "GOODBYE_S", 0.05)


async def test_health_answers_while_models_are_warming() -> None:
    async with running() as (daemon, http):
        assert await status(http, f"{daemon.url}/health/live") == 200
        assert await status(http, f"{daemon.url}/health/ready") == 503
        assert "STATUS=warming" in daemon.notifier.sent
        await daemon.ready()
        assert await status(http, f"{daemon.url}/health/ready") == 200


async def test_it_says_where_it_listens_and_how_to_place_a_call() -> None:
    async with running() as (daemon, _):
        await daemon.ready()
        text = "\n".join(daemon.announced)
        assert f"POST {daemon.url}/twilio/voice" in text
        assert f"voxd call --url {daemon.url}/twilio/voice" in text


async def test_a_signal_while_warming_ends_the_start() -> None:
    async with running() as (daemon, _):
        daemon.shutdown.signal()
        await asyncio.wait([daemon.task])
        assert daemon.task.cancelled()
        assert "READY=1" not in daemon.notifier.sent


async def test_without_calls_it_ends_at_once() -> None:
    async with running() as (daemon, _):
        await daemon.ready()
        daemon.shutdown.signal()
        await daemon.ended()
        assert "STOPPING=1" in daemon.notifier.sent


async def test_a_running_call_may_finish_and_no_new_one_begins() -> None:
    async with running() as (daemon, http):
        await daemon.ready()
        socket = await place_call(daemon, http)
        daemon.shutdown.signal()
        async with asyncio.timeout(10):
            while await status(http, f"{daemon.url}/health/ready") != 503:
                pass
        async with http.post(f"{daemon.url}/twilio/voice", data={"CallSid": "CA2"}) as response:
            assert "lines are busy" in await response.text()
        assert daemon.runtime.calls.is_active("CA1")
        assert not daemon.task.done()
        await socket.close()
        await daemon.ended()
        assert daemon.runtime.calls.end_reason("CA1") == "line_lost"


async def draining(daemon: Daemon, http: aiohttp.ClientSession) -> None:
    daemon.shutdown.signal()
    async with asyncio.timeout(10):
        while await status(http, f"{daemon.url}/health/ready") != 503:
            pass


async def test_a_call_that_was_promised_its_stream_before_the_signal_gets_it() -> None:
    async with running() as (daemon, http):
        await daemon.ready()
        token = await announce_call(daemon, http)
        await draining(daemon, http)
        assert await announce_call(daemon, http) == token  # Twilio repeats its webhook
        socket = await open_stream(daemon, http, token)
        assert daemon.runtime.calls.is_active("CA1")
        assert not daemon.task.done()
        await socket.close()
        await daemon.ended()
        assert daemon.runtime.calls.end_reason("CA1") == "line_lost"


async def test_a_promised_stream_that_does_not_come_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "RESERVED_S", 0.05)
    async with running(drain_s=3600) as (daemon, http):
        await daemon.ready()
        await announce_call(daemon, http)
        daemon.shutdown.signal()
        await daemon.ended()
        assert not daemon.stage.llm.sequences


async def test_a_promise_does_not_outlive_the_drain() -> None:
    async with running(drain_s=3600) as (daemon, http):
        await daemon.ready()
        await announce_call(daemon, http)
        await draining(daemon, http)
        assert not daemon.task.done()
        daemon.shutdown.signal()
        await daemon.ended()
        assert not len(daemon.runtime.calls)


async def test_a_call_that_outlives_the_drain_is_ended() -> None:
    async with running(drain_s=0.05) as (daemon, http):
        await daemon.ready()
        socket = await place_call(daemon, http)
        daemon.shutdown.signal()
        await daemon.ended()
        assert daemon.runtime.calls.end_reason("CA1") == "shutdown"
        await socket.close()


async def test_a_second_signal_ends_calls_now() -> None:
    async with running(drain_s=3600) as (daemon, http):
        await daemon.ready()
        socket = await place_call(daemon, http)
        daemon.shutdown.signal()
        await asyncio.sleep(0.01)
        assert daemon.runtime.calls.is_active("CA1")
        daemon.shutdown.signal()
        await daemon.ended()
        assert daemon.runtime.calls.end_reason("CA1") == "shutdown"
        await socket.close()


async def test_a_hang_up_signal_has_refused_accounts_tried_again() -> None:
    async with running() as (daemon, _):
        daemon.shutdown.look_again()  # too early to mean anything
        await daemon.ready()
        board, name = daemon.runtime.board, daemon.stage.llm.name
        board.record_error(EngineError(name, Category.QUOTA, Phase.CONNECT, "scripted"))
        assert board.verdict(name).state is EngineState.EJECTED
        daemon.shutdown.look_again()
        assert board.verdict(name).state is EngineState.PROBING


async def test_a_hang_up_signal_has_a_renewed_certificate_taken(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    files = {"tls_cert": str(cert), "tls_key": str(key)}
    async with running(**files) as (daemon, http):
        old = ssl.create_default_context(cafile=str(cert))
        url = daemon.announced[0].split()[-3]
        assert url.startswith("https://") and url.endswith("/health/ready")

        async def ask(trusted: ssl.SSLContext) -> int:
            async with http.get(url, ssl=trusted, headers={"Connection": "close"}) as response:
                return response.status

        assert await ask(old) == 503
        make_certificate(tmp_path)
        daemon.shutdown.look_again()
        assert await ask(ssl.create_default_context(cafile=str(cert))) == 503
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await ask(old)


async def test_nothing_of_a_call_is_kept_from_the_collector_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frozen in mid-call, its words would stay for as long as the daemon runs."""
    done: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: done.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: done.append("freeze"))
    monkeypatch.setattr(app, "LATE_S", 0.0)
    monkeypatch.setattr(app, "LET_GO_S", 0.001)
    calls, some_call = CallRegistry(), cast(Any, None)

    async def pass_by() -> None:
        for _ in range(10):
            await asyncio.sleep(0.001)

    calls.add("CA1", some_call)
    async with background(app._freeze_late(calls)):
        await pass_by()
        await calls.finish("CA1", EndReason.CALLER_HUNG_UP)
        calls.add("CA2", some_call)
        await pass_by()
        assert done == []
        await calls.finish("CA2", EndReason.CALLER_HUNG_UP)
        async with asyncio.timeout(10):
            while not done:
                await asyncio.sleep(0.001)
    assert done == ["collect", "freeze"]


async def test_systemd_is_told_again_and_again_that_the_loop_turns() -> None:
    async with running() as (daemon, _):
        async with asyncio.timeout(10):
            while daemon.notifier.sent.count("WATCHDOG=1") < 3:
                await asyncio.sleep(0.002)


async def test_what_keeps_it_from_starting_comes_out_as_it_is() -> None:
    daemon = Daemon()

    @asynccontextmanager
    async def fail(*_: object) -> AsyncIterator[Runtime]:
        raise ModelError("x is missing")
        yield daemon.runtime

    daemon.open_runtime = fail  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="missing"):
        await daemon.run()


async def test_two_daemons_do_not_share_a_port() -> None:
    async with running() as (first, _):
        daemon = Daemon(port=int(first.url.rpartition(":")[2]))
        with pytest.raises(ListenError, match="listens on"):
            await daemon.run()
        assert not daemon.is_closed  # nothing was loaded for it


def test_an_exposed_config_never_listens() -> None:
    with pytest.raises(ConfigError, match=r"server\.host"):
        run_daemon(make_config(server={"host": "0.0.0.0"}), DoorKeys(), print)
    with pytest.raises(ConfigError, match=r"server\.public_url"):
        run_daemon(make_config(), DoorKeys(("12345",)), print)
    with pytest.raises(ConfigError, match=r"server\.tls_cert"):
        run_daemon(make_config(server={"tls_cert": "x", "tls_key": "x"}), DoorKeys(), print)


def start_voxd(tmp_path: Path, text: str) -> subprocess.Popen[str]:
    path = tmp_path / "config.toml"
    path.write_text(text)
    environ = {k: v for k, v in os.environ.items() if k != "TWILIO_AUTH_TOKEN"}
    return subprocess.Popen(
        [sys.executable, "-m", "voxd", "--config", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )


def children_of(pid: int) -> set[int]:
    task = Path(f"/proc/{pid}/task/{pid}/children")
    return {int(child) for child in task.read_text().split()}


@pytest.mark.weights
def test_the_shipped_daemon_starts_serves_and_ends_with_all_of_its_workers(tmp_path: Path) -> None:
    models = SHIPPED.parent / "models"
    text = SHIPPED.read_text().replace('"models/', f'"{models}/').replace("8080 ", "0 ")
    with start_voxd(tmp_path, text) as process:
        assert process.stdout is not None and process.stderr is not None
        lines = []
        while "answers calls" not in "".join(lines[-4:]):
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        workers = children_of(process.pid)
        assert len(workers) == 4
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        process.stdout.read()
    assert not [pid for pid in workers if Path(f"/proc/{pid}/exe").exists()]


def test_missing_weights_are_told_before_anything_is_begun(tmp_path: Path) -> None:
    with start_voxd(tmp_path, SHIPPED.read_text().replace("8080 ", "0 ")) as process:
        told, error = process.communicate(timeout=60)
        assert process.returncode == 2
    head, *sentences = error.splitlines()
    assert head.endswith("config.toml has 4 problem(s):") and len(sentences) == 4
    assert ": engines.faster-whisper.model: " in sentences[0]
    assert str(tmp_path / "models" / "faster-whisper-tiny.en") in sentences[0]
    assert "scripts/fetch-models" in sentences[0]
    assert "Traceback" not in error and not told


@pytest.mark.weights
@pytest.mark.parametrize(
    "damaged",
    [
        "faster-whisper-tiny.en/model.bin",
        "llm/SmolLM2-135M-Instruct.Q4_1.gguf",
        "piper/en_US-joe-medium.onnx",
    ],
)
def test_damaged_weights_end_the_start_with_one_sentence(tmp_path: Path, damaged: str) -> None:
    whole = SHIPPED.parent / "models"
    for file in whole.rglob("*"):
        if file.is_file():
            link = tmp_path / "models" / file.relative_to(whole)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
    target = tmp_path / "models" / damaged
    target.unlink()
    with (whole / damaged).open("rb") as file:
        target.write_bytes(file.read((whole / damaged).stat().st_size // 2))
    with start_voxd(tmp_path, SHIPPED.read_text().replace("8080 ", "0 ")) as process:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 1
    (sentence, hint) = [line for line in error.splitlines() if line.startswith("voxd: ")]
    assert str(target.relative_to(tmp_path).parent) in sentence
    assert len(sentence) < 400 and "Traceback" not in error
    assert "scripts/fetch-models" in hint
