"""The three commands as people type them, on a database that was written before."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.history.stored import store, three_calls
from voxd.cli import main

SHIPPED = Path(__file__).parent.parent.parent / "config.toml"


@pytest.fixture
def config(tmp_path: Path) -> str:
    """The shipped config in a folder of its own, with its records beside it."""
    file = tmp_path / "config.toml"
    file.write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "var").mkdir()
    return str(file)


@pytest.fixture
def stored(config: str) -> str:
    asyncio.run(store(Path(config).parent / "var", three_calls()))
    return config


def test_history_lists_the_calls(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--config", stored]) == 0
    told = capsys.readouterr().out
    assert "CA1one" in told and "CA2three" in told


def test_history_is_json_for_programs(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--config", stored, "--json", "--tier", "free"]) == 0
    (call,) = json.loads(capsys.readouterr().out)
    assert (call["call_id"], call["turn_count"]) == ("CA1one", 2)


def test_show_tells_the_last_call(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "last", "--config", stored]) == 0
    assert "call CA2three" in capsys.readouterr().out
    assert main(["show", "CA2tw", "--config", stored, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["call"]["call_id"] == "CA2two"
    assert found["turns"][0]["total_latency_ms"] == 450


def test_stats_sum_up(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "--config", stored, "--since", "2026-11-01"]) == 0
    assert "3 calls" in capsys.readouterr().out
    assert main(["stats", "--config", stored, "--since", "2026-11-01", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tiers"]["free"]["is_met"] is True and found["since"].startswith("2026-1")


def test_what_waits_on_disk_is_mentioned(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(stored).parent / "var" / "records"
    folder.mkdir()
    (folder / "000000000001.jsonl").write_text("{}\n{}\n")
    assert main(["history", "--config", stored]) == 0
    assert "2 more calls wait" in capsys.readouterr().out


def test_without_records_there_is_a_sentence(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "--config", config]) == 1
    assert "there are no records yet" in capsys.readouterr().err
    text = Path(config).read_text(encoding="utf-8")
    Path(config).write_text(text.replace('database = "var/voxd.db"', 'database = ""'))
    assert main(["stats", "--config", config]) == 1
    assert "database is empty" in capsys.readouterr().err


def test_an_unknown_call_is_a_sentence(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "CB9", "--config", stored]) == 1
    assert "no call 'CB9'" in capsys.readouterr().err
