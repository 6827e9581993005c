"""Who is at the other end of a connection: addresses, and what proxies say about them. Pure.

`X-Forwarded-For` counts only where it was written by a proxy that the config names, and only for
limits and logs: nothing here ever makes a request "local" (`guard.check_local` looks at the
connection itself and refuses whatever was forwarded).
"""

from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_HOPS = 16
"""Proxies in a row that are looked at; more is somebody's joke."""


def parse_address(text: str) -> Address | None:
    """An address without its zone, IPv4 in IPv6 as IPv4; None when it is none."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    address = parse_address(host)
    return host == "localhost" if address is None else address.is_loopback


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether one of the networks holds the address."""
    return any(address in network for network in networks)


def find_client(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> Address | None:
    """The address that a request came from, as far as it can be believed.

    Args:
        peer: of the connection.
        forwarded: the values of `X-Forwarded-For` in order, each with commas as it came.
        trusted: networks of our own proxies.

    Returns:
        The peer, or what the innermost trusted proxies say of who came to them: read from the
        right, up to the first address that is no trusted proxy. None when even the peer has none.
    """
    client = parse_address(peer)
    hops = [hop for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops[-MAX_HOPS:]):
        if client is None or not is_within(client, trusted):
            break
        told = parse_address(hop)
        if told is None:  # "unknown", or nonsense: the proxy itself is the last that is sure
            break
        client = told
    return client


def limit_key(address: Address) -> str:
    """Who counts as one for limits: an IPv4 address, or an IPv6 network of /64.

    A household or a server gets a whole /64, so that single addresses would limit nobody.
    """
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, 64), strict=False))
