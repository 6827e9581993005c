import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.doctor.configs import derived
from tests.server.certificates import make_certificate
from voxd.config import Config
from voxd.doctor import address
from voxd.doctor.address import check_address, check_certificate, is_live, local_url
from voxd.doctor.finding import Finding, Verdict

GOOD, WARN, BAD = Verdict.GOOD, Verdict.WARN, Verdict.BAD


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "t")


@asynccontextmanager
async def answering(text: str, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that says this wherever it is asked; its port."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def public(base_dir: Path, url: str, port: int) -> Config:
    return derived(base_dir, server__public_url=url, server__port=port)


async def found_by(check: Any, config: Config) -> list[Finding]:
    return [finding async for finding in check(config)]


async def test_without_a_public_address_there_is_nothing_to_try(tmp_path: Path) -> None:
    [found] = await found_by(check_address, derived(tmp_path))
    assert found.verdict is GOOD
    assert await found_by(check_certificate, derived(tmp_path)) == []


async def test_a_name_without_an_address_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(*_: object) -> list[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(address, "_resolve", resolve)
    [found] = await found_by(check_address, public(tmp_path, "https://voice.example", 1))
    assert found.verdict is BAD and "voice.example has no address" in found.told


async def test_an_address_that_leads_here_is_good_and_a_private_one_said_to_be(
    tmp_path: Path,
) -> None:
    async with answering("live\n") as port:
        config = public(tmp_path, f"http://127.0.0.1:{port}", port)
        private, found = await found_by(check_address, config)
    assert private.verdict is WARN and "Twilio cannot reach" in private.told
    assert found.verdict is GOOD and "a living voxd answers" in found.told


async def test_an_address_that_leads_elsewhere_is_bad(tmp_path: Path) -> None:
    async with answering("live\n") as ours, answering("Welcome to nginx!") as other:
        config = public(tmp_path, f"http://127.0.0.1:{other}", ours)
        found = (await found_by(check_address, config))[-1]
    assert found.verdict is BAD and "not answered by voxd" in found.told


async def test_while_voxd_does_not_run_nobody_is_blamed(tmp_path: Path) -> None:
    port = free_port()
    for url in (f"http://127.0.0.1:{port}", f"https://localhost:{port}"):
        found = (await found_by(check_address, public(tmp_path, url, port)))[-1]
        assert found.verdict is WARN and "start voxd" in found.advice


async def test_a_certificate_that_nobody_trusts_is_bad_and_a_trusted_one_counts_its_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = make_certificate(tmp_path, days=10)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)
    async with answering("live\n", serving) as port, answering("live\n") as plain:
        config = public(tmp_path, f"https://localhost:{port}", plain)
        refused = (await found_by(check_address, config))[-1]
        trusting = ssl.create_default_context(cafile=str(cert))
        monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
        *_, days, reached = await found_by(check_address, config)
    assert refused.verdict is BAD and "refused" in refused.told
    assert days.verdict is WARN and "10 days" in days.told
    assert reached.verdict is GOOD


async def test_our_own_certificate_is_judged(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    config = derived(tmp_path, server__tls_cert=str(cert), server__tls_key=str(key))
    [found] = await found_by(check_certificate, config)
    assert found.verdict is WARN and "self-signed" in found.told
    config = derived(tmp_path, server__tls_cert="none.pem", server__tls_key=str(key))
    [found] = await found_by(check_certificate, config)
    assert found.verdict is BAD and "cannot be read" in found.told


def test_where_the_daemon_answers_on_this_machine(tmp_path: Path) -> None:
    assert local_url(derived(tmp_path)) == "http://127.0.0.1:8080"
    everywhere = derived(tmp_path, server__host="::", server__port=9)
    assert local_url(everywhere) == "http://[::1]:9"


async def test_nobody_there_is_not_alive() -> None:
    assert not await is_live(f"http://127.0.0.1:{free_port()}")
