import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from voxd import __version__
from voxd.cli import main
from voxd.config import Config
from voxd.errors import Category, EngineError, ListenError, ModelError, Phase

SHIPPED = Path(__file__).parent.parent / "config.toml"


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"voxd {__version__}\n"


def test_help_names_the_commands_but_not_the_hidden_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for word in ("serve", "call", "check", "--config", "TWILIO_AUTH_TOKEN"):
        assert word in text
    assert "worker" not in text


@pytest.mark.parametrize("arguments", [[], ["serve"], ["check"]])
def test_a_config_that_is_not_there_is_one_line_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--config", "/nonexistent/config.toml"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("voxd: /nonexistent/config.toml")
    assert "Traceback" not in error


def test_every_problem_of_a_config_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('nonsense = 1\n[server]\nport = 99999\n[tiers]\n[call]\ntier = "x"\n')
    assert main(["check", "--config", str(path)]) == 2
    error = capsys.readouterr().err
    for line, key in ((1, "nonsense"), (3, "server.port"), (4, "tiers")):
        assert f"\n  line {line}: {key}: " in error


def test_check_tells_programs_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[server]\nport = 99999\n")
    assert main(["check", "--json", "--config", str(path)]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["is_good"] is False and told["description"] == []
    assert {
        "key": "server.port",
        "line": 2,
        "column": 1,
        "message": "must be at most 65535, found 99999",
    } in told["problems"]
    path.write_text(SHIPPED.read_text())
    assert main(["check", "--json", "--config", str(path)]) == 2
    told = json.loads(capsys.readouterr().out)
    assert {problem["key"] for problem in told["problems"]} == {
        *("engines.faster-whisper.model", "engines.llamacpp.model"),
        *("engines.piper.voice", "engines.smart-turn.model"),
    }
    assert told["description"][0].startswith("The tiers")


def test_check_judges_files_and_exposure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TWILIO_AUTH_TOKEN", raising=False)
    path = tmp_path / "config.toml"
    path.write_text(SHIPPED.read_text().replace("127.0.0.1", "0.0.0.0"))
    assert main(["--config", str(path), "check"]) == 2
    text = capsys.readouterr().out
    assert "5 problem(s)" in text
    assert "server.host" in text and "fetch-models" in text


@pytest.mark.weights
def test_the_shipped_config_is_good(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TWILIO_AUTH_TOKEN", raising=False)
    assert main(["check", "--config", str(SHIPPED)]) == 0
    assert "is good" in capsys.readouterr().out


def test_binding_to_the_world_without_a_token_refuses_to_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TWILIO_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr("voxd.telemetry.logs.configure_logging", lambda _: None)
    path = tmp_path / "config.toml"
    path.write_text(SHIPPED.read_text().replace("127.0.0.1", "0.0.0.0"))
    assert main(["--config", str(path)]) == 2
    assert "without TWILIO_AUTH_TOKEN nobody can tell Twilio" in capsys.readouterr().err


ENGINE = EngineError("piper", Category.SERVER, Phase.CONNECT, "broken")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ListenError("another program listens"), "voxd: another program listens\n"),
        (ENGINE, "voxd: piper: server at connect: broken\n"),
        (ExceptionGroup("g", [ExceptionGroup("h", [ENGINE])]), f"voxd: {ENGINE}\n"),
        (ModelError("x is damaged"), "voxd: x is damaged\nvoxd: scripts/fetch-models"),
    ],
)
def test_what_keeps_it_from_starting_is_a_sentence(
    error: Exception,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(config: Config, *_: object) -> None:
        raise error

    monkeypatch.setattr("voxd.app.run_daemon", fail)
    monkeypatch.setattr("voxd.telemetry.logs.configure_logging", lambda _: None)
    assert main(["--config", str(SHIPPED)]) == 1
    assert capsys.readouterr().err.startswith(sentence)


def test_an_unexpected_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ExceptionGroup("g", [ValueError("bug")])

    monkeypatch.setattr("voxd.app.run_daemon", fail)
    monkeypatch.setattr("voxd.telemetry.logs.configure_logging", lambda _: None)
    with pytest.raises(ExceptionGroup):
        main(["--config", str(SHIPPED)])


def test_call_has_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["call", "--help"])
    assert "voxd call" in capsys.readouterr().out


def test_a_call_to_nobody_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["call", str(tmp_path / "none.wav")]) != 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["worker"], ["worker", "xyz", "--fd", "3"], ["worker", "stt"], ["nonsense"]]
)
def test_wrong_arguments_are_usage_errors(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_the_command_imports_nothing_heavy() -> None:
    code = "import sys, voxd.cli; print(sorted(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    for heavy in ("asyncio", "aiohttp", "numpy", "pydantic", "voxd.app"):
        assert f"'{heavy}'" not in ran.stdout


def test_the_package_runs_as_a_module() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "voxd", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"voxd {__version__}\n"
