import pytest

from tests.fakes.call import make_config
from tests.server.harness import Server, serving
from voxd.config import Config
from voxd.server.guard import check_exposure

TOKEN = "12345"
PUBLIC = "https://voice.example.com"
FIELDS = {"CallSid": "CA1", "From": "+15550100", "To": "+15550199", "Empty": ""}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def config_at(host: str = "127.0.0.1", public_url: str = "") -> Config:
    return make_config(server={"host": host, "public_url": public_url})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"])
def test_loopback_needs_no_secret(host: str) -> None:
    assert check_exposure(config_at(host), "") == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "example.com", "localhost.x"])
def test_another_address_without_a_token_is_refused_with_the_reason(host: str) -> None:
    (problem,) = check_exposure(config_at(host, PUBLIC), "")
    assert problem.key == "server.host"
    assert "TWILIO_AUTH_TOKEN" in problem.message


def test_a_public_address_without_a_token_is_refused() -> None:
    (problem,) = check_exposure(config_at(public_url=PUBLIC), "")
    assert problem.key == "server.public_url"
    assert "TWILIO_AUTH_TOKEN" in problem.message


def test_with_a_token_the_public_address_is_needed() -> None:
    (problem,) = check_exposure(config_at(), TOKEN)
    assert problem.key == "server.public_url"
    assert TOKEN not in problem.message
    assert check_exposure(config_at("0.0.0.0", PUBLIC), TOKEN) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("X-Forwarded-Host", "localhost"),
        ("X-Forwarded-Anything", "x"),
        ("Forwarded", "for=127.0.0.1"),
        ("Via", "1.1 proxy"),
        ("X-Real-IP", "127.0.0.1"),
        ("Origin", "https://evil.example"),
        ("Host", "evil.example"),
        ("Host", "127.0.0.1.evil.example"),
        ("Host", "localhost@evil.example"),
    ],
)
@pytest.mark.parametrize("route", ["voice", "after", "media", "health", "calls"])
async def test_without_a_token_whatever_came_through_a_proxy_is_refused(
    name: str, value: str, route: str
) -> None:
    async with serving() as server:
        assert await ask(server, route, {name: value}) == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080"])
async def test_without_a_token_this_machine_is_served(host: str) -> None:
    async with serving() as server:
        for route, status in [("voice", 200), ("after", 200), ("media", 101), ("health", 200)]:
            assert await ask(server, route, {"Host": host}) == status


async def test_a_signed_webhook_passes_through_any_proxy() -> None:
    async with signed() as server:
        headers = server.sign(f"{PUBLIC}/twilio/voice", FIELDS)
        headers |= {"X-Forwarded-For": "54.1.2.3", "Host": "voice.example.com"}
        status, body = await server.post("/twilio/voice", FIELDS, headers)
        assert status == 200
        assert "wss://voice.example.com/twilio/media" in body


async def test_a_query_string_is_part_of_what_is_signed() -> None:
    async with signed() as server:
        headers = server.sign(f"{PUBLIC}/twilio/voice?tier=a%20b", FIELDS)
        assert (await server.post("/twilio/voice?tier=a%20b", FIELDS, headers))[0] == 200
        assert (await server.post("/twilio/voice", FIELDS, headers))[0] == 403


@pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/after"])
async def test_a_missing_or_wrong_signature_is_refused(path: str) -> None:
    async with signed() as server:
        good = server.sign(PUBLIC + path, FIELDS)
        changed = {**FIELDS, "From": "+15550666"}
        extra = {**FIELDS, "Extra": "1"}
        assert (await server.post(path, FIELDS))[0] == 403
        assert (await server.post(path, FIELDS, {"X-Twilio-Signature": ""}))[0] == 403
        assert (await server.post(path, FIELDS, {"X-Twilio-Signature": "x" * 28}))[0] == 403
        assert (await server.post(path, changed, good))[0] == 403
        assert (await server.post(path, extra, good))[0] == 403
        assert (await server.post(path, FIELDS, server.sign(server.url + path, FIELDS)))[0] == 403
        assert (await server.post(path, FIELDS, good))[0] == 200


async def test_the_upgrade_is_verified_over_the_wss_address() -> None:
    async with signed() as server:
        wss = "wss://voice.example.com/twilio/media"
        for url, status in [
            (wss, 101),
            (f"{wss}/", 101),
            (f"{PUBLIC}/twilio/media", 403),
            ("wss://evil.example/twilio/media", 403),
        ]:
            assert await ask(server, "media", server.sign(url, {})) == status
        assert await ask(server, "media", {}) == 403


async def test_with_a_token_details_are_still_for_this_machine_only() -> None:
    async with signed() as server:
        assert await ask(server, "health", {}) == 200
        assert await ask(server, "health", {"X-Forwarded-For": "54.1.2.3"}) == 403
        assert await ask(server, "calls", {"X-Forwarded-For": "54.1.2.3"}) == 403


async def test_probes_are_public() -> None:
    async with serving() as server:
        for path in ("/health/live", "/health/ready"):
            status, _ = await server.get(path, {"X-Forwarded-For": "54.1.2.3", "Host": "x.example"})
            assert status == 200


def signed():  # type: ignore[no-untyped-def]
    return serving(auth_token=TOKEN, config=config_at(public_url=PUBLIC))


async def ask(server: Server, route: str, headers: dict[str, str]) -> int:
    """The status that a route answers to these headers."""
    if route in ("voice", "after"):
        return (await server.post(f"/twilio/{route}", FIELDS, headers))[0]
    path = {"media": "/twilio/media", "health": "/health", "calls": "/calls/CA1"}[route]
    if route == "media":
        headers = {**headers, **UPGRADE}
    async with server.http.get(server.url + path, headers=headers) as response:
        response.close()
        return response.status
