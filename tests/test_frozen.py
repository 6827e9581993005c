"""The single executable's differences, without building one: tests/test_binary.py does that."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from voxd import frozen
from voxd.config import load_config
from voxd.engines.registry import settings_types

ROOT = Path(__file__).parent.parent


@pytest.fixture
def freeze(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Makes this process look like the executable `tmp_path`/bin/voxd; returns its bundle."""

    def freeze() -> Path:
        bundle = tmp_path / "unpacked/_internal"
        (bundle / "licences").mkdir(parents=True)
        (bundle / "licences/NOTICE").write_text("single executable, X-1.0\n\nparts\n")
        (bundle / "config.toml").write_bytes((ROOT / "config.toml").read_bytes())
        (tmp_path / "bin").mkdir()
        (tmp_path / "here").mkdir()
        monkeypatch.setattr(sys, "frozen", True, raising=False)
        monkeypatch.setattr(sys, "_MEIPASS", str(bundle), raising=False)
        monkeypatch.setenv(frozen.PROGRAM, str(tmp_path / "bin/voxd"))
        monkeypatch.chdir(tmp_path / "here")
        return bundle

    return freeze


def test_from_source_everything_is_as_ever(tmp_path: Path) -> None:
    assert not frozen.is_frozen()
    assert frozen.program_dir() is None and frozen.version_note() == ""
    assert frozen.models_dir() == Path("models")
    assert "scripts/fetch-models" in frozen.how_to_get_models()
    assert frozen.folder_of(tmp_path / "config.toml") == tmp_path.resolve()
    assert frozen.find(tmp_path / "model", Path("model")) == tmp_path / "model"
    assert "Apache License 2.0" in frozen.licences()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The service's config, where this machine may have one; it does not exist yet."""
    place = tmp_path / "etc/voxd/config.toml"
    monkeypatch.setattr(frozen, "INSTALLED_CONFIG", place)
    place.parent.mkdir(parents=True)
    return place


def test_from_source_the_config_is_this_folders_and_then_the_services(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert frozen.default_config() == Path("config.toml")  # which is told to be missing
    installed.touch()
    assert frozen.default_config() == installed
    (tmp_path / "config.toml").touch()
    assert frozen.default_config() == Path("config.toml")


def test_the_config_is_this_folders_then_that_beside_it_then_the_services_then_its_own(
    freeze: Callable[[], Path], installed: Path, tmp_path: Path
) -> None:
    bundle = freeze()
    assert frozen.default_config() == bundle / "config.toml"
    installed.touch()
    assert frozen.default_config() == installed
    beside = tmp_path / "bin/config.toml"
    beside.touch()
    assert frozen.default_config() == beside
    (tmp_path / "here/config.toml").touch()
    assert frozen.default_config() == Path("config.toml")


def test_nothing_is_written_to_where_it_was_unpacked(
    freeze: Callable[[], Path], tmp_path: Path
) -> None:
    config = load_config(freeze() / "config.toml", settings_types())
    assert config.resolve("var/speech") == (tmp_path / "here/var/speech").resolve()


def test_models_are_looked_for_by_the_config_and_then_beside_it(
    freeze: Callable[[], Path], tmp_path: Path
) -> None:
    freeze()
    file = tmp_path / "etc/config.toml"
    file.parent.mkdir()
    file.write_bytes((ROOT / "config.toml").read_bytes())
    config = load_config(file, settings_types())
    assert config.resolve("models/llm") == (tmp_path / "etc/models/llm").resolve()
    (tmp_path / "bin/models/llm").mkdir(parents=True)
    assert config.resolve("models/llm") == (tmp_path / "bin/models/llm").resolve()
    (tmp_path / "etc/models/llm").mkdir(parents=True)
    assert config.resolve("models/llm") == (tmp_path / "etc/models/llm").resolve()


def test_models_go_to_the_folder_that_versions_share(
    freeze: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = tmp_path / "releases/1"
    (release / "voxd").mkdir(parents=True)
    (release / "models").symlink_to("../../models")
    monkeypatch.setattr(frozen, "PACKAGE", release / "voxd")
    assert frozen.models_dir() == (tmp_path / "models").resolve()
    freeze()
    assert frozen.models_dir() == (tmp_path / "bin/models").resolve()
    (tmp_path / "bin/models").symlink_to("../models")
    assert frozen.models_dir() == (tmp_path / "models").resolve()
    assert "voxd fetch-models whisper-tiny.en" in frozen.how_to_get_models()


def test_it_says_its_licence(freeze: Callable[[], Path]) -> None:
    bundle = freeze()
    assert frozen.version_note() == " (single executable, X-1.0)"
    assert frozen.licences().startswith("single executable, X-1.0\n\nparts")
    assert frozen.licences().endswith(str(bundle / "licences"))
