import json
import os
from pathlib import Path

import pytest

from benches.daemon import derive_config
from tests.doctor.configs import SHIPPED
from tests.test_check import with_models
from voxd.cli import main
from voxd.doctor import command
from voxd.doctor.capacity import Capacity, Round
from voxd.doctor.command import judge_capacity
from voxd.doctor.finding import Verdict


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.endswith(("_TOKEN", "_API_KEY", "_SID"))]:
        monkeypatch.delenv(name)


@pytest.mark.weights
def test_the_shipped_config_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    path.write_text(derive_config(SHIPPED, {"records.database": "voxd.db"}), encoding="utf-8")
    status = main(["doctor", "--quick", "--config", str(path)])
    lines = capsys.readouterr().out.splitlines()
    assert status in (0, 1)  # a small machine may have little memory left
    assert all(line.startswith(("good", "warn", " ")) for line in lines[:-1])
    assert "as published" in "".join(lines)


def test_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = with_models(tmp_path) / "config.toml"
    path.write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    status = main(["doctor", "--quick", "--json", "--config", str(path)])
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == status == 2  # the models are empty files
    assert {"subject", "verdict", "told", "advice", "figures"} == set(told["findings"][0])


def test_a_broken_install_is_told_line_by_line_and_not_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "measure_capacity", None)  # would be a bug to call
    path = tmp_path / "config.toml"
    path.write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["doctor", "--config", str(path)]) == 2
    out = capsys.readouterr().out
    assert "engines.llamacpp.model: " in out and "line " in out
    assert "is missing" in out and "open files" in out


def test_a_config_that_cannot_be_read_ends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[server]\nport = 99999\n", encoding="utf-8")
    assert main(["doctor", "--config", str(path)]) == 2
    out = capsys.readouterr().out
    assert "line 2: server.port: must be at most 65535" in out
    assert "open files" not in out


def test_help_says_what_is_done_and_what_the_exit_codes_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    text = capsys.readouterr().out
    for word in ("--quick", "--json", "Exit status", "providers charge"):
        assert word in text


def test_a_machine_that_holds_fewer_than_configured_is_told_how_many() -> None:
    full, half = Round(4, 8, 8, 0, 4.0), Round(2, 4, 4, 0, 1.0)
    good = judge_capacity(Capacity((half,), 3.0, 270.0))
    assert good.verdict is Verdict.GOOD
    assert "holds 2 local calls at p95 1000 ms" in good.told and "13 shadow" in good.told
    less = judge_capacity(Capacity((full, half), 3.0, 270.0))
    assert less.verdict is Verdict.WARN and "sequences = 2" in less.advice
    none = judge_capacity(Capacity((full,), 3.0, 270.0))
    assert none.verdict is Verdict.BAD and none.figures["calls"] == 0
