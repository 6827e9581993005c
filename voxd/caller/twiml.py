"""The TwiML of Twilio's side: find the stream, or the refusal, in what a webhook answers. Pure."""

from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

from voxd.errors import VoxdError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts on which a plain `ws` is good enough for a test; Twilio itself wants `wss`."""
PARAMETER_CHARACTERS = 500
"""Name and value of one `<Parameter>` together stay under this."""


class TwimlError(VoxdError):
    """Twilio could not use this answer; begins with Twilio's error code where there is one."""


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """`<Connect><Stream>`: open a media stream."""

    url: str
    """Where the WebSocket is."""
    parameters: dict[str, str] = field(default_factory=dict)
    """For `start.customParameters`."""
    action_url: str | None = None
    """Absolute; asked for what comes next when the stream is over."""
    action_method: str = "POST"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The call ends without a stream."""

    sentence: str
    """What the caller was told, or what happened to him."""


def parse_answer(text: str, document_url: str) -> StreamAnswer | Refusal:
    """Read the answer to a voice webhook.

    Raises:
        TwimlError: Twilio could not carry it out, or this caller cannot.
    """
    said: list[str] = []
    for verb in _parse(text):
        if verb.tag == "Say":
            said.append(_words(verb))
        elif verb.tag == "Connect":
            return _read_stream(verb, document_url)
        elif verb.tag == "Reject":
            return Refusal(f"(rejected: {verb.get('reason', 'rejected')})")
        elif verb.tag == "Hangup":
            break
        elif verb.tag not in ("Play", "Pause"):
            raise TwimlError(f"<{verb.tag}> instead of <Connect><Stream>: not a media-stream call")
    return Refusal(" ".join(said) or "(hung up without a word)")


def describe(text: str) -> list[str]:
    """Return one line a verb, for people.

    Raises:
        TwimlError: it is no TwiML.
    """
    lines = []
    for verb in _parse(text):
        words, target = _words(verb), verb.get("url", "")
        lines.append(" ".join(part for part in (verb.tag, words or target) if part))
    return lines or ["(empty response: hang up)"]


def _parse(text: str) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise TwimlError(f"12100: the answer is not XML ({error})") from error
    if root.tag != "Response":
        raise TwimlError(f"12100: the answer is <{root.tag}>, not <Response>")
    return root


def _words(verb: ElementTree.Element) -> str:
    return " ".join("".join(verb.itertext()).split())


def _read_stream(connect: ElementTree.Element, document_url: str) -> StreamAnswer:
    stream = connect.find("Stream")
    if stream is None:
        raise TwimlError("<Connect> without <Stream>: not a media-stream call")
    url = stream.get("url", "")
    parts = urlsplit(url)
    if not parts.hostname:
        raise TwimlError(f"31923: malformed stream URL {url!r}")
    if parts.scheme != "wss" and (parts.scheme, parts.hostname in LOOPBACK) != ("ws", True):
        raise TwimlError(f"31922: stream URL is not wss: {url!r}")
    if parts.query:
        raise TwimlError("31920: a stream URL may not have a query string")
    parameters = {}
    for parameter in stream.findall("Parameter"):
        name, value = parameter.get("name", ""), parameter.get("value", "")
        if len(name) + len(value) >= PARAMETER_CHARACTERS:
            raise TwimlError(f"<Parameter> {name!r} has {PARAMETER_CHARACTERS} characters or more")
        parameters[name] = value
    action = connect.get("action")
    return StreamAnswer(
        url,
        parameters,
        urljoin(document_url, action) if action is not None else None,
        connect.get("method", "POST").upper(),
    )
