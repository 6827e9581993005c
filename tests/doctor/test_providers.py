"""The doctor and loopback providers: well, refusing, without the model, silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.doctor.configs import SHIPPED, derived
from tests.servers import cartesia, deepgram, groq, twilio_rest
from tests.servers.cartesia_script import Refusal as VoiceRefusal
from tests.servers.cartesia_script import Script as VoiceScript
from tests.servers.deepgram_script import Refusal as EarRefusal
from tests.servers.deepgram_script import Script as EarScript
from tests.servers.groq_script import Script as ModelScript
from voxd.config import Config
from voxd.doctor import providers
from voxd.doctor.finding import Finding, Verdict
from voxd.doctor.providers import check_account, check_providers

KEY = "sk-doctor-5518"
SECRETS = ("DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY")


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for name in SECRETS:
        monkeypatch.setenv(name, KEY)


@asynccontextmanager
async def cloud(
    ear: EarScript | None = None, model: ModelScript | None = None, voice: VoiceScript | None = None
) -> AsyncIterator[Config]:
    """A config whose calls go to three loopback providers."""
    async with (
        deepgram.open_server(ear or EarScript(key=KEY)) as stt,
        groq.open_server(model or ModelScript(key=KEY)) as llm,
        cartesia.open_server(voice or VoiceScript(key=KEY)) as tts,
    ):
        urls = {"deepgram": stt.url, "deepgram-flux": stt.url, "groq": llm.url, "cartesia": tts.url}
        changes = {f"engines__{name}__base_url": url for name, url in urls.items()}
        yield derived(SHIPPED.parent, call__tier="pro", **changes)


async def examined(config: Config) -> dict[str, Finding]:
    found = {finding.subject: finding async for finding in check_providers(config)}
    assert KEY not in "".join(map(str, found.values()))
    return found


async def test_good_keys_and_models_are_good_and_timed() -> None:
    async with cloud() as config:
        found = await examined(config)
    assert set(found) == {"deepgram", "groq", "cartesia"}
    for finding in found.values():
        assert finding.verdict is Verdict.GOOD, finding
        assert 0 <= float(finding.figures["latency_s"]) < 10


async def test_a_refused_key_is_bad_and_names_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cloud() as config:
        for name in SECRETS:
            monkeypatch.setenv(name, "another-key")
        found = await examined(config)
    for name, secret in zip(("deepgram", "groq", "cartesia"), SECRETS, strict=True):
        assert found[name].verdict is Verdict.BAD, found[name]
        assert secret in found[name].advice
        assert "another-key" not in str(found[name])


async def test_a_model_that_is_gone_is_bad_and_its_table_is_named() -> None:
    async with cloud(model=ModelScript(key=KEY, models=("another/model",))) as config:
        found = await examined(config)
    assert found["groq"].verdict is Verdict.BAD
    assert "does not serve the model 'openai/gpt-oss-20b'" in found["groq"].told
    assert "[engines.groq]" in found["groq"].advice
    assert found["deepgram"].verdict is found["cartesia"].verdict is Verdict.GOOD


async def test_a_limit_that_passes_is_something_to_look_at() -> None:
    refusal = VoiceRefusal(status=429)
    ear = EarScript(key=KEY, refusal=EarRefusal(status=402, reason="no credits"))
    async with cloud(ear=ear, voice=VoiceScript(key=KEY, refusal=refusal)) as config:
        found = await examined(config)
    assert found["cartesia"].verdict is Verdict.WARN
    assert found["deepgram"].verdict is Verdict.BAD and "top up" in found["deepgram"].advice


async def test_one_that_hangs_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side gives up
        writer.close()

    monkeypatch.setattr(providers, "LIMIT_S", 1.0)
    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with silent, cloud() as config:
        url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        hung = config.engines["groq"].model_copy(update={"base_url": url})
        config = config.model_copy(update={"engines": {**config.engines, "groq": hung}})
        found = await examined(config)
    assert found["groq"].verdict is Verdict.BAD
    assert found["groq"].figures["category"] == "timeout"
    assert found["deepgram"].verdict is found["cartesia"].verdict is Verdict.GOOD


async def test_a_key_that_is_not_set_is_told_where_calls_want_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in SECRETS:
        monkeypatch.delenv(name)
    found = await examined(derived(tmp_path, call__tier="pro"))
    assert {name: finding.verdict for name, finding in found.items()} == dict.fromkeys(
        ("deepgram", "groq", "cartesia"), Verdict.WARN
    )
    assert await examined(derived(tmp_path)) == {}  # calls are local: nobody asks for them


@pytest.mark.parametrize(
    ("token", "verdict"), [(twilio_rest.AUTH_TOKEN, Verdict.GOOD), ("wrong", Verdict.BAD)]
)
async def test_twilios_account_is_tried_without_touching_a_call(
    token: str, verdict: Verdict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", twilio_rest.ACCOUNT_SID)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", token)
    async with twilio_rest.open_server() as server:
        config = derived(tmp_path, telephony__api_url=server.url)
        [found] = [finding async for finding in check_account(config)]
        [request] = server.requests
    assert found.verdict is verdict
    assert request.startswith("GET ")
    assert token not in str(found)


async def test_without_an_account_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TWILIO_ACCOUNT_SID", raising=False)
    [found] = [finding async for finding in check_account(derived(tmp_path))]
    assert found.verdict is Verdict.GOOD and "places no calls" in found.told
