import argparse
from pathlib import Path

import numpy as np
import pytest

from voxd.caller.arguments import add_arguments, build_plan
from voxd.caller.plan import DEFAULT_URL, CallPlan, Hangup, HangupMoment, PlanError, Stall
from voxd.caller.wav import write_stereo


@pytest.fixture
def voice(tmp_path: Path) -> str:
    path = tmp_path / "yes.wav"
    write_stereo(path, np.full((3200, 2), 8000, np.int16))
    return str(path)


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def plan(*arguments: str) -> CallPlan:
    return build_plan(parse(*arguments))


def test_defaults_are_those_of_a_plan(voice: str) -> None:
    made = plan(voice)
    assert [turn.name for turn in made.turns] == ["yes"]
    assert (made.url, made.gap_s, made.turn_timeout_s) == (DEFAULT_URL, 0.8, 12.0)
    assert (made.noise_dbfs, made.echoes_marks, made.interrupt_after_s) == (-62.0, True, None)


def test_every_argument_reaches_the_plan(voice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    flags = "--interrupt-after 500 --digits 1*# --no-marks --stall 2:5 --noise-dbfs -70 --seed 3"
    more = "--gap 1 --turn-timeout 4 --hangup-mid-word 2 --auth-token-env TOKEN --url http://h/v"
    made = plan(voice, voice, *flags.split(), *more.split())
    assert made.interrupt_after_s == 0.5
    assert (made.digits, made.echoes_marks, made.stall) == ("1*#", False, Stall(2.0, 5.0))
    assert (made.noise_dbfs, made.seed, made.gap_s, made.turn_timeout_s) == (-70.0, 3, 1.0, 4.0)
    assert made.hangup == Hangup(2, HangupMoment.MID_WORD)
    assert (made.auth_token, made.url) == ("secret", "http://h/v")


def test_label_replaces_the_energy(voice: str, tmp_path: Path) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text("yes\t0.25\n")
    assert plan(voice, "--labels", str(labels)).turns[0].end_s == 0.25


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--url", "voice.example.com"], "expected http"),
        (["--auth-token-env", "SURELY_NOT_SET"], "is not set"),
        (["--hangup-mid-word", "2"], "there are 1"),
        (["--hangup-mid-word", "1", "--hangup-after-turn", "1"], "one --hangup"),
    ],
)
def test_impossible_plans_are_explained(voice: str, arguments: list[str], problem: str) -> None:
    with pytest.raises(PlanError, match=problem):
        plan(voice, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [["--stall", "2"], ["--digits", "x"], ["--calls", "0"], ["--gap", "-1"], ["--gap", "nan"]],
)
def test_malformed_values_are_usage_errors(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(*arguments)
    assert caught.value.code == 2
