from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.server.peer import find_client, is_loopback, limit_key, parse_address

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("127.0.0.1"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["54.1.2.3"], "203.0.113.9"),  # no proxy of ours: its word is nothing
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["54.1.2.3"], "54.1.2.3"),
        ("10.0.0.1", ["1.1.1.1, 54.1.2.3"], "54.1.2.3"),  # the left is what the stranger sent
        ("10.0.0.1", ["1.1.1.1", "54.1.2.3"], "54.1.2.3"),
        ("10.0.0.1", ["54.1.2.3, 10.0.0.7"], "54.1.2.3"),  # two proxies of ours
        ("10.0.0.1", ["54.1.2.3", "10.0.0.7, 127.0.0.1"], "54.1.2.3"),
        ("10.0.0.1", ["54.1.2.3, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["54.1.2.3"], "54.1.2.3"),
        ("fd00::1%eth0", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [",".join(["54.1.2.3"] + ["10.0.0.9"] * 16)], "10.0.0.9"),
        ("", ["54.1.2.3"], None),
    ],
)
def test_the_client_is_the_last_that_a_trusted_proxy_vouches_for(
    peer: str, forwarded: list[str], client: str | None
) -> None:
    found = find_client(peer, forwarded, TRUSTED)
    assert found == (ip_address(client) if client else None)


@given(st.lists(st.text(max_size=40), max_size=5))
def test_no_text_raises_or_makes_a_stranger_somebody_else(forwarded: list[str]) -> None:
    assert find_client("203.0.113.9", forwarded, TRUSTED) == ip_address("203.0.113.9")
    find_client("10.0.0.1", forwarded, TRUSTED)


def test_limits_are_by_ipv4_address_and_by_ipv6_network() -> None:
    assert limit_key(ip_address("54.1.2.3")) == "54.1.2.3"
    assert limit_key(ip_address("2001:db8:1:2:3:4:5:6")) == "2001:db8:1:2::/64"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.x", "127.0.0.1.x"])
def test_nothing_else_is(host: str) -> None:
    assert not is_loopback(host)
    assert parse_address("127.0.0.1.x") is None
