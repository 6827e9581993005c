"""Workers with the shipped weights in this process, and one without a model in its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import onnxruntime
import pytest

from tests.engines.local.workers import LOCAL, add
from voxd.engines.local.compute import WorkerHandle, open_compute
from voxd.engines.local.piper_worker import PiperWorker
from voxd.engines.local.whisper_worker import WhisperWorker

MODELS = Path(__file__).parents[3] / "models"


@pytest.fixture(scope="session")
def whisper() -> WhisperWorker:
    worker = WhisperWorker()
    worker.load(
        {
            "model": str(MODELS / "faster-whisper-tiny.en"),
            "languages": ["en"],
            "device": "cpu",
            "compute_type": "int8",
            "threads": 1,
            "min_window_s": 10.0,
        }
    )
    return worker


@pytest.fixture(scope="session")
def piper() -> PiperWorker:
    onnxruntime.set_seed(1)  # its breath is chance: the same each time, or a word is misheard
    worker = PiperWorker()
    worker.load(
        {"voice": str(MODELS / "piper/en_US-joe-medium.onnx"), "device": "cpu", "threads": 1}
    )
    return worker


@pytest.fixture
async def handle() -> AsyncIterator[WorkerHandle]:
    """A worker without a model that is ready."""
    async with open_compute(LOCAL) as compute:
        handle = add(compute)
        await handle.ready()
        yield handle
