"""What forbids listening with a config and its secrets: judged before anything listens.

`describe_door` is the same for people, with what works but perhaps not as somebody believes.
"""

from urllib.parse import urlsplit

from voxd.config import Config
from voxd.errors import Problem
from voxd.server.certificate import SOON_DAYS, judge_files
from voxd.server.keys import API_TOKEN, AUTH_TOKEN, SHARED_KEY, DoorKeys
from voxd.server.peer import is_loopback
from voxd.server.service_user import USER, is_kept_from_service

MIN_API_TOKEN_CHARS = 20
"""A token that nobody guesses; `openssl rand -hex 16` has 32."""


def check_exposure(config: Config, keys: DoorKeys) -> tuple[Problem, ...]:
    """What forbids listening; empty when nothing does."""
    return (*_check_address(config, keys), *_check_keys(keys), *_check_files(config))


def describe_door(config: Config, keys: DoorKeys) -> list[str]:
    """Where the daemon listens and whom it serves, one sentence a line."""
    server = config.server
    who = "requests that carry Twilio's signature" if keys.auth_tokens else "this machine only"
    how = " with TLS" if server.tls_cert else ""
    lines = [
        f"Listens on {server.host}:{server.port}{how} and serves {who}.",
        f"At most {server.max_calls} calls at once.",
    ]
    return lines + _warn_of_address(server.public_url) + _warn_of_certificate(config)


def _warn_of_address(public_url: str) -> list[str]:
    parts = urlsplit(public_url)
    if not public_url or (parts.scheme, parts.port or 443) == ("https", 443):
        return []
    told = "Warning: Twilio opens media streams at https (wss) on port 443 only, and public_url"
    return [f"{told} is {public_url}."]


def _warn_of_certificate(config: Config) -> list[str]:
    if not config.server.tls_cert:
        return []
    judged, lines = judge_files(config), []
    if judged.is_self_signed:
        lines.append("Warning: the certificate is self-signed, and Twilio takes no such one.")
    if judged.context is not None and judged.days_left < SOON_DAYS:
        lines.append(f"Warning: the certificate expires in {judged.days_left:.0f} day(s).")
    for file in map(config.resolve, (config.server.tls_cert, config.server.tls_key)):
        if is_kept_from_service(file):
            lines.append(f"Warning: root can read {file}, but the service's user {USER!r} cannot.")
    return lines


def _check_address(config: Config, keys: DoorKeys) -> tuple[Problem, ...]:
    server = config.server
    if not keys.auth_tokens and not is_loopback(server.host):
        message = (
            f"{server.host!r} can be reached from other machines, and without {AUTH_TOKEN} nobody "
            "can tell Twilio from a stranger: set that secret, or listen on 127.0.0.1"
        )
        return (Problem("server.host", message),)
    if server.public_url and not keys.auth_tokens:
        message = (
            "tells of a proxy in front, through which strangers look like this machine: set the "
            f"secret {AUTH_TOKEN} as well, by which Twilio's requests are known"
        )
        return (Problem("server.public_url", message),)
    if keys.auth_tokens and not server.public_url:
        message = (
            f"is needed with {AUTH_TOKEN}, because Twilio signs the address that it called: "
            'set it to what Twilio sees, such as "https://voice.example.com"'
        )
        return (Problem("server.public_url", message),)
    return ()


def _check_keys(keys: DoorKeys) -> tuple[Problem, ...]:
    problems = []
    if keys.shared_keys and not keys.auth_tokens:
        message = f"the secret {SHARED_KEY} is of no use without {AUTH_TOKEN}"
        problems.append(Problem("", message))
    if keys.api_token and len(keys.api_token) < MIN_API_TOKEN_CHARS:
        message = f"the secret {API_TOKEN} is shorter than {MIN_API_TOKEN_CHARS} characters"
        problems.append(Problem("", message))
    return tuple(problems)


def _check_files(config: Config) -> tuple[Problem, ...]:
    return judge_files(config).problems if config.server.tls_cert else ()
