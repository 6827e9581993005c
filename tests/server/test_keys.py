from pathlib import Path

from voxd.server.keys import DoorKeys, read_keys


def test_without_secrets_there_are_no_keys() -> None:
    assert read_keys({}) == DoorKeys()


def test_each_secret_has_its_place() -> None:
    environ = {
        "TWILIO_AUTH_TOKEN": "a",
        "TWILIO_AUTH_TOKEN_SECONDARY": "b",
        "TWILIO_SHARED_KEY": "c",
        "TWILIO_SHARED_KEY_SECONDARY": "d",
        "VOXD_API_TOKEN": "e",
    }
    assert read_keys(environ) == DoorKeys(("a", "b"), ("c", "d"), "e")


def test_blank_secrets_are_none_and_a_secondary_may_stand_alone() -> None:
    environ = {"TWILIO_AUTH_TOKEN": " ", "TWILIO_AUTH_TOKEN_SECONDARY": "b", "VOXD_API_TOKEN": "\n"}
    assert read_keys(environ) == DoorKeys(("b",))


def test_systemd_s_credentials_come_first(tmp_path: Path) -> None:
    (tmp_path / "TWILIO_AUTH_TOKEN").write_text("from-systemd\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "TWILIO_AUTH_TOKEN": "from-environment"}
    assert read_keys(environ).auth_tokens == ("from-systemd",)


def test_they_cannot_be_printed() -> None:
    shown = repr(DoorKeys(("secret-1",), ("secret-2",), "secret-3"))
    assert "secret" not in shown
