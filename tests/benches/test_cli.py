"""`scripts/bench` from outside."""

import subprocess
from pathlib import Path

import pytest

from benches import cli, prompts

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench"


def test_help_names_every_bench() -> None:
    run = subprocess.run([str(SCRIPT), "--help"], capture_output=True, text=True, check=True)
    names = ("v2v", "calls", "cloud", "failover", "peer", "barge", "turns", "wer", "fresh")
    for name in (*names, "prompts"):
        assert f"scripts/bench {name}" in run.stdout


def test_missing_recordings_are_one_sentence_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise prompts.PromptsMissing("The recorded prompts are missing.")

    monkeypatch.setattr(prompts, "install", refuse)
    assert cli.main(["prompts"]) == cli.EXIT_UNABLE
    assert capsys.readouterr().err == "bench: The recorded prompts are missing.\n"
