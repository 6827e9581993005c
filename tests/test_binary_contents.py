"""binary/voxd.spec and binary/contents.py: what is asked of PyInstaller, with Piper and without.

PyInstaller itself is not run, a build takes minutes: its names in the recipe are noted down. What
a build with Piper then holds, tests/test_binary.py shows.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
HOOKS = "PyInstaller.utils.hooks"


@dataclass
class Analysis:
    """Stands for PyInstaller's: keeps what it was asked for, and finds nothing."""

    scripts: list[str]
    asked: dict[str, Any]
    pure: list[tuple[str, str, str]] = field(default_factory=list)
    binaries: list[tuple[str, str, str]] = field(default_factory=list)
    datas: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Recipe:
    """What the spec asked for."""

    analysis: Analysis
    notice: str

    @property
    def modules(self) -> list[str]:
        return list(self.analysis.asked["hiddenimports"])

    @property
    def excluded(self) -> list[str]:
        return list(self.analysis.asked["excludes"])

    @property
    def files(self) -> list[str]:
        return [name for name, _ in self.analysis.asked["datas"]]


def read_recipe(arguments: list[str], work: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Execute the spec as `pyinstaller voxd.spec -- ARGUMENTS` does."""
    made: list[Analysis] = []

    def analyse(scripts: list[str], **asked: Any) -> Analysis:
        made.append(Analysis(scripts, asked))
        return made[0]

    # They would import every package, in a process of its own each.
    monkeypatch.setattr(f"{HOOKS}.collect_submodules", lambda package: [package])
    monkeypatch.setattr(f"{HOOKS}.collect_data_files", lambda package, **_: [(package, package)])
    monkeypatch.setattr(f"{HOOKS}.collect_dynamic_libs", lambda package: [(package, package)])
    monkeypatch.setattr(f"{HOOKS}.copy_metadata", lambda package: [(package, package)])
    monkeypatch.setattr(sys, "argv", ["voxd.spec", *arguments])
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = ROOT / "binary/voxd.spec"
    names = {
        **{"SPECPATH": str(spec.parent), "workpath": str(work), "Analysis": analyse},
        **{name: lambda *_, **__: None for name in ("PYZ", "EXE", "COLLECT")},
    }
    try:
        exec(compile(spec.read_text(encoding="utf-8"), spec, "exec"), names)
    finally:
        for module in ("contents", "licences"):  # imported from beside the spec, under these names
            sys.modules.pop(module, None)
    return Recipe(made[0], (work / "licences/NOTICE").read_text(encoding="utf-8"))


def test_without_piper_nothing_of_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = read_recipe(["--without-piper"], tmp_path, monkeypatch)
    assert "piper" in recipe.excluded
    assert not [name for name in (*recipe.modules, *recipe.files) if "piper" in name]
    assert recipe.notice.startswith("single executable, Apache-2.0\n")


def test_with_piper_all_of_it_is_asked_for_but_what_is_only_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = read_recipe([], tmp_path, monkeypatch)
    assert "piper" in recipe.modules and "piper" in recipe.files
    assert "piper" not in recipe.excluded and "piper.train" in recipe.excluded
    assert recipe.notice.startswith("single executable, GPL-3.0-or-later\n")


@pytest.mark.parametrize("arguments", [[], ["--without-piper"]], ids=["with", "without"])
def test_all_else_is_the_same(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = read_recipe(arguments, tmp_path, monkeypatch)
    assert {"voxd", "faster_whisper", "llama_cpp", "onnxruntime"} <= set(recipe.modules)
    assert {"av", "readline", "pytest"} <= set(recipe.excluded)
    assert str(ROOT / "config.toml") in recipe.files
