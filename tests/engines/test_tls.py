"""One context for every provider: real handshakes through the real SDKs."""

import asyncio
import functools
import ssl
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from benches.gate import Certificate, open_gate
from tests.engines.llm.loopback import ask
from tests.server.certificates import make_certificate
from tests.servers import cartesia, deepgram, groq
from tests.servers.deepgram_script import KEY, Script
from voxd.engines import tls
from voxd.engines.llm.groq import Settings as GroqSettings
from voxd.engines.llm.groq import encode_request
from voxd.engines.llm.groq_client import make_client
from voxd.engines.stt.deepgram_link import DeepgramLink
from voxd.engines.tls import tls_context
from voxd.engines.tts.cartesia import Settings as CartesiaSettings
from voxd.engines.tts.cartesia import open_engine
from voxd.errors import EngineError

QUERY = {"model": "nova-3", "encoding": "mulaw", "sample_rate": 8000}


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(*make_certificate(tmp_path))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[ssl.SSLContext]:
    """Nothing is made yet; what will be."""
    contexts: list[ssl.SSLContext] = []
    original: Callable[..., ssl.SSLContext] = ssl.create_default_context

    def make(*args: object, **options: object) -> ssl.SSLContext:
        contexts.append(original(*args, **options))
        return contexts[-1]

    monkeypatch.setattr(tls, "_make", functools.cache(tls._make.__wrapped__))
    monkeypatch.setattr(ssl, "create_default_context", make)
    return contexts


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    return certificate


async def test_sockets_to_deepgram_share_it(
    made: list[ssl.SSLContext], trusted: Certificate
) -> None:
    async with deepgram.open_server(Script()) as server:
        async with open_gate(port_of(server.url), trusted) as gate:
            link = DeepgramLink("deepgram", KEY, f"https://127.0.0.1:{gate.port}", 5.0)
            for _ in range(3):
                async with link.connect("v1", QUERY):
                    pass
            assert gate.connections == 3
    assert len(made) == 1


async def test_sockets_to_cartesia_share_it(
    made: list[ssl.SSLContext], trusted: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTESIA_API_KEY", KEY)
    async with cartesia.open_server() as server:
        async with open_gate(port_of(server.url), trusted) as gate:
            settings = CartesiaSettings(base_url=f"https://127.0.0.1:{gate.port}")
            for _ in range(2):
                async with open_engine("cartesia", settings, None) as engine:  # type: ignore[arg-type]
                    await engine.warm()
            assert gate.connections == 2
    assert len(made) == 1


async def test_requests_to_groq_share_it(made: list[ssl.SSLContext], trusted: Certificate) -> None:
    settings = GroqSettings()
    async with groq.open_server() as server, open_gate(port_of(server.url), trusted) as gate:
        async with make_client(f"https://127.0.0.1:{gate.port}", KEY, 5.0) as client:
            client.make_template()
            body = encode_request(settings, settings.model, ask())
            stream = await client.open_chat(orjson.dumps(body))
            assert [chunk async for chunk in stream]
            await stream.close()
    assert len(made) == 1


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    made: list[ssl.SSLContext], certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(1))
        writer.close()

    context = certificate.server_context()
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        link = DeepgramLink("deepgram", KEY, f"https://127.0.0.1:{port}", 5.0)
        with pytest.raises(EngineError):
            async with link.connect("v1", QUERY):
                pytest.fail("it could be made")
    assert not any(asked)


def test_it_believes_certifi_where_nobody_else_is_known(
    made: list[ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
    trusted: Certificate,
    tmp_path: Path,
) -> None:
    alone = tls_context()
    assert alone.cert_store_stats()["x509"] == 1
    assert tls_context() is alone
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    # A machine without any: the default locations are those of the OpenSSL that is here.
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    assert tls_context().cert_store_stats()["x509_ca"] > 100
    assert tls_context().verify_mode is ssl.CERT_REQUIRED and tls_context().check_hostname
