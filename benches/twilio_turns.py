"""Twilio's side of calls in turns: signed forms, redirects followed, partial callbacks. I/O.

As Twilio does it, a document is carried out verb by verb: what is said takes its time (by the
length of the text), the caller then speaks, words so far are told three times a second, and the
result is told after the pause that the document asked for. It shares no code with the daemon.
"""

import asyncio
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from xml.etree import ElementTree

import aiohttp

from benches.line import BenchFailed
from voxd.caller.plan import CallPlan
from voxd.caller.signature import HEADER, sign_form
from voxd.caller.webhook import TIMEOUT_S, XML_TYPES, call_fields, make_ids

AGENT_CHARACTERS_PER_S = 15.0
CALLER_CHARACTERS_PER_S = 13.0
"""How fast they speak; the recordings of Debian's prompts have 13 characters a second."""
PARTIAL_S = 0.33
"""Between two partial callbacks."""
MAX_REDIRECTS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """One request and its answer."""

    took_ms: float
    said: str
    """What the answer says."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing the caller said, and everything that was answered to it."""

    words: str
    requests: tuple[Request, ...]
    """The result first, then the redirects."""
    is_over: bool
    """The call was hung up by the answer."""

    @property
    def answer_ms(self) -> float:
        """From the result to the first TwiML."""
        return self.requests[0].took_ms

    @property
    def said(self) -> str:
        return " ".join(request.said for request in self.requests if request.said)


@dataclass(slots=True)
class _Page:
    """What of a document the caller's side needs."""

    before: str
    """Said before anything is listened to."""
    gather: dict[str, str] = field(default_factory=dict)
    within: str = ""
    """Said while it is listened."""
    redirect: str = ""
    pause_s: float = 0.0

    @property
    def said(self) -> str:
        return " ".join(part for part in (self.before, self.within) if part)


class TurnsCaller:
    """One call in turns."""

    def __init__(
        self, http: aiohttp.ClientSession, base_url: str, public_url: str, auth_token: str
    ) -> None:
        """
        Args:
            base_url: where the daemon really is.
            public_url: where it says that it is; what is signed begins with it.
        """
        plan = CallPlan((), url=f"{public_url}/twilio/voice")
        self.ids = make_ids()
        self._fields = call_fields(plan, self.ids, "in-progress")
        self._http = http
        self._base_url = base_url
        self._public_url = public_url
        self._auth_token = auth_token
        self._page = _Page("")

    async def dial(self) -> Request:
        """The voice webhook."""
        request = await self._ask("/twilio/voice", {"CallStatus": "ringing"})
        if not self._page.gather:
            raise BenchFailed(f"the call was not answered by a turn: {request.said!r}")
        return request

    async def say(self, words: str, *, tells_partials: bool = True) -> Turn:
        """Hear what is being said to its end, say something, and follow the answer.

        Raises:
            BenchFailed: Twilio could not have used an answer.
        """
        gather = self._page.gather
        await _speak(self._page.said, AGENT_CHARACTERS_PER_S)
        async with asyncio.TaskGroup() as group:
            if tells_partials:
                await self._tell_partials(group, gather["partialResultCallback"], words)
            else:
                await _speak(words, CALLER_CHARACTERS_PER_S)
            await asyncio.sleep(_speech_timeout_s(gather))
        requests = [await self._ask(gather["action"], {"SpeechResult": words, "Confidence": "0.9"})]
        while self._page.redirect:
            if len(requests) > MAX_REDIRECTS:
                raise BenchFailed("redirected without end")
            await _speak(self._page.said, AGENT_CHARACTERS_PER_S)
            await asyncio.sleep(self._page.pause_s)
            requests.append(await self._ask(self._page.redirect, {}))
        return Turn(words, tuple(requests), is_over=not self._page.gather)

    async def hang_up(self) -> None:
        """The status callback of a caller who is gone."""
        await self._post("/twilio/status", {"CallStatus": "completed", "CallDuration": "60"})

    async def _tell_partials(self, group: asyncio.TaskGroup, url: str, words: str) -> None:
        """Speak, and tell the words so far."""
        ends = time.monotonic() + len(words) / CALLER_CHARACTERS_PER_S
        told = ""
        rate = CALLER_CHARACTERS_PER_S
        while (remaining_s := ends - time.monotonic()) > 0:
            await asyncio.sleep(min(PARTIAL_S, remaining_s))
            characters = len(words) - int(max(0.0, ends - time.monotonic()) * rate)
            so_far = words[:characters].rpartition(" ")[0] if characters < len(words) else words
            if so_far and so_far != told:
                told = so_far
                group.create_task(self._tell_partial(url, so_far))

    async def _tell_partial(self, url: str, words: str) -> None:
        await self._post(url, {"UnstableSpeechResult": words, "Stability": "0.8"})

    async def _ask(self, url: str, fields: dict[str, str]) -> Request:
        begun = time.perf_counter()
        status, content_type, text = await self._post(url, fields)
        took_ms = (time.perf_counter() - begun) * 1000
        if status != 200 or content_type not in XML_TYPES:
            raise BenchFailed(f"{url} answered {status} {content_type}")
        self._page = _read(text)
        return Request(took_ms, self._page.said)

    async def _post(self, url: str, fields: dict[str, str]) -> tuple[int, str, str]:
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        form = {**self._fields, **fields}
        headers = {HEADER: sign_form(self._auth_token, self._public_url + path, form)}
        async with (
            asyncio.timeout(TIMEOUT_S),
            self._http.post(self._base_url + path, data=form, headers=headers) as response,
        ):
            return response.status, response.content_type, await response.text()


async def _speak(text: str, characters_per_s: float) -> None:
    await asyncio.sleep(len(text) / characters_per_s)


def _read(text: str) -> _Page:
    """Raises BenchFailed for what Twilio would refuse."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BenchFailed(f"12100: the answer is not XML ({error})") from None
    page = _Page("")
    for verb in root:
        words = " ".join("".join(verb.itertext()).split())
        match verb.tag:
            case "Say":
                page.before = f"{page.before} {words}".strip()
            case "Gather":
                page.gather, page.within = dict(verb.attrib), words
                _check(page.gather)
            case "Pause":
                page.pause_s = float(verb.get("length", "1"))
            case "Redirect":
                page.redirect = words
            case "Hangup" | "Play":
                pass
            case _:
                raise BenchFailed(f"<{verb.tag}> is nothing that a turn answers")
    return page


def _check(gather: dict[str, str]) -> None:
    if not gather.get("timeout", "5").isdigit():
        raise BenchFailed("<Gather timeout> takes whole seconds")
    if not gather.get("speechTimeout", "").isdigit():
        raise BenchFailed("13335: the speechTimeout must be a number")


def _speech_timeout_s(gather: dict[str, str]) -> float:
    return float(gather["speechTimeout"])
