"""Twilio's side of a call in turns, over real HTTP: signed forms, redirects followed."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit
from xml.etree import ElementTree

from tests.server.harness import Server

PUBLIC = "https://voice.example.com"
TOKEN = "twilio-secret"


@dataclass
class Document:
    """One answer."""

    verbs: list[str]
    said: str
    """Everything that is said, in order."""
    gather: dict[str, str] = field(default_factory=dict)
    """The attributes of its `<Gather>`; empty without one."""
    redirect: str = ""


def read(text: str) -> Document:
    root = ElementTree.fromstring(text)
    gather, redirect = root.find("Gather"), root.find("Redirect")
    return Document(
        [verb.tag for verb in root],
        " ".join(say.text or "" for say in root.iter("Say")),
        dict(gather.attrib) if gather is not None else {},
        (redirect.text or "") if redirect is not None else "",
    )


class TwilioTurns:
    """One call; each request is signed over our public address and sent to the test's server."""

    def __init__(self, server: Server, call_sid: str = "CA1") -> None:
        self.server = server
        self.fields = {
            "CallSid": call_sid,
            "AccountSid": "AC1",
            "From": "+15550100",
            "To": "+15550199",
            "CallStatus": "in-progress",
        }
        self.last = Document([], "")
        self.followed = 0
        """Redirects."""

    async def post(
        self, url: str, fields: dict[str, str] | None = None, *, is_signed: bool = True
    ) -> tuple[int, str]:
        """Ask one of the addresses that we were told, or a path."""
        url = url if url.startswith("http") else PUBLIC + url
        form = {**self.fields, **(fields or {})}
        headers = self.server.sign(url, form) if is_signed else None
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return await self.server.post(path, form, headers)

    async def ask(self, url: str, fields: dict[str, str] | None = None) -> Document:
        """Ask, and follow redirects as Twilio does, until the caller may speak or all is over."""
        status, text = await self.post(url, fields)
        assert status == 200, (status, text)
        self.last = read(text)
        said = [self.last.said]
        while self.last.redirect:
            self.followed += 1
            status, text = await self.post(self.last.redirect)
            assert status == 200, (status, text)
            self.last = read(text)
            said.append(self.last.said)
        self.last.said = " ".join(part for part in said if part)
        return self.last

    async def dial(self) -> Document:
        return await self.ask("/twilio/voice", {"CallStatus": "ringing"})

    async def say(self, speech: str) -> Document:
        fields = {"SpeechResult": speech, "Confidence": "0.9"}
        return await self.ask(self.last.gather["action"], fields)

    async def press(self, digits: str) -> Document:
        return await self.ask(self.last.gather["action"], {"Digits": digits})

    async def be_silent(self) -> Document:
        return await self.ask(self.last.gather["action"])

    async def begin_to_say(self, speech: str) -> int:
        """The words so far, as a partial callback tells them; returns its status."""
        url = self.last.gather["partialResultCallback"]
        status, text = await self.post(url, {"UnstableSpeechResult": speech})
        assert not text
        return status
