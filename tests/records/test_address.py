import pytest

from voxd.records.address import driver_address, judge_address

GOOD = "postgresql://voxd:hush@db.example.com:6543/calls"


@pytest.mark.parametrize(
    "address",
    [
        GOOD,
        "postgres://db.example.com",
        "postgresql:///calls?host=/run/postgresql",
        "postgresql://voxd:h%40sh%2F@[::1]:5432/calls?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        f"{GOOD}?sslmode=require&channel_binding=require",
        f"{GOOD}?pgbouncer=true&connection_limit=1&application_name=voxd&connect_timeout=10",
    ],
)
def test_what_providers_hand_out_is_good(address: str) -> None:
    assert judge_address(address) is None


@pytest.mark.parametrize(
    "password",
    [*("hu@sh", "hu:sh@x", "hu/sh", "hu#sh", "hu?sh", "hu[sh", "12/hush", "12?hush", "12#hush")],
)
def test_a_password_that_is_not_quoted_is_a_sentence_without_it(password: str) -> None:
    told = judge_address(f"postgresql://voxd:{password}@db.example.com/calls")
    assert told is not None and "%40" in told and "hu" not in told


def test_an_option_that_nobody_knows_is_told_without_its_name() -> None:
    """It may be a piece of a password."""
    told = judge_address("postgresql://voxd:12?hush=34@db.example.com/calls")
    assert told is not None and "hush" not in told and "sslmode" in told


def test_other_addresses_are_none() -> None:
    for address in ("hush", "mysql://db.example.com/calls", ""):
        assert judge_address(address) == "is no postgresql:// address"


def test_the_driver_gets_what_it_understands() -> None:
    assert driver_address(GOOD) == GOOD
    assert driver_address(f"{GOOD}?channel_binding=require") == GOOD
    options = "sslmode=require&channel_binding=require&options=-c%20geqo%3Doff"
    assert driver_address(f"{GOOD}?{options}") == f"{GOOD}?sslmode=require&options=-c+geqo%3Doff"
