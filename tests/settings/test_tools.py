"""Tools in the config: a schema that can be checked, names that exist."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.dialog.playbook import TIER
from tests.dialog.tooled import AGENT, TOOLS
from voxd.config import Config, Tool
from voxd.settings.tools import check_tools


def problems_of(**tables: Any) -> dict[str, str]:
    config = Config(tiers={"free": TIER}, base_dir=Path(), **tables)
    return {problem.key: problem.message for problem in check_tools(config)}


def test_what_exists_may_be_used() -> None:
    assert problems_of(agent=AGENT, tools=TOOLS) == {}


def test_an_agent_needs_what_it_leans_on() -> None:
    alone = {"tools": ("book",)}
    assert "no tool 'book'" in problems_of(agent=alone)["agent.tools"]
    lonely = {"agent": {"tools": ["transfer_call"]}, "agents": {"b": {"tools": ["nothing"]}}}
    assert problems_of(**lonely) == {
        "agent.tools": "transfer_call needs transfer.number",
        "agents.b.tools": "no tool 'nothing'; known: end_call, transfer_call, send_digits,"
        " take_message",
    }


def test_a_tool_cannot_take_the_name_of_one_that_voxd_has() -> None:
    assert "tools.end_call" in problems_of(tools={"end_call": TOOLS["book"]})


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "string"},
        {"type": "object", "properties": {"a": {"$ref": "b"}}},
        {"type": "object", "description": "x" * 9000},
        {"type": "object", "properties": {"day": {"enum": [date(2026, 11, 22)]}}},
        {"type": "object", "properties": {"a": {"type": "number", "maximum": float("inf")}}},
    ],
)
def test_a_schema_must_be_one_that_can_be_checked(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="the schema|not supported"):
        Tool(url="https://example.com", description="x", parameters=parameters)


@pytest.mark.parametrize("url", ["", "http://example.com", "ftp://example.com"])
def test_a_tool_is_asked_by_https_or_on_this_machine(url: str) -> None:
    with pytest.raises(ValidationError):
        Tool(url=url, description="x")
    assert Tool(url="http://127.0.0.1:9000/book", description="x")
