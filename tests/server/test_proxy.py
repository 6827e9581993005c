"""A call through a real nginx and a real Caddy with TLS, by the examples of docs/proxy.

`scripts/test` fetches both from Debian. Only what belongs to a machine is exchanged in an example:
name, ports and certificate.
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import ssl
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.call import make_config
from tests.server.certificates import make_certificate
from tests.server.harness import HOST
from tests.server.test_intruders import SPEECH, TOKEN, Door, open_door
from voxd.audio.g711 import decode_mulaw
from voxd.server.certificate import Certificate
from voxd.server.guard import Guard
from voxd.server.http import build_app
from voxd.server.keys import DoorKeys
from voxd.server.listen import listen

EXAMPLES = Path(__file__).parents[2] / "docs" / "proxy"
UNPACKED = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voxd" / "proxies"

NGINX = """\
daemon off;
worker_processes 1;
user root;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/voxd.conf;
}}
"""


@dataclass
class Site:
    """A proxy that runs, and the daemon behind it."""

    url: str
    door: Door
    cert: Path
    http: aiohttp.ClientSession


def find(name: str) -> str:
    """A proxy's program: installed, or where scripts/test puts it."""
    for path in (shutil.which(name), UNPACKED / "usr/sbin" / name, UNPACKED / "usr/bin" / name):
        if path is not None and Path(path).exists():
            return str(path)
    raise FileNotFoundError(f"there is no {name}: scripts/test fetches it")


def exchanged(example: str, *pairs: tuple[str, str]) -> str:
    text = (EXAMPLES / example).read_text()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx_command(folder: Path, port: int, behind: int, cert: Path, key: Path) -> list[str]:
    live = "/etc/letsencrypt/live/voice.example.com"
    site = exchanged(
        "nginx.conf",
        ("listen 443 ssl;", f"listen {HOST}:{port} ssl;"),
        (f"{live}/fullchain.pem", str(cert)),
        (f"{live}/privkey.pem", str(key)),
        ("server_name voice.example.com;", "server_name localhost;"),
        ("127.0.0.1:8080", f"{HOST}:{behind}"),
    )
    (folder / "voxd.conf").write_text(site)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
    return [find("nginx"), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]


def caddy_command(folder: Path, port: int, behind: int, cert: Path, key: Path) -> list[str]:
    site = exchanged(
        "Caddyfile",
        ("{\n\tservers {", "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {"),
        ("voice.example.com {", f"https://localhost:{port} {{\n\tbind {HOST}\n\ttls {cert} {key}"),
        ("127.0.0.1:8080", f"{HOST}:{behind}"),
    )
    (folder / "Caddyfile").write_text(site)
    return [find("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


@asynccontextmanager
async def process(command: list[str], folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that runs while the body does; what it says goes into a file."""
    environ = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        running = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, env=environ
        )
        try:
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                running.terminate()
            await running.wait()


@pytest.fixture(params=["nginx", "caddy"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    cert, key = make_certificate(tmp_path)
    port = free_port()
    url = f"https://localhost:{port}"
    trusting = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(cert)))
    make_command = {"nginx": nginx_command, "caddy": caddy_command}[request.param]
    async with open_door() as door, aiohttp.ClientSession(connector=trusting) as http:
        proxies = door.server.state.config.server.trusted_proxies
        door.server.state.guard = Guard(DoorKeys((TOKEN,)), url, proxies)
        command = make_command(tmp_path, port, door.server.port, cert, key)
        async with process(command, tmp_path) as running:
            async with asyncio.timeout(30):
                while not await is_ready(http, url):
                    assert running.returncode is None, (tmp_path / "log").read_text()
                    await asyncio.sleep(0.05)
            yield Site(url, door, cert, http)


async def is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/health/ready") as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        return False


async def test_a_call_that_twilio_signs_passes_with_webhook_and_stream(
    site: Site, tmp_path: Path
) -> None:
    await place_good_call(site.url, site.cert, tmp_path)


async def test_a_call_passes_by_our_own_certificate_without_a_proxy(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    port = free_port()
    tables = {"host": HOST, "port": port, "tls_cert": str(cert), "tls_key": str(key)}
    config = make_config(server=tables)
    async with open_door() as door:
        state = door.server.state
        state.guard = Guard(DoorKeys((TOKEN,)), f"https://localhost:{port}")
        async with listen(build_app(state), config.server, Certificate(config)):
            await place_good_call(f"https://localhost:{port}", cert, tmp_path)


async def place_good_call(url: str, cert: Path, tmp_path: Path) -> None:
    """A simulated caller in a process of its own, which trusts the certificate."""
    with wave.open(str(tmp_path / "yes.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(decode_mulaw(SPEECH.read_bytes()).astype("<i2").tobytes())
    command = [
        *(sys.executable, "-m", "voxd", "call", "--url", f"{url}/twilio/voice"),
        *("--auth-token-env", "AUTH", "--json", "-", str(tmp_path / "yes.wav")),
    ]
    environ = {**os.environ, "AUTH": TOKEN, "SSL_CERT_FILE": str(cert)}
    caller = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environ
    )
    told, trouble = await caller.communicate()
    assert caller.returncode == 0, trouble.decode() + told.decode()
    (call,) = json.loads(told)["calls"]
    assert call["is_good"] and call["outcome"] == "connected"
    assert [turn["status"] for turn in call["turns"]] == ["answered"]
    assert (call["ended_by"], call["after"]) == ("caller", ["Hangup"])


async def test_a_stranger_does_not_pass(site: Site) -> None:
    fields = {"CallSid": "CAx"}
    forged = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}
    elsewhere = site.door.signed("https://voice.example.com/twilio/voice", fields)
    for headers in ({}, forged, elsewhere):
        url = f"{site.url}/twilio/voice"
        async with site.http.post(url, data=fields, headers=headers) as response:
            assert response.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await site.http.ws_connect(f"{site.url}/twilio/media", headers=headers)
    assert len(site.door.server.runtime.calls) == 0


async def test_what_is_for_this_machine_is_not_there_for_others(site: Site) -> None:
    for path in ("/health", "/calls/CA1", "/api/calls", "/metrics", "/"):
        async with site.http.get(site.url + path) as response:
            assert response.status == 404
    async with site.http.get(f"{site.url}/health/live") as response:
        assert response.status == 200


async def test_a_body_that_is_too_big_never_reaches_the_daemon(site: Site) -> None:
    url = f"{site.url}/twilio/voice"
    body = b"CallSid=CAx&x=" + b"y" * 100_000
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with contextlib.suppress(aiohttp.ClientConnectionError):  # cut off while it was sent
        async with site.http.post(url, data=body, headers=headers) as response:
            assert response.status in (413, 502)
