"""A hub on loopback and a model of two files that it has."""

import hashlib
import logging
from collections.abc import Iterator

import pytest

from tests.servers.hub import LoopbackHub, open_hub
from voxd.weights.catalogue import HubFile, HubModel

WEIGHTS = bytes(range(256)) * 4000
CARD = b'{"audio": {"sample_rate": 22050}}'


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    # The library's own handler writes to what was standard error when it was imported: another
    # test's, which is closed by now.
    monkeypatch.setattr(logging.getLogger("huggingface_hub"), "handlers", [])
    with open_hub() as running:
        running.add("someone/voices/es/voice.onnx", WEIGHTS, large=True)
        running.add("someone/voices/es/voice.onnx.json", CARD, large=False)
        yield running


@pytest.fixture
def voice() -> HubModel:
    files = {"voice.onnx": WEIGHTS, "voice.onnx.json": CARD}
    return HubModel(
        name="a-voice",
        kind="tts",
        languages=("es",),
        licence="CC0-1.0",
        size_mb=1,
        ram_mb=100,
        expect="a test",
        repo="someone/voices",
        revision="v1.0.0",
        folder="piper",
        files=tuple(
            HubFile(name, hashlib.sha256(content).hexdigest()) for name, content in files.items()
        ),
        source="es",
    )
