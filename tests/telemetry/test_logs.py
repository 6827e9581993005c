import io
import json
import logging
from collections.abc import Iterator

import pytest

from tests.telemetry.journals import greeting, one_turn
from tests.telemetry.outcomes import make_outcome
from voxd.config import Log
from voxd.telemetry.logs import LIBRARIES, bind_call, configure_logging
from voxd.telemetry.turn_log import TurnLog

logger = logging.getLogger("voxd.test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_elsewhere_than_on_a_terminal_each_line_is_json_with_its_fields() -> None:
    out = io.StringIO()
    configure_logging(Log(), out)
    logger.info("engine is warm", extra={"engine": "piper", "seconds": 1.5})
    line = json.loads(out.getvalue())
    assert line["message"] == "engine is warm"
    assert (line["level"], line["logger"]) == ("info", "voxd.test")
    assert (line["engine"], line["seconds"]) == ("piper", 1.5)
    assert line["time"].endswith("+00:00")


def test_on_a_terminal_it_is_text() -> None:
    out = Terminal()
    configure_logging(Log(), out)
    logger.warning("call refused", extra={"reason": "max_calls", "wait_s": 0.25})
    assert out.getvalue().rstrip().endswith("warning call refused  reason=max_calls wait_s=0.25")


def test_a_field_cannot_forge_a_line_or_another_field() -> None:
    out = io.StringIO()
    configure_logging(Log(format="text"), out)
    logger.info("x", extra={"peer": "a\nb", "path": "p call=CA9"})
    assert out.getvalue().count("\n") == 1
    assert "'p call=CA9'" in out.getvalue()


def test_lines_of_a_call_carry_its_id() -> None:
    out = io.StringIO()
    configure_logging(Log(format="json"), out)
    with bind_call("CA1"):
        logger.info("inside")
    logger.info("outside")
    inside, outside = (json.loads(line) for line in out.getvalue().splitlines())
    assert inside["call"] == "CA1"
    assert "call" not in outside


def test_an_exception_stands_in_the_same_line() -> None:
    out = io.StringIO()
    configure_logging(Log(format="json"), out)
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("border")
    assert "ValueError: broken" in json.loads(out.getvalue())["exception"]


def test_the_level_is_the_configured_one() -> None:
    out = io.StringIO()
    configure_logging(Log(level="error"), out)
    logger.warning("not shown")
    assert out.getvalue() == ""


@pytest.mark.parametrize("name", ["httpx", "websockets.client", "aiohttp.access", "anything"])
def test_of_libraries_only_warnings_pass(name: str) -> None:
    out = io.StringIO()
    configure_logging(Log(level="debug", format="text"), out)
    library = logging.getLogger(name)
    library.debug("> TEXT words")
    library.info("HTTP Request: POST https://host/?key=k")
    library.warning("it is ill")
    logger.debug("ours")
    told = [line.split(maxsplit=2)[2] for line in out.getvalue().splitlines()]
    assert told == ["it is ill", "ours"]


def test_a_library_that_turns_itself_up_is_not_heard_either() -> None:
    out = io.StringIO()
    configure_logging(Log(level="info"), out)
    library = logging.getLogger("groq")
    library.setLevel(logging.DEBUG)  # what GROQ_LOG=debug does when the SDK is imported
    library.debug("Request options: words")
    assert out.getvalue() == ""


@pytest.mark.parametrize("target_s", [0.5, 0.8, 3.0])
@pytest.mark.parametrize("form", ["text", "json"])
def test_the_lines_about_turns_hold_no_words(form: str, target_s: float) -> None:
    out = io.StringIO()
    configure_logging(Log.model_validate({"format": form}), out)
    outcome, told = make_outcome(greeting() + one_turn(), target_s=target_s), TurnLog()
    told.turn_heard(outcome, outcome.turns[0])
    told.call_finished(outcome)
    assert "voice_to_voice_ms" in out.getvalue()
    assert "secret" not in out.getvalue()
