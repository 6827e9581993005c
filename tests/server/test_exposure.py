from pathlib import Path

import pytest

from tests.fakes.call import make_config
from tests.server.certificates import make_certificate
from voxd.config import Config
from voxd.server.exposure import check_exposure, describe_door
from voxd.server.keys import DoorKeys

TOKEN = "12345"
SIGNED = DoorKeys((TOKEN,))
PUBLIC = "https://voice.example.com"


def config_at(host: str = "127.0.0.1", public_url: str = "") -> Config:
    return make_config(server={"host": host, "public_url": public_url})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"])
def test_loopback_needs_no_secret(host: str) -> None:
    assert check_exposure(config_at(host), DoorKeys()) == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "example.com", "localhost.x"])
def test_another_address_without_a_token_is_refused_with_the_reason(host: str) -> None:
    (problem,) = check_exposure(config_at(host, PUBLIC), DoorKeys())
    assert problem.key == "server.host"
    assert "TWILIO_AUTH_TOKEN" in problem.message


def test_a_public_address_without_a_token_is_refused() -> None:
    (problem,) = check_exposure(config_at(public_url=PUBLIC), DoorKeys())
    assert problem.key == "server.public_url"
    assert "TWILIO_AUTH_TOKEN" in problem.message


def test_with_a_token_the_public_address_is_needed() -> None:
    (problem,) = check_exposure(config_at(), SIGNED)
    assert problem.key == "server.public_url"
    assert TOKEN not in problem.message
    assert check_exposure(config_at("0.0.0.0", PUBLIC), SIGNED) == ()


def test_a_shared_key_alone_opens_nothing() -> None:
    (problem,) = check_exposure(config_at(), DoorKeys(shared_keys=("shared",)))
    assert "TWILIO_SHARED_KEY is of no use without TWILIO_AUTH_TOKEN" in problem.message


def test_a_token_of_ours_that_can_be_guessed_is_refused() -> None:
    (problem,) = check_exposure(config_at(), DoorKeys(api_token="short"))
    assert "VOXD_API_TOKEN is shorter" in problem.message
    assert "'short'" not in problem.message
    assert check_exposure(config_at(), DoorKeys(api_token="x" * 20)) == ()


def test_a_certificate_that_cannot_be_served_with_forbids_listening(tmp_path: Path) -> None:
    files = {"tls_cert": str(tmp_path / "none"), "tls_key": str(tmp_path / "none")}
    problems = check_exposure(make_config(server=files), DoorKeys())
    assert [problem.key for problem in problems] == ["server.tls_cert", "server.tls_key"]


def test_people_are_told_who_is_served_and_what_twilio_would_not_take(tmp_path: Path) -> None:
    text = "\n".join(describe_door(config_at(), DoorKeys()))
    assert "127.0.0.1:8080 and serves this machine only" in text
    assert "Warning" not in text
    text = "\n".join(describe_door(config_at(public_url=PUBLIC), SIGNED))
    assert "Twilio's signature" in text
    assert "Warning" not in text
    for url in ("http://voice.example.com", "https://voice.example.com:8443"):
        text = "\n".join(describe_door(config_at(public_url=url), SIGNED))
        assert f"port 443 only, and public_url is {url}." in text
    cert, key = make_certificate(tmp_path, days=3)
    config = make_config(server={"tls_cert": str(cert), "tls_key": str(key)})
    text = "\n".join(describe_door(config, DoorKeys()))
    assert "127.0.0.1:8080 with TLS" in text
    assert "self-signed" in text
    assert "expires in 3 day(s)" in text


def test_root_is_told_of_files_that_the_service_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = make_certificate(tmp_path)
    config = make_config(server={"tls_cert": str(cert), "tls_key": str(key)})
    monkeypatch.setattr("voxd.server.exposure.is_kept_from_service", lambda file: file == key)
    told = [line for line in describe_door(config, DoorKeys()) if "the service's user" in line]
    assert told == [f"Warning: root can read {key}, but the service's user 'voxd' cannot."]
