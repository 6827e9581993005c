"""`voxd fetch-models` and scripts/fetch-models as people run them, with a hub on loopback."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.servers.hub import LoopbackHub
from voxd.errors import ModelError
from voxd.weights import command
from voxd.weights.catalogue import HubModel, read_catalogue
from voxd.weights.hub import Hub

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop(
    hub: LoopbackHub, voice: HubModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A list of one voice; the models folder."""
    monkeypatch.setattr(command, "read_catalogue", lambda: {voice.name: voice})
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    return tmp_path / "models"


def test_a_model_is_fetched_and_what_to_set_is_printed(
    shop: Path, hub: LoopbackHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(["a-voice", "--models", str(shop)]) == 0
    printed = capsys.readouterr()
    assert tomllib.loads(printed.out)["engines"]["piper"] == {
        "voice": f"{shop}/piper/voice.onnx",
        "languages": ["es"],
    }
    assert "licence CC0-1.0" in printed.err and "sha256 as it should be" in printed.err
    assert (shop / "piper/voice.onnx.json").exists()


def test_what_is_in_place_is_not_asked_for_again(shop: Path, hub: LoopbackHub) -> None:
    assert command.run(["a-voice", "--models", str(shop)]) == 0
    hub.asked.clear()
    assert command.run(["a-voice", "--models", str(shop)]) == 0
    assert hub.asked == []


def test_what_cannot_be_had_is_one_sentence_and_status_1(
    shop: Path, hub: LoopbackHub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.files.clear()
    assert command.run(["a-voice", "--models", str(shop)]) == 1
    assert "could not be fetched" in capsys.readouterr().err.splitlines()[-1]


def test_an_unknown_name_is_answered_with_the_list(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(["huge", "--models", str(shop)]) == 2
    assert "no model 'huge'; there are: a-voice" in capsys.readouterr().err


def test_room_is_looked_at_before_the_first_byte(
    hub: LoopbackHub, voice: HubModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxd.weights.hub.SPARE_BYTES", 1 << 60)
    with pytest.raises(ModelError, match="needs 1 MB more"):
        command.fetch_model(Hub(tmp_path / "models", hub.url), voice)
    assert hub.ranges() == []


def run_script(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts/fetch-models"), *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environ,
        check=False,
    )


def test_the_script_lists_both_kinds_of_models() -> None:
    done = run_script("--list")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("faster-whisper-tiny.en")
    for model in read_catalogue().values():
        assert any(line.startswith(f"{model.name} ") for line in done.stdout.splitlines())


def test_the_script_hands_names_of_the_hub_on(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("rhasspy/piper-voices/es/es_ES/davefx/medium/other", b"", large=False)
    done = run_script("piper-davefx", "--models", str(tmp_path), HF_ENDPOINT=hub.url)
    assert done.returncode == 1
    assert "es_ES-davefx-medium.onnx could not be fetched" in done.stderr
    path = "/rhasspy/piper-voices/resolve/v1.0.0/es/es_ES/davefx/medium/es_ES-davefx-medium.onnx"
    assert hub.asked[0][:2] == ("HEAD", path)


def test_a_damaged_file_is_found_and_fetched_again(
    shop: Path, hub: LoopbackHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(["a-voice", "--models", str(shop)]) == 0
    card = shop / "piper/voice.onnx.json"
    right = card.read_bytes()
    card.write_bytes(right[::-1])
    assert command.run(["a-voice", "--models", str(shop), "--verify"]) == 0
    assert "voice.onnx.json is damaged: fetching it again" in capsys.readouterr().err
    assert card.read_bytes() == right
