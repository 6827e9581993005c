"""binary/header.sh, the first lines of the single executable, before a tiny program of its own."""

import io
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
HEADER = ROOT / "binary/header.sh"
SAY = '#!/bin/sh\necho "$VOXD_PROGRAM" "$0" "$@"\n'


@dataclass
class Packed:
    """A packed file and where it may unpack to."""

    path: Path
    home: Path

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.path, *arguments], **self._settings(environ), check=False)

    def start(self, **environ: str) -> subprocess.Popen[str]:
        settings = self._settings(environ)
        settings.pop("capture_output")
        return subprocess.Popen(
            [self.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings
        )

    def _settings(self, environ: dict[str, str]) -> dict[str, Any]:
        ours = {"PATH": os.environ["PATH"], "VOXD_UNPACK_DIR": str(self.home)}
        return {"capture_output": True, "text": True, "env": {**ours, **environ}}

    def unpacked(self) -> list[str]:
        return sorted(path.name for path in self.home.iterdir())


def pack(path: Path, home: Path, id_: str = "0123456789abcdef", program: str = SAY) -> Packed:
    """What scripts/build-binary does, with another program."""
    text = HEADER.read_text(encoding="utf-8")
    lines = text.count("\n") + 1
    for key, value in {"ID": id_, "LINES": str(lines), "SIZE": "1", "NEEDS": ""}.items():
        text = text.replace(f"@{key}@", value)
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        info = tarfile.TarInfo("voxd")
        info.mode, info.size = 0o755, len(program)
        archive.addfile(info, io.BytesIO(program.encode()))
    path.write_bytes(text.encode() + body.getvalue())
    path.chmod(0o755)
    return Packed(path, home)


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    return pack(tmp_path / "voxd", tmp_path / "home")


def test_it_unpacks_once_and_runs_what_it_unpacked(packed: Packed) -> None:
    first, second = packed.run("check", "a b"), packed.run()
    program = packed.home / "0123456789abcdef/voxd"
    assert (first.returncode, first.stdout) == (0, f"{packed.path} {program} check a b\n")
    assert first.stderr == f"voxd: unpacking to {packed.home}, once: some seconds\n"
    assert (second.returncode, second.stderr) == (0, "")
    assert packed.unpacked() == ["0123456789abcdef"]


def test_it_becomes_the_program(tmp_path: Path) -> None:
    """No process stands between whoever starts it and the program: same id, same signals."""
    packed = pack(tmp_path / "voxd", tmp_path / "home", program="#!/bin/sh\necho $$\n")
    process = packed.start()
    said, _ = process.communicate(timeout=30)
    assert said == f"{process.pid}\n"


def test_through_a_link_it_still_knows_where_it_lies(packed: Packed, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere/link"
    link.parent.mkdir()
    link.symlink_to(packed.path)
    done = Packed(link, packed.home).run()
    assert done.stdout.startswith(f"{packed.path} ")


def test_many_first_starts_at_once_all_run(packed: Packed) -> None:
    starts = [packed.start() for _ in range(8)]
    for start in starts:
        said, complaint = start.communicate(timeout=60)
        assert start.returncode == 0 and said.startswith(str(packed.path)), complaint
    assert packed.unpacked() == ["0123456789abcdef"]


def test_a_later_version_removes_the_earlier_but_not_from_under_who_runs(
    packed: Packed, tmp_path: Path
) -> None:
    waits = pack(packed.path, packed.home, "aaaaaaaaaaaaaaaa", "#!/bin/sh\necho up\nread _\n")
    settings = waits._settings({})
    settings.pop("capture_output")
    running = subprocess.Popen(
        [waits.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **settings
    )
    assert running.stdin and running.stdout
    assert running.stdout.readline() == "up\n"
    later = tmp_path / "later"
    pack(later, packed.home, "bbbbbbbbbbbbbbbb").run()
    assert packed.unpacked() == ["aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"]
    running.communicate("go on\n", timeout=30)
    pack(later, packed.home, "cccccccccccccccc").run()
    assert packed.unpacked() == ["cccccccccccccccc"]


@pytest.mark.parametrize("missing", [1, 40])
def test_a_damaged_file_leaves_nothing_behind(packed: Packed, missing: int) -> None:
    content = packed.path.read_bytes()
    packed.path.write_bytes(content[:-missing])
    done = packed.run()
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("voxd: ")
    assert packed.unpacked() == []


def test_a_place_that_cannot_be_written_is_one_sentence(packed: Packed, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = packed.run(VOXD_UNPACK_DIR=str(tmp_path / "file/below"))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("set VOXD_UNPACK_DIR to another folder")


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"CACHE_DIRECTORY": "/a:/b", "STATE_DIRECTORY": "/s"}, "/a/program"),
        ({"STATE_DIRECTORY": "/s"}, "/s/program"),
    ],
)
def test_a_service_unpacks_to_its_own_folder(
    packed: Packed, tmp_path: Path, environ: dict[str, str], place: str
) -> None:
    below = {key: value.replace("/", f"{tmp_path}/") for key, value in environ.items()}
    done = packed.run(VOXD_UNPACK_DIR="", **below)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / place[1:] / "0123456789abcdef/voxd").exists()


def test_a_processor_without_what_it_needs_is_told(packed: Packed) -> None:
    text = packed.path.read_bytes().replace(b"\nneeds=\n", b"\nneeds=avx9999\n", 1)
    packed.path.write_bytes(text)
    done = packed.run()
    assert done.returncode == 0
    assert "this processor has no avx9999: the language model on this machine" in done.stderr
