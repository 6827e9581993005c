"""PostgreSQL's addresses as providers hand them out: judged, and as asyncpg takes them. Pure.

asyncpg passes an option that it does not know on to the server, which refuses it: options that
only libpq or other clients understand must be gone before. An address may hold a password, and a
password that is not written as an address wants it ends up in any of its parts. So no part of an
address is ever told.
"""

from urllib.parse import parse_qsl, urlencode, urlsplit

SCHEMES = ("postgresql", "postgres")
TAKEN = frozenset(
    (
        *("host", "port", "user", "password", "passfile", "dbname", "database", "service"),
        "sslmode",
        *("sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs"),
        *("krbsrvname", "gsslib"),
        *("application_name", "options", "search_path", "statement_timeout", "lock_timeout"),
    )
)
"""asyncpg's own options, and settings that any server knows."""
LEFT_OUT = frozenset(
    (
        *("channel_binding", "connect_timeout", "gssencmode", "sslcompression", "sslsni"),
        *("requirepeer", "require_auth", "tcp_user_timeout", "client_encoding"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("fallback_application_name", "load_balance_hosts"),
        *("pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "supa"),
    )
)
"""What libpq and other clients understand and asyncpg does not; limits of time are ours."""


def judge_address(address: str) -> str | None:
    """What is wrong with a postgresql:// address, as the end of a sentence; None: nothing."""
    try:
        url = urlsplit(address)
        _ = url.port  # is only looked at when it is asked for
        names = [name for name, _ in parse_qsl(url.query, strict_parsing=bool(url.query))]
    except ValueError:
        return _UNQUOTED
    if url.scheme not in SCHEMES:
        return "is no postgresql:// address"
    if url.netloc.count("@") > 1 or "@" in url.path or url.fragment:
        return _UNQUOTED
    if set(names) - TAKEN - LEFT_OUT:
        return f"has an option that is not known; known are: {', '.join(sorted(TAKEN))}"
    return None


_UNQUOTED = (
    "is no address: in its name and password the signs @ : / ? # [ ] % must be written as "
    "%40 %3A %2F %3F %23 %5B %5D %25"
)


def driver_address(address: str) -> str:
    """An address that was judged good, without the options that asyncpg does not understand."""
    base, _, query = address.partition("?")
    options = [(name, value) for name, value in parse_qsl(query) if name not in LEFT_OUT]
    return f"{base}?{urlencode(options)}" if options else base
