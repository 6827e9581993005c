"""Making the peer's environment; nothing is installed."""

import sys
from pathlib import Path

import pytest

from benches.line import BenchFailed
from benches.peer import environment
from benches.peer.environment import LOCK, make_environment, read_version


def test_the_peer_is_pinned() -> None:
    assert read_version("pipecat-ai", LOCK.read_text(encoding="utf-8")) == "1.14.0"
    with pytest.raises(ValueError, match="not in"):
        read_version("pipecat", "pipecat-ai[whisper]==1.14.0 \\\n    --hash=sha256:0\n")


def test_the_model_libraries_are_those_of_voxd() -> None:
    ours = (LOCK.parent / "dev.txt").read_text(encoding="utf-8")
    theirs = LOCK.read_text(encoding="utf-8")
    for package in ("faster-whisper", "ctranslate2", "onnxruntime", "piper-tts", "numpy"):
        assert read_version(package, theirs) == read_version(package, ours)


def test_an_environment_that_cannot_be_made_is_explained_by_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho no disk left\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(failing))
    with pytest.raises(BenchFailed, match=r"(?s)could not be made.*install\.log.*no disk left"):
        make_environment(LOCK, tmp_path / "kept")


def test_an_environment_is_made_once_and_again_when_the_lock_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def run(command: list[str], log: Path) -> None:
        if "venv" in command:
            made.append(Path(command[-1]))
            (made[-1] / "lib/python3.11/site-packages").mkdir(parents=True)

    monkeypatch.setattr(environment, "_run", run)
    lock = tmp_path / "lock.txt"
    lock.write_text("a==1")
    python = make_environment(lock, tmp_path)
    assert python == made[0] / "bin" / "python"
    assert (made[0] / "lib/python3.11/site-packages/llama_cpp/llama.py").is_file()
    assert make_environment(lock, tmp_path) == python
    assert len(made) == 1
    lock.write_text("a==2")
    assert make_environment(lock, tmp_path) != python
    assert len(made) == 2


def test_what_an_interrupted_run_left_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = []

    def run(command: list[str], log: Path) -> None:
        if "venv" in command:
            folder = Path(command[-1])
            left.append((folder / "half").exists())
            (folder / "half").touch()
            (folder / "lib/python3.11/site-packages").mkdir(parents=True)
            if len(left) == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(environment, "_run", run)
    with pytest.raises(KeyboardInterrupt):
        make_environment(LOCK, tmp_path)
    make_environment(LOCK, tmp_path)
    assert left == [False, False]
