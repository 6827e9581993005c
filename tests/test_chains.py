"""Which engines a call gets, by config and declaration alone."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from voxd.chains import (
    TURNS_NEED,
    choose_chains,
    declared_board,
    named_engines,
    rank_chains,
    rank_judges,
    unserved,
)
from voxd.config import Config, parse_config
from voxd.engines.registry import settings_types
from voxd.errors import AdmissionRefused
from voxd.events import Kind

SHIPPED = Path(__file__).parent.parent / "config.toml"
RAW: dict[str, Any] = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
KEYS = ("DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY")
PRO, SPANISH = "+15550100", "+15550101"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, no_keys: None) -> None:
    for key in KEYS:
        monkeypatch.setenv(key, "secret")


def shipped(numbers: Mapping[str, Any]) -> Config:
    raw = {**RAW, "numbers": numbers}
    return parse_config(raw, settings_types(), base_dir=Path(), source="test")


def names(config: Config) -> tuple[str, ...]:
    """The first engine of each kind."""
    return tuple(chain.names[0] for chain in rank_chains(config, declared_board(config)).values())


def test_an_engine_whose_library_was_left_out_is_refused_with_that_reason(
    monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    """As in an executable without Piper: what a provider serves is served, the rest is said."""
    left_out = {"piper": "piper"}
    monkeypatch.setattr("voxd.chains.missing_library", left_out.get)
    config = shipped({PRO: {"tier": "pro"}})
    assert named_engines(config).refused == {"piper": "piper is not part of this installation"}
    assert names(config.dialled(PRO))[2] == "cartesia"
    (problem,) = unserved(config, declared_board(config))
    assert problem.key == "tiers.free.tts"
    assert problem.message.endswith("piper: piper is not part of this installation")


def test_without_keys_the_local_engines_serve_every_tier() -> None:
    config = shipped({PRO: {"tier": "pro"}})
    named = named_engines(config)
    assert named.usable == ("faster-whisper", "llamacpp", "piper", "smart-turn")
    assert set(named.refused) == {"deepgram", "groq", "cartesia"}
    assert named.refused["groq"] == "no key configured: GROQ_API_KEY is not set"
    assert names(config.dialled(PRO)) == ("faster-whisper", "llamacpp", "piper")
    assert unserved(config, declared_board(config)) == ()


@pytest.mark.usefixtures("keys")
def test_an_engine_that_could_not_be_opened_serves_nobody() -> None:
    """Its key is set, and the start has learned what a declaration does not tell."""
    config = shipped({SPANISH: {"tier": "pro", "language": "es"}})
    assert "tiers.pro.tts" not in {it.key for it in unserved(config, declared_board(config))}
    board = declared_board(config, {"cartesia": "its account is closed"})
    (problem,) = [it for it in unserved(config, board) if it.key == "tiers.pro.tts"]
    assert "cartesia: its account is closed" in problem.message


@pytest.mark.usefixtures("keys")
def test_with_keys_the_dialled_number_decides() -> None:
    config = shipped({PRO: {"tier": "pro"}})
    assert named_engines(config).refused == {}
    assert names(config.dialled(PRO)) == ("deepgram", "groq", "cartesia")
    assert names(config.dialled("+15550199")) == ("faster-whisper", "llamacpp", "piper")


@pytest.mark.usefixtures("keys")
def test_a_language_decides_as_well() -> None:
    config = shipped({SPANISH: {"tier": "pro", "language": "es"}})
    chains = choose_chains(config.dialled(SPANISH), declared_board(config))
    assert chains[Kind.TTS].names == ("cartesia",)
    assert chains[Kind.TTS].judgements[1].reason == "does not speak es"


def test_a_number_that_nobody_can_serve_is_a_problem_that_says_why() -> None:
    config = shipped({SPANISH: {"tier": "pro", "language": "es"}})
    board = declared_board(config)
    problems = {problem.key: problem.message for problem in unserved(config, board)}
    assert set(problems) == {"tiers.pro.stt", "tiers.pro.llm", "tiers.pro.tts"}
    assert SPANISH in problems["tiers.pro.tts"]
    assert "CARTESIA_API_KEY is not set; piper: does not speak es" in problems["tiers.pro.tts"]
    with pytest.raises(AdmissionRefused, match="no_stt"):
        choose_chains(config.dialled(SPANISH), board)


def test_a_key_that_a_table_names_is_needed_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    tier = {**RAW["tiers"]["free"], "llm": ["openai", "llamacpp"]}
    engines = {**RAW["engines"], "openai": {**RAW["engines"]["openai"], "credential": "OWN_KEY"}}
    raw = {**RAW, "tiers": {"free": tier}, "engines": engines}
    config = parse_config(raw, settings_types(), base_dir=Path(), source="test")
    assert "OWN_KEY" in named_engines(config).refused["openai"]
    monkeypatch.setenv("OWN_KEY", "secret")
    usable = ("faster-whisper", "openai", "llamacpp", "piper", "smart-turn")
    assert named_engines(config).usable == usable


def test_a_judge_of_turns_is_ranked_by_language_and_nobody_needs_one() -> None:
    judge = {**RAW["engines"]["smart-turn"], "languages": ["en"]}
    numbers = {SPANISH: {"tier": "pro", "language": "es"}}
    raw = {**RAW, "engines": {**RAW["engines"], "smart-turn": judge}, "numbers": numbers}
    config = parse_config(raw, settings_types(), base_dir=Path(), source="test")
    board = declared_board(config)
    assert rank_judges(config, board).names == ("smart-turn",)
    none = rank_judges(config.dialled(SPANISH), board)
    assert none.names == ()
    assert none.judgements[0].reason == "does not speak es"
    assert "tiers.pro.turn" not in {problem.key for problem in unserved(config, board)}


def test_a_call_in_turns_needs_a_language_model_and_nothing_else() -> None:
    free = {**RAW["tiers"]["free"], "stt": ["deepgram"], "tts": ["cartesia"]}
    raw = {**RAW, "tiers": {**RAW["tiers"], "free": free}}
    config = parse_config(raw, settings_types(), base_dir=Path(), source="test")
    board = declared_board(config)
    assert choose_chains(config, board, TURNS_NEED)[Kind.LLM].names == ("llamacpp",)
    with pytest.raises(AdmissionRefused, match="no_stt"):
        choose_chains(config, board)
    assert {p.key for p in unserved(config, board)} == {"tiers.free.stt", "tiers.free.tts"}
    tier = config.tier().model_copy(update={"transport": "twiml"})
    server = config.server.model_copy(update={"public_url": "https://voice.example.com"})
    tiers = {**config.tiers, "free": tier}
    in_turns = config.model_copy(update={"tiers": tiers, "server": server})
    assert unserved(in_turns, board) == ()
