"""The table `[records]`, as the file has it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from voxd.config import Config, parse_config
from voxd.engines.registry import settings_types
from voxd.errors import ConfigError

SHIPPED = Path(__file__).parent.parent.parent / "config.toml"


def parse(**records: Any) -> Config:
    raw = {**tomllib.loads(SHIPPED.read_text(encoding="utf-8")), "records": records}
    return parse_config(raw, settings_types(), base_dir=Path(), source="test")


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://voxd:hush@db.example.com/calls",
        "https://abc.supabase.co?apikey=hush",
    ],
)
def test_a_problem_does_not_repeat_the_secret(database: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(database=database)
    told = str(caught.value)
    assert "records.database: holds a secret" in told and "hush" not in told


def test_prices_are_given_by_engine() -> None:
    prices = parse(prices={"groq": {"million_prompt_tokens": 0.1}}).records.prices
    assert prices["groq"].million_prompt_tokens == 0.1
    assert prices["groq"].million_completion_tokens is None


@pytest.mark.parametrize(
    "records",
    [
        {"content": "some"},
        {"numbers": "half"},
        {"retention_days": -1},
        {"spill_mb": 0},
        {"prices": {"groq": {"minute": -1}}},
        {"prices": {"groq": {"hour": 1}}},
    ],
)
def test_what_makes_no_sense_is_refused(records: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        parse(**records)
