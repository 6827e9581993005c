from pathlib import Path

import pytest

from tests.doctor.configs import SHIPPED, derived
from voxd.config import Config
from voxd.doctor.finding import Verdict
from voxd.doctor.weights import check_weights, find_manifest, read_manifest

MODELS = SHIPPED.parent / "models"


async def verdicts(config: Config) -> dict[str, tuple[Verdict, str]]:
    return {found.subject: (found.verdict, found.told) async for found in check_weights(config)}


@pytest.mark.weights
async def test_the_shipped_models_are_as_published() -> None:
    found = await verdicts(derived(SHIPPED.parent))
    assert set(found) == {"faster-whisper", "llamacpp", "piper", "smart-turn"}
    for verdict, told in found.values():
        assert verdict is Verdict.GOOD and "as published" in told


async def test_missing_damaged_and_own_models_are_told_apart(tmp_path: Path) -> None:
    published = {file.path: file for file in read_manifest(MODELS / "manifest.toml")}
    turn = tmp_path / "smart-turn" / "smart-turn-v3.2-cpu.onnx"
    own = tmp_path / "llm" / "mine.gguf"
    for path in (turn, own):
        path.parent.mkdir(parents=True)
    # Of the right size, as a file is that was damaged on the disk.
    turn.write_bytes(bytes(published["smart-turn/smart-turn-v3.2-cpu.onnx"].bytes))
    own.write_bytes(b"GGUF")
    config = derived(
        tmp_path,
        **{
            "engines__smart-turn__model": str(turn),
            "engines__llamacpp__model": str(own),
            "engines__piper__voice": str(tmp_path / "none.onnx"),
        },
    )
    found = await verdicts(config)
    assert found["smart-turn"][0] is Verdict.BAD and "damaged" in found["smart-turn"][1]
    assert found["llamacpp"][0] is Verdict.GOOD and "of your own" in found["llamacpp"][1]
    assert found["piper"][0] is Verdict.BAD and "missing" in found["piper"][1]


def test_without_a_manifest_beside_the_models_that_of_the_checkout_counts(tmp_path: Path) -> None:
    assert find_manifest(derived(tmp_path)) == MODELS / "manifest.toml"


async def test_a_model_that_can_be_had_by_name_is_not_of_somebodys_own(tmp_path: Path) -> None:
    voice = tmp_path / "piper" / "es_ES-davefx-medium.onnx"
    voice.parent.mkdir()
    voice.write_bytes(b"torn")
    config = derived(tmp_path, **{"engines__piper__voice": str(voice)})
    found = {each.subject: each async for each in check_weights(config)}
    assert found["piper"].verdict is Verdict.BAD and "damaged" in found["piper"].told
    assert "fetch-models piper-davefx --verify" in found["piper"].advice
