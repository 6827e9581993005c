import pytest
from twilio.request_validator import RequestValidator

from tests.fakes.call import make_config
from tests.server.harness import Server, serving
from voxd.config import Config
from voxd.server.guard import Guard
from voxd.server.keys import DoorKeys

TOKEN = "12345"
API_TOKEN = "0123456789abcdef0123456789abcdef"
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


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_webhook_signed_with_a_slash_at_its_end_passes(slash: str) -> None:
    async with signed() as server:
        headers = server.sign(f"{PUBLIC}/twilio/voice{slash}?tier=a", FIELDS)
        assert (await server.post("/twilio/voice?tier=a", FIELDS, headers))[0] == 200


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
            (f"{wss}//", 403),
            (f"{PUBLIC}/twilio/media", 403),
            ("wss://evil.example/twilio/media", 403),
        ]:
            assert await ask(server, "media", server.sign(url, {})) == status
        assert await ask(server, "media", {}) == 403


async def test_with_an_auth_token_details_are_still_for_this_machine_only() -> None:
    async with signed() as server:
        assert await ask(server, "health", {}) == 200
        assert await ask(server, "health", {"X-Forwarded-For": "54.1.2.3"}) == 403
        assert await ask(server, "calls", {"X-Forwarded-For": "54.1.2.3"}) == 403
        # Twilio's signature is for webhooks; it tells nobody how we are.
        headers = server.sign(f"{PUBLIC}/health", {}) | {"X-Forwarded-For": "54.1.2.3"}
        assert await ask(server, "health", headers) == 403


FROM_ELSEWHERE = {"X-Forwarded-For": "54.1.2.3", "Host": "voice.example.com"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_whoever_has_our_token_is_told_details_from_anywhere(scheme: str) -> None:
    async with serving(api_token=API_TOKEN) as server:
        headers = {**FROM_ELSEWHERE, "Authorization": f"{scheme} {API_TOKEN}"}
        assert await ask(server, "health", headers) == 200
        assert await ask(server, "calls", headers) == 404  # there is no such call


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {API_TOKEN}x",
        f"Bearer {API_TOKEN[:-1]}",
        f"Basic {API_TOKEN}",
        API_TOKEN,
        "Bearer ÿé",
    ],
)
async def test_a_wrong_token_is_refused_even_on_this_machine(shown: str) -> None:
    async with serving(api_token=API_TOKEN) as server:
        for headers in ({}, FROM_ELSEWHERE):
            assert await ask(server, "health", {**headers, "Authorization": shown}) == 401


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", "Bearer x"])
async def test_where_there_is_no_token_none_is_right(shown: str) -> None:
    async with serving() as server:
        assert await ask(server, "health", {"Authorization": shown}) == 401


async def test_behind_a_proxy_only_our_token_opens_what_callers_said() -> None:
    """A proxy that adds no header makes a stranger look like this machine."""
    config = config_at(public_url=PUBLIC)
    async with serving(auth_token=TOKEN, api_token=API_TOKEN, config=config) as server:
        assert await ask(server, "calls", {}) == 403
        assert await ask(server, "calls", {"Authorization": f"Bearer {API_TOKEN}"}) == 404
        assert await ask(server, "health", {}) == 200


async def test_our_token_is_no_signature_of_twilio() -> None:
    config = config_at(public_url=PUBLIC)
    async with serving(auth_token=TOKEN, api_token=API_TOKEN, config=config) as server:
        headers = {"Authorization": f"Bearer {API_TOKEN}"}
        assert await ask(server, "voice", headers) == 403
        assert await ask(server, "media", headers) == 403


async def test_a_refused_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(api_token=API_TOKEN) as server:
        await ask(server, "health", {"Authorization": "Bearer my-own-guess"})
    (refused,) = [r for r in caplog.records if r.message == "request refused"]
    assert refused.reason == "token"  # type: ignore[attr-defined]
    assert "my-own-guess" not in str(vars(refused))


@pytest.mark.parametrize("signed_with", ["old", "new"])
async def test_while_a_token_is_replaced_either_signs(signed_with: str) -> None:
    async with signed() as server:
        server.state.guard = Guard(DoorKeys(("new", "old")), PUBLIC)
        server.auth_token = signed_with
        headers = server.sign(f"{PUBLIC}/twilio/voice", FIELDS)
        assert await ask(server, "voice", headers) == 200
        headers = server.sign("wss://voice.example.com/twilio/media", {})
        assert await ask(server, "media", headers) == 101


async def test_a_shared_key_signs_with_the_algorithm_that_is_named() -> None:
    async with signed() as server:
        server.state.guard = Guard(DoorKeys((TOKEN,), ("shared",)), PUBLIC)
        for url, fields, route, status in [
            (f"{PUBLIC}/twilio/voice", FIELDS, "voice", 200),
            ("wss://voice.example.com/twilio/media", {}, "media", 101),
        ]:
            signer = RequestValidator("shared")
            headers = {
                "X-Twilio-Signature": signer.compute_signature(url, fields, "HMAC_SHA256"),
                "X-Twilio-Webhooks-Signature-Settings": "key=k1,algorithm=HMAC_SHA256",
            }
            assert await ask(server, route, headers) == status
            without = {"X-Twilio-Signature": headers["X-Twilio-Signature"]}
            assert await ask(server, route, without) == 403


@pytest.mark.parametrize(
    ("forwarded", "trusted", "client"),
    [
        ("54.1.2.3", "127.0.0.1", "54.1.2.3"),
        ("10.0.0.1, 54.1.2.3", "127.0.0.1", "54.1.2.3"),
        ("2001:db8:1:2:3::4", "127.0.0.1", "2001:db8:1:2::/64"),
        ("54.1.2.3", "10.0.0.1", ""),  # who wrote that is no proxy of ours
    ],
)
async def test_what_a_trusted_proxy_says_counts_for_the_log_and_opens_nothing(
    forwarded: str, trusted: str, client: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = make_config(server={"trusted_proxies": [trusted]})
    async with serving(config=config) as server:
        assert await ask(server, "health", {"X-Forwarded-For": forwarded}) == 403
        assert await ask(server, "health", {"X-Forwarded-For": "127.0.0.1"}) == 403
    refused = [r for r in caplog.records if r.message == "request refused"]
    assert refused[0].client == client  # type: ignore[attr-defined]


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
