"""The virtual environment of the peer: made once from `locks/peer.txt`, kept under var/. I/O.

llama-cpp-python is not installed but linked from voxd's own environment: compiling it takes
minutes, and both sides shall run the same machine code.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benches.daemon import ROOT
from benches.line import BenchFailed

LOCK = ROOT / "locks" / "peer.txt"
KEPT = ROOT / "var" / "peer"
"""Where environments are kept; git ignores it."""
LOG_TAIL_LINES = 12
IMPORTS = "pipecat, faster_whisper, piper, fastapi, uvicorn, llama_cpp.server.app"
"""What must be there in the end; all of it is imported once as a proof."""


def read_version(package: str, lock: str) -> str:
    """The version of a package in the text of a lock.

    Raises:
        ValueError: it is not in there.
    """
    for line in lock.splitlines():
        name, _, rest = line.partition("==")
        if name.partition("[")[0] == package:
            return rest.split()[0]
    raise ValueError(f"{package} is not in {LOCK}")


def make_environment(lock: Path = LOCK, kept: Path = KEPT) -> Path:
    """The Python of an environment with everything in the lock, made now if it is not there.

    Raises:
        BenchFailed: it could not be made; the message holds the end of the log.
    """
    wanted = lock.read_bytes() + sys.version.encode() + str(_find_llama()).encode()
    folder = kept / hashlib.sha256(wanted).hexdigest()[:16]
    python, complete = folder / "bin" / "python", folder / "complete"
    if complete.is_file():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"Making the peer's environment in {folder} (some minutes) …", file=sys.stderr)
    log = folder / "install.log"
    _run([sys.executable, "-m", "venv", str(folder)], log)
    _run(
        [str(python), "-m", "pip", "install", "--require-hashes", "--no-deps", "-r", str(lock)],
        log,
    )
    _link_llama(folder)
    _run([str(python), "-c", f"import {IMPORTS}"], log)
    complete.touch()
    return python


def _run(command: list[str], log: Path) -> None:
    quiet = {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    with log.open("ab") as output:
        code = subprocess.run(
            command, cwd=ROOT, stdout=output, stderr=output, env={**os.environ, **quiet}
        ).returncode
    if code != 0:
        lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        told = "\n".join([f"the peer's environment could not be made; the end of {log}:", *lines])
        raise BenchFailed(told)


def _find_llama() -> Path:
    """The folder of voxd's own llama_cpp package."""
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        raise BenchFailed("llama-cpp-python is not installed: ./scripts/run installs it")
    return Path(spec.origin).parent


def _link_llama(folder: Path) -> None:
    [packages] = folder.glob("lib/python3*/site-packages")
    llama = _find_llama()
    for found in (llama, *llama.parent.glob("llama_cpp_python-*.dist-info")):
        (packages / found.name).symlink_to(found)
