"""The TwiML documents that answer Twilio's webhooks. Pure, over the twilio package's builder.

Texts may hold anything: what XML cannot carry is left out, the rest is escaped by the builder.
"""

import re
from collections.abc import Mapping

from twilio.twiml.voice_response import Connect, VoiceResponse

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SAY_LANGUAGES = {
    "de": "de-DE",
    "en": "en-US",
    "es": "es-MX",
    "fr": "fr-FR",
    "it": "it-IT",
    "nl": "nl-NL",
    "pt": "pt-BR",
}
"""`<Say>` wants a region; these are the commonest of each language in Twilio's list."""


def connect_stream(stream_url: str, action_url: str, parameters: Mapping[str, str]) -> str:
    """Connect the call to our media socket.

    Args:
        stream_url: `wss://…` without a query string (Twilio error 31920).
        action_url: asked for further TwiML when the stream is over.
        parameters: come back in `start.customParameters`; name and value of one have together
            fewer than 500 characters.
    """
    connect = Connect(action=action_url, method="POST")
    stream = connect.stream(url=stream_url)
    for name, value in parameters.items():
        stream.parameter(name=clean_text(name), value=clean_text(value))
    response = VoiceResponse()
    response.append(connect)
    return str(response)


def say_and_hang_up(text: str, language: str) -> str:
    """Say one sentence with Twilio's own voice, then hang up.

    Args:
        language: BCP-47, a primary subtag (`en`) or with its region (`en-GB`).
    """
    response = VoiceResponse()
    response.say(clean_text(text), language=say_language(language))
    response.hangup()
    return str(response)


def hang_up() -> str:
    """End the call."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def reject() -> str:
    """Refuse the call without answering it: the caller hears the busy tone, nobody pays."""
    response = VoiceResponse()
    response.reject(reason="busy")
    return str(response)


def say_language(language: str) -> str:
    """What `<Say>` wants for a language: one without a region gets its commonest."""
    return _SAY_LANGUAGES.get(language, language)


def clean_text(text: str) -> str:
    """A text without what XML cannot carry."""
    return _NOT_XML.sub("", text)
