"""Getting files from the hub, against one on loopback: broken connections, wrong bytes, no room."""

import shutil
from pathlib import Path

import pytest

from tests.servers.hub import LoopbackHub
from tests.weights.conftest import CARD, WEIGHTS
from voxd.errors import ModelError
from voxd.weights.catalogue import HubModel
from voxd.weights.hub import Hub


@pytest.fixture
def here(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    # The library waits a second before it takes up a connection again.
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda pause_s: None)
    # And keeps whole chunks only, of ten megabytes.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100_000)
    return Hub(tmp_path / "models", hub.url)


def fetch(here: Hub, model: HubModel) -> None:
    for file in model.files:
        here.fetch(model, here.look(model, file))


def contents(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "models/piper").iterdir()}


WHOLE = {"voice.onnx": WEIGHTS, "voice.onnx.json": CARD}


def test_large_and_small_files_arrive(here: Hub, voice: HubModel, tmp_path: Path) -> None:
    fetch(here, voice)
    assert contents(tmp_path) == WHOLE
    assert all(here.is_there(voice, file) for file in voice.files)


def test_the_revision_of_the_list_is_asked_for(
    here: Hub, voice: HubModel, hub: LoopbackHub
) -> None:
    here.look(voice, voice.files[0])
    assert hub.asked[0][:2] == ("HEAD", "/someone/voices/resolve/v1.0.0/es/voice.onnx")


def test_a_broken_connection_is_taken_up_where_it_broke(
    here: Hub, voice: HubModel, hub: LoopbackHub, tmp_path: Path
) -> None:
    hub.break_after = [300_000, 200_000]
    fetch(here, voice)
    assert contents(tmp_path) == WHOLE
    assert hub.ranges()[:3] == ["", "bytes=300000-", "bytes=500000-"]


def test_what_came_is_kept_for_the_next_start(
    here: Hub, voice: HubModel, hub: LoopbackHub, tmp_path: Path
) -> None:
    hub.break_after, hub.failing = [300_000], [404]
    with pytest.raises(ModelError, match="start this again to go on from there"):
        fetch(here, voice)
    assert not here.is_there(voice, voice.files[0])
    fetch(Hub(tmp_path / "models", hub.url), voice)
    assert contents(tmp_path) == WHOLE
    assert hub.ranges()[-2:] == ["bytes=300000-", ""]


def test_a_hub_that_knows_no_ranges_sends_all_again(
    here: Hub, voice: HubModel, hub: LoopbackHub, tmp_path: Path
) -> None:
    hub.break_after, hub.ignores_ranges = [300_000], True
    fetch(here, voice)
    assert contents(tmp_path) == WHOLE


def test_wrong_bytes_are_refused_and_removed(
    here: Hub, voice: HubModel, hub: LoopbackHub, tmp_path: Path
) -> None:
    hub.swapped["someone/voices/es/voice.onnx"] = WEIGHTS[::-1]
    with pytest.raises(ModelError, match=r"voice\.onnx is not the file of the list: removed"):
        fetch(here, voice)
    assert contents(tmp_path) == {}


def test_another_file_than_the_list_knows_is_not_even_fetched(
    here: Hub, voice: HubModel, hub: LoopbackHub
) -> None:
    hub.add("someone/voices/es/voice.onnx", b"new weights", large=True)
    with pytest.raises(ModelError, match=r"has another \S+/es/voice\.onnx than the list"):
        here.look(voice, voice.files[0])
    assert hub.ranges() == []


def test_no_room_is_said_before_anything_is_fetched(
    here: Hub, voice: HubModel, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=200_500_000))
    offers = [here.look(voice, file) for file in voice.files]
    with pytest.raises(ModelError, match=r"a-voice needs 1 MB more and .* has 20. MB free"):
        here.check_room(voice, offers)
    assert hub.ranges() == []


def test_what_came_before_needs_no_room_again(
    here: Hub, voice: HubModel, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.break_after, hub.failing = [len(WEIGHTS) - 24_000], [404]
    with pytest.raises(ModelError):
        fetch(here, voice)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=200_500_000))
    here.check_room(voice, [here.look(voice, file) for file in voice.files])


@pytest.mark.parametrize("name", ["someone/voices/es/voice.onnx", "someone/voices/README.md"])
def test_what_the_hub_lacks_is_one_sentence(
    here: Hub, voice: HubModel, hub: LoopbackHub, name: str
) -> None:
    hub.files.pop(name, None)
    if "voice" not in name.rpartition("/")[2]:
        hub.files.clear()
    with pytest.raises(ModelError, match=r"someone/voices/es/voice\.onnx could not be fetched"):
        here.look(voice, voice.files[0])


def test_a_hub_that_is_not_there_is_one_sentence(voice: HubModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="could not be fetched"):
        Hub(tmp_path, "http://127.0.0.1:9").look(voice, voice.files[0])
