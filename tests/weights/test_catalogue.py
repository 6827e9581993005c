"""The list of models: what stands in it can be fetched, checked and set."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest

from voxd.config import parse_config
from voxd.engines.registry import settings_types
from voxd.weights.catalogue import HubModel, read_catalogue

ROOT = Path(__file__).parents[2]
MODELS = read_catalogue()
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)


@each_model
def test_every_file_has_its_hash(model: HubModel) -> None:
    assert model.files
    for file in model.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.name == Path(file.name).name


@each_model
def test_every_model_says_what_it_takes(model: HubModel) -> None:
    assert model.licence and model.expect and 0 < model.size_mb < model.ram_mb * 2
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", model.repo)
    assert re.fullmatch(r"[0-9a-f]{40}|main|v[\d.]+", model.revision)


@each_model
def test_what_is_to_be_set_is_a_config(model: HubModel) -> None:
    config = tomllib.loads((ROOT / "config.toml").read_text(encoding="utf-8"))
    for engine, own in tomllib.loads(model.config_lines("models"))["engines"].items():
        config["engines"][engine] |= own
    parse_config(config, settings_types(), base_dir=ROOT, source="config.toml")


def test_there_is_something_of_every_kind_for_both_languages() -> None:
    offered = {(model.kind, language) for model in MODELS.values() for language in model.languages}
    assert offered >= set(itertools.product(("stt", "llm", "tts"), ("en", "es")))


def test_what_voxd_comes_with_is_the_same_from_the_hub() -> None:
    manifest = tomllib.loads((ROOT / "models/manifest.toml").read_text(encoding="utf-8"))
    shipped = {
        file["path"]: file["sha256"] for model in manifest["model"] for file in model["file"]
    }
    both = {
        f"{model.folder}/{file.name}": file.sha256
        for model in MODELS.values()
        for file in model.files
        if f"{model.folder}/{file.name}" in shipped
    }
    assert len(both) == 7
    assert both.items() <= shipped.items()


def test_no_two_models_share_a_path() -> None:
    assert len({model.path for model in MODELS.values()}) == len(MODELS)


@each_model
def test_the_page_of_models_names_it(model: HubModel) -> None:
    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    assert f"| `{model.name}` |" in page
