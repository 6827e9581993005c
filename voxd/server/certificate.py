"""The certificate of those who have no proxy in front. Reads files; `listen` serves with it.

A certificate is judged as a client would: by a handshake in memory, in which OpenSSL itself says
whether key and certificate belong together, whether it is the time for it and whether it names
our host. Rejected: reading its dates out of the encoding, which is a parser of hostile bytes for
what a handshake tells anyway.

On SIGHUP the files are read again into a new context, which the next connection gets; running
calls keep theirs. Rejected: `load_cert_chain` on the live one, which is half changed when the
second file does not fit.
"""

import logging
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from voxd.config import Config
from voxd.errors import ConfigError, Problem

logger = logging.getLogger(__name__)

CERT_KEY, KEY_KEY = "server.tls_cert", "server.tls_key"
SOON_DAYS = 14.0
"""Certificates are renewed some 30 days before their end; so late, something does not work."""
_ROUNDS = 8
"""A handshake in memory is over after three."""
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What two files are worth."""

    problems: tuple[Problem, ...]
    """Empty when they can be served with."""
    context: ssl.SSLContext | None = None
    """To serve with; None when there are problems."""
    days_left: float = 0.0
    """Until the certificate expires."""
    is_self_signed: bool = False
    """Twilio takes no such certificate."""


class Certificate:
    """The one in use.

    Raises:
        ConfigError: the files cannot be served with.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        judged = judge_files(config)
        if judged.context is None:
            raise ConfigError("the certificate", judged.problems)
        self.context = judged.context
        """What the next connection is served with."""
        _log_taken(judged)

    def reload(self) -> bool:
        """Read the files again; what is wrong with them is logged and the old ones stay."""
        judged = judge_files(self._config)
        if judged.context is None:
            problems = [str(problem) for problem in judged.problems]
            logger.error("certificate refused, the old one stays", extra={"problems": problems})
            return False
        self.context = judged.context
        _log_taken(judged)
        return True


def judge_files(config: Config) -> Judged:
    """Judge `server.tls_cert` and `server.tls_key` for the host of `server.public_url`."""
    server = config.server
    cert, key = config.resolve(server.tls_cert), config.resolve(server.tls_key)
    problems = (*_read(CERT_KEY, cert, "CERTIFICATE"), *_read(KEY_KEY, key, "PRIVATE KEY"))
    if problems:
        return Judged(problems)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # A password that is not needed: without one, OpenSSL would ask for it at the terminal.
        context.load_cert_chain(cert, key, password="-")
    except ssl.SSLError as error:
        return Judged((_unloadable(error),))
    return _try(context, cert, urlsplit(server.public_url).hostname or "")


def _read(name: str, path: Path, block: str) -> tuple[Problem, ...]:
    """What is wrong with a file before OpenSSL sees it, by which one cannot tell which file."""
    try:
        text = path.read_text(encoding="latin-1")  # whatever it is, looking at it must not fail
    except OSError as error:
        return (Problem(name, f"{path} cannot be read: {error.strerror}"),)
    if "ENCRYPTED" in text:
        return (Problem(name, f"{path} is encrypted, and a daemon cannot be asked its password"),)
    if f"{block}-----" not in text:
        return (Problem(name, f"{path} is no PEM file with a {block.lower()}"),)
    return ()


def _unloadable(error: ssl.SSLError) -> Problem:
    if error.reason == "KEY_VALUES_MISMATCH":
        return Problem(KEY_KEY, "is not the key of the certificate in server.tls_cert")
    return Problem(CERT_KEY, f"cannot be used with its key: {error.reason or error}")


def _try(context: ssl.SSLContext, cert: Path, host: str) -> Judged:
    """Shake hands with ourselves, the certificate being the only one that is trusted."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(cert)
    trusting.check_hostname = bool(host)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(back, there, server_hostname=host or None)
    server = context.wrap_bio(there, back, server_side=True)
    try:
        for _ in range(_ROUNDS):
            _advance(client)
            _advance(server)
    except ssl.SSLCertVerificationError as error:
        return Judged((Problem(CERT_KEY, error.verify_message),))
    except ssl.SSLError as error:
        return Judged((Problem(CERT_KEY, f"no handshake succeeds with it: {error.reason}"),))
    told = client.getpeercert() or {}
    until_s = ssl.cert_time_to_seconds(cast(str, told["notAfter"]))
    return Judged(
        (),
        context,
        days_left=(until_s - time.time()) / _DAY_S,
        is_self_signed=told["subject"] == told["issuer"],
    )


def _advance(side: ssl.SSLObject) -> None:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        pass


def _log_taken(judged: Judged) -> None:
    extra = {"days_left": round(judged.days_left, 1)}
    if judged.days_left < SOON_DAYS:
        logger.warning("certificate taken, which expires soon", extra=extra)
    else:
        logger.info("certificate taken", extra=extra)
