"""Examples in the config: whole ones, of tools that the agent has, not too many."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.dialog.playbook import TIER
from tests.dialog.tooled import AGENT, TOOLS
from voxd.config import Config
from voxd.settings.examples import MAX_EXAMPLES, MAX_EXAMPLES_CHARS, Example, count_characters
from voxd.settings.tools import check_tools

BOOKED: dict[str, Any] = {
    "said": "A table for two.",
    "tool": "book",
    "arguments": {"people": 2},
    "answer": "Number 7.",
    "reply": "It is booked, your number is 7.",
}
WORDS = {"said": "Hi.", "reply": "Hello!"}
ENDED = {"said": "Bye.", "tool": "end_call"}


def problems_of(*examples: dict[str, Any], **tables: Any) -> dict[str, str]:
    agent = {**AGENT, "examples": examples}
    config = Config(tiers={"free": TIER}, base_dir=Path(), agent=agent, tools=TOOLS, **tables)
    return {problem.key: problem.message for problem in check_tools(config)}


def test_what_the_agent_may_do_can_be_shown() -> None:
    keys = {"said": "One.", "tool": "send_digits", "arguments": {"digits": "1"}}
    assert problems_of(BOOKED, WORDS, ENDED, keys) == {}


def test_what_it_may_not_do_is_a_problem_with_its_place() -> None:
    assert (
        "no tool of this agent"
        in problems_of(WORDS, {**ENDED, "tool": "dance"})["agent.examples.1.tool"]
    )
    wrong = {**BOOKED, "arguments": {"people": 0}}
    assert problems_of(wrong) == {"agent.examples.0.arguments": "people: is out of range"}
    assert (
        "not wanted" in problems_of({**ENDED, "arguments": {"a": 1}})["agent.examples.0.arguments"]
    )


def test_another_agent_shows_only_what_it_may_do_itself() -> None:
    found = problems_of(ENDED, agents={"b": {"tools": ["book"]}})
    assert list(found) == ["agents.b.examples.0.tool"]
    assert problems_of(ENDED, agents={"b": {"tools": ["book"], "examples": [BOOKED]}}) == {}


def test_examples_stay_behind_with_their_language() -> None:
    assert problems_of(ENDED, agents={"b": {"language": "es", "tools": []}}) == {}


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ({"said": "Hi."}, "needs a reply or a tool"),
        ({"said": " ", "reply": "Hello!"}, "nothing is said"),
        ({"said": "Hi.", "reply": "{"}, "pattern"),
        ({**WORDS, "answer": "Number 7."}, "need a tool"),
        ({**WORDS, "arguments": {"a": 1}}, "need a tool"),
        ({**ENDED, "reply": "Bye!"}, "needs the tool's answer"),
        ({**ENDED, "answer": "Done."}, "an answer a reply"),
        ({**ENDED, "arguments": {"a": float("nan")}}, "JSON"),
        ({**ENDED, "tool": "End"}, "pattern"),
        ({**WORDS, "said": "x" * 501}, "500"),
    ],
)
def test_an_example_is_whole(example: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Example.model_validate(example)


def test_there_may_not_be_too_much_to_read() -> None:
    long = {"said": "x" * 400, "reply": "y"}
    assert count_characters([Example.model_validate(BOOKED)]) == 16 + 4 + 13 + 9 + 31
    assert problems_of(*[long] * 6) == {}
    assert str(MAX_EXAMPLES_CHARS) in problems_of(*[long] * 7)["agent.examples"]
    with pytest.raises(ValidationError, match=str(MAX_EXAMPLES)):
        problems_of(*[WORDS] * (MAX_EXAMPLES + 1))


def test_the_example_of_the_documentation_works() -> None:
    text = (Path(__file__).parents[2] / "docs/tools.md").read_text(encoding="utf-8")
    own, shown = map(tomllib.loads, re.findall(r"```toml\n(.*?)```", text, re.DOTALL))
    agent = {**own["agent"], **shown["agent"]}
    config = Config(tiers={"free": TIER}, base_dir=Path(), agent=agent, tools=own["tools"])
    assert check_tools(config) == []
    assert [example.tool for example in config.agent.examples] == [None, "book_table"]
