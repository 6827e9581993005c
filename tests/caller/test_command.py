import argparse
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.caller.agent import Agent, running
from voxd.caller.command import add_arguments, run
from voxd.caller.wav import write_stereo


@pytest.fixture
def voice(tmp_path: Path) -> str:
    path = tmp_path / "yes.wav"
    write_stereo(path, np.full((2400, 2), 8000, np.int16))
    return str(path)


async def call(agent: Agent, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    async with running(agent):
        quick = ("--url", agent.url, "--gap", "0.15", "--turn-timeout", "1")
        return await run(parser.parse_args([*arguments, *quick]))


async def test_answered_call_exits_0_and_leaves_its_files(voice: str, tmp_path: Path) -> None:
    out, numbers = tmp_path / "out.wav", tmp_path / "out.json"
    assert await call(Agent(), voice, "--wav", str(out), "--json", str(numbers)) == 0
    with wave.open(str(out)) as source:
        assert (source.getnchannels(), source.getframerate()) == (2, 8000)
    body = json.loads(numbers.read_text())
    assert body["summary"]["turns"] == {"answered": 1}
    assert body["calls"][0]["turns"][0]["voice_to_voice_ms"] > 0


async def test_unanswered_turn_exits_1(voice: str) -> None:
    assert await call(Agent(answers=0), voice, "--quiet") == 1


async def test_protocol_warning_exits_1(voice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert await call(Agent(raw=["{"]), voice, "--quiet") == 1
    assert "31951" in capsys.readouterr().err


async def test_usage_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await call(Agent(), str(tmp_path / "missing.wav")) == 2
    assert "cannot read" in capsys.readouterr().err


async def test_refusal_exits_3_with_its_sentence(
    voice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    twiml = "<Response><Say>All lines are busy.</Say></Response>"
    assert await call(Agent(twiml=twiml), voice) == 3
    assert "All lines are busy." in capsys.readouterr().out


async def test_quiet_good_call_prints_nothing(
    voice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await call(Agent(), voice, "--quiet") == 0
    printed = capsys.readouterr()
    assert printed.out + printed.err == ""


async def test_json_to_standard_output_is_json_alone(
    voice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await call(Agent(), voice, "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["calls"][0]["is_good"]


async def test_many_calls_are_numbered_and_summed_up(
    voice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    assert await call(Agent(), voice, "--calls", "2", "--wav", str(out), "--stagger", "0.02") == 0
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out-1.wav", "out-2.wav"]
    assert "2 of 2 turns answered" in capsys.readouterr().out
