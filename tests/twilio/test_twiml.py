from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from voxd.twilio import twiml


def test_a_stream_is_connected_with_its_parameters() -> None:
    document = twiml.connect_stream(
        "wss://voice.example.com/twilio/media",
        "https://voice.example.com/twilio/after",
        {"from": "+15550100", "token": "one-time-token"},
    )
    assert document == (
        '<?xml version="1.0" encoding="UTF-8"?><Response>'
        '<Connect action="https://voice.example.com/twilio/after" method="POST">'
        '<Stream url="wss://voice.example.com/twilio/media">'
        '<Parameter name="from" value="+15550100" />'
        '<Parameter name="token" value="one-time-token" />'
        "</Stream></Connect></Response>"
    )


def test_a_sentence_is_said_in_a_language_that_twilio_knows() -> None:
    assert twiml.say_and_hang_up("All busy.", "en") == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Response><Say language="en-US">All busy.</Say><Hangup /></Response>'
    )
    assert 'language="en-GB"' in twiml.say_and_hang_up("All busy.", "en-GB")


def test_a_call_can_be_ended_or_rejected() -> None:
    assert "<Response><Hangup /></Response>" in twiml.hang_up()
    assert '<Response><Reject reason="busy" /></Response>' in twiml.reject()


@given(text=st.text(st.characters(exclude_categories=()), max_size=100))
def test_any_text_gives_a_document_that_parses(text: str) -> None:
    said = ElementTree.fromstring(twiml.say_and_hang_up(text, "en").encode())
    stream = twiml.connect_stream("wss://example.com/m", "https://example.com/a", {"from": text})
    parameter = ElementTree.fromstring(stream.encode()).find("Connect/Stream/Parameter")
    assert said.find("Say") is not None
    assert parameter is not None
    kept = "".join(c for c in text if c.isprintable() and c not in "\\ufffe\\uffff")
    value = parameter.get("value", "")
    assert all(c in value for c in kept)
