import pytest

from voxd.caller.twiml import Refusal, StreamAnswer, TwimlError, describe, parse_answer

VOICE = "https://voice.example.com/twilio/voice"


def respond(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{inner}</Response>'


def test_stream_is_found_with_its_parameters_and_action() -> None:
    text = respond(
        '<Connect action="/twilio/after" method="post"><Stream url="wss://voice.example.com/m">'
        '<Parameter name="from" value="+15550100"/><Parameter name="token" value="a&amp;b"/>'
        "</Stream></Connect><Say>Sorry.</Say>"
    )
    assert parse_answer(text, VOICE) == StreamAnswer(
        "wss://voice.example.com/m",
        {"from": "+15550100", "token": "a&b"},
        "https://voice.example.com/twilio/after",
        "POST",
    )


def test_connect_without_action_has_none() -> None:
    answer = parse_answer(respond('<Connect><Stream url="ws://localhost:1/m"/></Connect>'), VOICE)
    assert isinstance(answer, StreamAnswer)
    assert answer.action_url is None


@pytest.mark.parametrize(
    ("inner", "sentence"),
    [
        ("<Say>All lines\n are <break/>busy.</Say><Hangup/>", "All lines are busy."),
        ("<Say>One.</Say><Pause/><Say>Two.</Say>", "One. Two."),
        ('<Reject reason="busy"/>', "(rejected: busy)"),
        ("", "(hung up without a word)"),
        ("<Hangup/><Connect/>", "(hung up without a word)"),
    ],
)
def test_refusals_give_their_sentence(inner: str, sentence: str) -> None:
    assert parse_answer(respond(inner), VOICE) == Refusal(sentence)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Sorry", "12100"),
        ("<html/>", "12100"),
        (respond("<Gather/>"), "<Gather> instead"),
        (respond("<Connect/>"), "without <Stream>"),
        (respond("<Connect><Stream/></Connect>"), "31923"),
        (respond('<Connect><Stream url="ws://example.com/m"/></Connect>'), "31922"),
        (respond('<Connect><Stream url="https://localhost/m"/></Connect>'), "31922"),
        (respond('<Connect><Stream url="wss://example.com/m?t=1"/></Connect>'), "31920"),
        (
            respond(
                '<Connect><Stream url="wss://e.com/m">'
                f'<Parameter name="a" value="{"x" * 499}"/></Stream></Connect>'
            ),
            "500 characters",
        ),
    ],
)
def test_what_twilio_could_not_use_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(TwimlError, match=problem):
        parse_answer(text, VOICE)


def test_answers_are_described_verb_by_verb() -> None:
    assert describe(respond("<Say>Bye.</Say><Hangup/>")) == ["Say Bye.", "Hangup"]
    assert describe(respond("")) == ["(empty response: hang up)"]
    with pytest.raises(TwimlError):
        describe("no")
