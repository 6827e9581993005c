"""What is said to both sides, and what the peer is told; nothing is started."""

import tomllib
from pathlib import Path

from benches.daemon import CONFIG
from benches.peer.bench import (
    build_calls,
    build_setup,
    choose_tunings,
    read_config,
    read_waterfalls,
    system_name,
)
from benches.peer.setup import DEFAULT, TUNED, Waterfall
from benches.peer.verdict import DEFAULT as SHIPPED


def test_the_peer_gets_what_voxd_has_by_the_shipped_config(tmp_path: Path) -> None:
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    setup = build_setup(read_config(None), TUNED, tmp_path, "http://127.0.0.1:1/v1")
    assert config["agent"]["prompt"].strip() in setup.prompt
    assert setup.greeting in setup.prompt
    assert len(setup.greeting) > 10
    assert setup.max_tokens == config["agent"]["max_tokens"]
    assert setup.stop == tuple(config["engines"]["llamacpp"]["stop"])
    assert setup.whisper == str(CONFIG.parent / config["engines"]["faster-whisper"]["model"])
    voice = CONFIG.parent / config["engines"]["piper"]["voice"]
    assert Path(setup.voices, f"{setup.voice}.onnx") == voice


def test_a_tier_is_that_of_every_call() -> None:
    assert read_config("starter").call.tier == "starter"


def test_settings_choose_the_systems() -> None:
    assert choose_tunings("both") == (DEFAULT, TUNED)
    assert choose_tunings("tuned") == (TUNED,)
    assert system_name(DEFAULT) == SHIPPED


def test_an_agent_that_made_no_reply_wrote_nothing(tmp_path: Path) -> None:
    file = tmp_path / "turns.jsonl"
    assert read_waterfalls(file) == []
    file.write_text(Waterfall("CA1", {"transcription": 1.0}).encode() * 2)
    assert read_waterfalls(file) == [Waterfall("CA1", {"transcription": 1.0})] * 2


def test_calls_without_pauses_come_first_and_have_every_turn() -> None:
    calls = build_calls(turns=5, turns_per_call=2, pause_prompts=3)
    assert [(said.pause_ms, len(said.turns)) for said in calls] == [
        (0.0, 2),
        (0.0, 2),
        (0.0, 1),
        (300.0, 2),
        (300.0, 1),
        (500.0, 2),
        (500.0, 1),
        (800.0, 2),
        (800.0, 1),
    ]
    assert len(build_calls(turns=3, turns_per_call=8, pause_prompts=0)) == 1
