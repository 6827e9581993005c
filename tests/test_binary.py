"""The single executable (scripts/build-binary) on a bare Debian, which has no Python: whole calls.

Real time, real models: what is asserted is order and counts, never how long something took.
"""

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benches.daemon import find_descendants
from tests.debian_root import DebianRoot, copy_root, make_root
from tests.servers.hub import open_hub
from voxd import __version__
from voxd.audio.g711 import decode_mulaw

pytestmark = [
    pytest.mark.weights,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes and enters another root"),
]

ROOT = Path(__file__).parent.parent
SPEECH = ROOT / "tests/samples/speech"
PROGRAM = "/srv/voxd/voxd"
QUESTIONS = ("help-you-today", "sea-shells")
MOST_BYTES = 250_000_000
AVX512 = re.compile(r"%zmm|%[xy]mm(1[6-9]|2\d|3[01])\b|%k[0-7]\b")
WAIT_S = 120.0
"""A busy machine takes its time to unpack and to load models."""


@pytest.fixture(scope="module")
def binary() -> Path:
    """The executable, as anybody builds it; nothing is done when it is up to date."""
    build = subprocess.Popen(
        [ROOT / "scripts/build-binary"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    make_root()  # meanwhile
    _, said = build.communicate()
    assert build.returncode == 0, said[-3000:]
    return ROOT / "dist/voxd"


@pytest.fixture(scope="module")
def machine(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianRoot]:
    """A bare Debian with the executable, models beside it, a config elsewhere, and questions."""
    models = [path for path in (ROOT / "models").iterdir() if path.is_dir()]
    binds = {path.resolve(): f"/srv/voxd/models/{path.name}" for path in models}
    root = copy_root(tmp_path_factory.mktemp("debian") / "root", binds)
    root.put(binary, PROGRAM)
    config = (ROOT / "config.toml").read_text(encoding="utf-8")
    for key, value in {"port": "0", "max_tokens": "12", "restart_max_s": "0.1"}.items():
        config, count = re.subn(rf"(?m)^{key} = \S+", f"{key} = {value}", config)
        assert count == 1, key
    config = config.replace('no_room = ["turns", "sentence"]', 'no_room = ["sentence"]')
    place = root.path / "etc/voxd/config.toml"
    place.parent.mkdir()
    place.write_text(config, encoding="utf-8")
    for name in QUESTIONS:
        write_wav(root.path / f"srv/{name}.wav", (SPEECH / f"{name}.ulaw").read_bytes())
    yield root
    shutil.rmtree(root.path)  # pytest would keep it, and it is a gigabyte


def write_wav(path: Path, mulaw: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(decode_mulaw(mulaw).astype("<i2").tobytes())


@dataclass
class Daemon:
    """The executable serving in the root."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    url: str = ""
    ready_s: float = 0.0
    """From its start until it answered calls."""

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def wait(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not is_so():
            assert self.process.poll() is None and time.monotonic() < deadline, self.said[-3000:]
            time.sleep(0.02)

    def has_address(self) -> bool:
        found = re.search(r"starts; (http://\S+)/health/ready", self.said)
        self.url = found[1] if found else ""
        return bool(found)

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/health", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def worker(self, kind: str) -> int | None:
        """The process id of a worker."""
        for pid in find_descendants(self.process.pid):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[1:3] == [b"worker", kind.encode()]:
                return pid
        return None


@pytest.fixture(scope="module")
def daemon(machine: DebianRoot) -> Iterator[Daemon]:
    with serving(machine) as running:
        yield running


@contextmanager
def serving(machine: DebianRoot) -> Iterator[Daemon]:
    """The executable as a daemon that answers calls, until the block ends."""
    began = time.monotonic()
    running = Daemon(machine.start(PROGRAM, "--config", "/etc/voxd/config.toml"))
    reader = threading.Thread(target=running.read)
    reader.start()
    try:
        running.wait(running.has_address)
        running.wait(lambda: "voxd answers calls" in running.said)
        running.ready_s = time.monotonic() - began
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        reader.join()
        assert running.process.stdout is not None
        running.process.stdout.close()


def call(daemon: Daemon, machine: DebianRoot) -> subprocess.Popen[str]:
    """A caller, from inside the same file, who asks two questions; returns when the call stands.

    On a machine that is busy the first may be refused, because audio could not be carried in time.
    """
    questions = [f"/srv/{name}.wav" for name in QUESTIONS]
    url = f"{daemon.url}/twilio/voice"
    while True:
        caller = machine.start(PROGRAM, "call", "--url", url, "--turn-timeout", "30", *questions)
        daemon.wait(functools.partial(stands_or_ended, daemon, caller))
        if caller.poll() is None:
            return caller
        said, _ = caller.communicate()
        assert "call refused" in daemon.said, said


def stands_or_ended(daemon: Daemon, caller: subprocess.Popen[str]) -> bool:
    return caller.poll() is not None or daemon.health()["calls"] == 1


def test_the_machine_has_no_python(machine: DebianRoot) -> None:
    assert not list((machine.path / "usr/bin").glob("python*"))
    assert not list((machine.path / "usr/lib").glob("python*"))


def test_nothing_is_built_again_while_nothing_changes(binary: Path) -> None:
    again = subprocess.run(
        [ROOT / "scripts/build-binary"], capture_output=True, text=True, check=True
    )
    assert f"{binary} is what the sources say: nothing to do" in again.stderr


def test_the_file_stays_small(binary: Path) -> None:
    size = binary.stat().st_size
    print(f"{size / 1e6:.0f} MB")
    assert size <= MOST_BYTES


def test_it_unpacks_itself_once_and_says_its_licence(machine: DebianRoot) -> None:
    first, second = (machine.run(PROGRAM, "--version") for _ in range(2))
    expected = f"voxd {__version__} (single executable, GPL-3.0-or-later)\n"
    assert (first.returncode, first.stdout) == (0, expected), first.stderr
    assert first.stderr == "voxd: unpacking to /var/cache/voxd, once: some seconds\n"
    assert (second.returncode, second.stdout, second.stderr) == (0, expected, "")


def test_it_names_and_carries_the_licence_of_every_part(machine: DebianRoot) -> None:
    notice = machine.run(PROGRAM, "--licences").stdout
    folder = machine.path / re.findall(r"full texts: /(\S+)", notice)[0]
    names = re.findall(r"(?m)^  (\S+) ", notice)
    assert {"voxd", "Python", "piper-tts", "ctranslate2", "libssl3", "soxr"} <= set(names)
    assert "av" not in names and not any("pytest" in name for name in names)
    without = [
        name
        for name in names
        if not any(text.name != "METADATA" for text in (folder / name).glob("*"))
    ]
    assert not without


def test_what_is_under_the_lgpl_can_be_exchanged(machine: DebianRoot) -> None:
    (bundle,) = (machine.path / "var/cache/voxd").glob("*/_internal")
    assert (bundle / "num2words/__init__.py").is_file() and (bundle / "soxr/__init__.py").is_file()


def test_it_needs_no_processor_with_avx512(machine: DebianRoot) -> None:
    """llama.cpp is compiled here, for one kind; of the others docs/single-file.md tells. Looked for
    are the wide registers, those that AVX2 has no number for, and the masks."""
    libraries = list((machine.path / "var/cache/voxd").glob("*/_internal/llama_cpp/lib/*.so*"))
    assert {path.name.split(".")[0] for path in libraries} >= {"libllama", "libggml-cpu"}
    for path in {library.resolve() for library in libraries}:
        code = subprocess.run(["objdump", "-d", path], capture_output=True, text=True, check=True)
        assert "%xmm" in code.stdout, path.name
        assert not AVX512.search(code.stdout), path.name


def test_it_judges_a_config_and_finds_the_models_beside_itself(machine: DebianRoot) -> None:
    done = machine.run(PROGRAM, "check", "--config", "/etc/voxd/config.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is good" in done.stdout


def test_without_a_config_it_has_its_own(machine: DebianRoot) -> None:
    done = machine.run(PROGRAM, "check")
    assert done.returncode == 0 and "config.toml is good" in done.stdout, done.stdout + done.stderr


def test_it_fetches_models_and_judges_them(machine: DebianRoot) -> None:
    folder = "rhasspy/piper-voices/es/es_ES/davefx/medium"
    with open_hub() as hub:
        for name in ("es_ES-davefx-medium.onnx", "es_ES-davefx-medium.onnx.json"):
            hub.add(f"{folder}/{name}", b"something else", large=False)
        order = ("fetch-models", "piper-davefx", "--models", "/srv/fetched")
        done = machine.run(PROGRAM, *order, HF_ENDPOINT=hub.url)
    assert done.returncode == 1
    assert "es_ES-davefx-medium.onnx is not the file of the list: removed" in done.stderr
    assert not list((machine.path / "srv/fetched/piper").iterdir())


def test_a_damaged_file_says_so(machine: DebianRoot) -> None:
    place = machine.path / "srv/damaged"
    shutil.copy2(machine.path / PROGRAM[1:], place)
    os.truncate(place, place.stat().st_size - 5_000_000)
    done = machine.run("/srv/damaged", "--version", VOXD_UNPACK_DIR="/srv/unpacked")
    assert done.returncode == 1 and not list((machine.path / "srv/unpacked").glob("*/voxd"))
    assert re.search(r"voxd: (unpacking .* failed|\S+ is damaged)", done.stderr)
    place.unlink()


def test_the_doctor_measures_what_the_machine_holds(machine: DebianRoot) -> None:
    """One caller is enough to see that calls ring in there; whether it is answered in time is the
    machine's affair. In a folder of its own, so that the daemon finds no database yet."""
    shipped = (machine.path / "etc/voxd/config.toml").read_text(encoding="utf-8")
    assert "\nmax_calls = 100 " in shipped
    place = machine.path / "srv/doctor/config.toml"
    place.parent.mkdir()
    place.write_text(shipped.replace("\nmax_calls = 100 ", "\nmax_calls = 1 ", 1), encoding="utf-8")
    order = ("doctor", "--json", "--config", "/srv/doctor/config.toml")
    done = machine.run(PROGRAM, *order, timeout_s=300)
    assert "Traceback" not in done.stderr, done.stderr
    findings = json.loads(done.stdout)["findings"]
    (found,) = (finding for finding in findings if finding["subject"] == "capacity")
    print(found["told"])
    assert found["figures"]["calls"] in (0, 1) and "not measured" not in found["told"], found


def test_a_whole_call_with_the_models_of_the_machine(daemon: Daemon, machine: DebianRoot) -> None:
    caller = call(daemon, machine)
    said, _ = caller.communicate(timeout=WAIT_S)
    assert caller.returncode == 0, said + daemon.said[-3000:]


def test_the_call_is_in_the_records(daemon: Daemon, machine: DebianRoot) -> None:
    """A database that it makes itself, by the migrations inside of it."""

    def records() -> list[dict[str, Any]]:
        order = ("history", "--json", "--config", "/etc/voxd/config.toml")
        found: list[dict[str, Any]] = json.loads(machine.run(PROGRAM, *order).stdout or "[]")
        return found

    daemon.wait(lambda: bool(records()))  # it is written from a queue, soon after the call
    assert records()[-1]["tier"] == "free"


def test_its_metrics_can_be_scraped(daemon: Daemon) -> None:
    with urllib.request.urlopen(f"{daemon.url}/metrics", timeout=10) as answer:
        assert b"\nvoxd_" in answer.read()


def test_workers_are_the_daemons_own_children(daemon: Daemon) -> None:
    """Nothing stands between: signals, the service manager and the parent's death reach them."""
    pids = [daemon.worker(kind) for kind in ("stt", "llm", "tts", "turn")]
    parents = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] for pid in pids]
    assert parents == [str(daemon.process.pid)] * 4


def test_where_no_authorities_are_known_it_brings_its_own(
    daemon: Daemon, machine: DebianRoot
) -> None:
    """Else no provider could be reached: a bare Debian has no certificates. What the daemon set for
    itself can be read where its workers got it from."""
    assert not list((machine.path / "etc/ssl/certs").glob("*"))
    pid = daemon.worker("stt")
    (file,) = re.findall(r"SSL_CERT_FILE=([^\0]+)", Path(f"/proc/{pid}/environ").read_text())
    assert "BEGIN CERTIFICATE" in (machine.path / file[1:]).read_text(encoding="utf-8")


def test_a_worker_killed_in_mid_call_costs_no_turn(daemon: Daemon, machine: DebianRoot) -> None:
    caller = call(daemon, machine)
    before = daemon.worker("llm")
    assert before
    os.kill(before, signal.SIGKILL)
    said, _ = caller.communicate(timeout=WAIT_S)
    assert caller.returncode == 0, said + daemon.said[-3000:]
    assert daemon.worker("llm") not in (None, before)


def test_the_doctor_knows_the_machine(daemon: Daemon, machine: DebianRoot) -> None:
    done = machine.run(PROGRAM, "doctor", "--quick", "--config", "/etc/voxd/config.toml")
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert done.stdout.count("as published") == 4, done.stdout


def test_workers_end_with_a_killed_daemon(daemon: Daemon) -> None:
    """Nothing of this daemon serves afterwards."""
    workers = list(find_descendants(daemon.process.pid))
    assert len(workers) == 4
    daemon.process.kill()
    daemon.process.wait()
    deadline = time.monotonic() + WAIT_S
    while any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_warm_start_renders_nothing_again(daemon: Daemon, machine: DebianRoot) -> None:
    """How long it takes is printed and not judged: docs/single-file.md has the figure."""
    daemon.process.kill()  # its start has rendered them; two at once would measure each other
    daemon.process.wait()
    starts = []
    for _ in range(3):
        with serving(machine) as again:
            starts.append(again.ready_s)
            assert "renders its phrases" not in again.said
    each = ", ".join(f"{seconds:.1f}" for seconds in starts)
    print(f"warm start: ready after {min(starts):.1f} s, best of three ({each})")
