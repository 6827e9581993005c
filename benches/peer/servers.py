"""The peer's processes for the length of a bench: agents, and their language model. I/O.

Each is started, waited for until it answers, and ended by its pid.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benches.daemon import ROOT, find_free_port
from benches.line import BenchFailed
from benches.peer.setup import AgentSetup

READY_S = 180.0
"""Importing pipecat and loading the models, on a slow machine."""
STOP_S = 10.0
"""After SIGTERM; then SIGKILL."""
LOG_TAIL_LINES = 15
LLM_CONTEXT_TOKENS = 4096
"""As much as a call of the bench can need: the server has no way to forget."""

# The machine's proxy has no part in a request to loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def run_llm(python: Path, directory: Path, model: str) -> Iterator[str]:
    """llama-cpp-python's own OpenAI-compatible server; yields its base URL.

    Set as shipped but for two things: room for a whole call, and logits of the last token only
    (`logits_all` would slow down every prompt, and nobody asks for them).
    """
    port = find_free_port()
    config = directory / "llm.json"
    models = [{"model": model, "n_ctx": LLM_CONTEXT_TOKENS, "logits_all": False, "verbose": False}]
    config.write_text(json.dumps({"host": "127.0.0.1", "port": port, "models": models}))
    command = [str(python), "-m", "llama_cpp.server", "--config_file", str(config)]
    base_url = f"http://127.0.0.1:{port}/v1"
    with _running("the language model", command, f"{base_url}/models", directory / "llm.log"):
        yield base_url


@contextmanager
def run_agent(python: Path, directory: Path, setup: AgentSetup) -> Iterator[str]:
    """One pipecat agent; yields the URL of its voice webhook."""
    file = directory / f"{setup.tuning}.json"
    file.write_text(setup.encode(), encoding="utf-8")
    base_url = f"http://127.0.0.1:{setup.port}"
    command = [str(python), "-m", "benches.peer.agent", str(file)]
    log = directory / f"{setup.tuning}.log"
    with _running(f"pipecat ({setup.tuning})", command, f"{base_url}/ready", log):
        yield f"{base_url}/twilio/voice"


@contextmanager
def _running(what: str, command: Sequence[str], ready_url: str, log: Path) -> Iterator[None]:
    ours = {
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        # All weights are files: a download would be a mistake in the wiring.
        "HF_HUB_OFFLINE": "1",
        # pipecat logs every step of a turn unless told otherwise; a deployment would not.
        "LOGURU_LEVEL": "INFO",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ours},
        )
    try:
        _wait_until_ready(what, process, ready_url, log)
        yield
    finally:
        _stop(process)


def _wait_until_ready(what: str, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    began = time.monotonic()
    while (elapsed_s := time.monotonic() - began) < READY_S:
        if process.poll() is not None:
            raise BenchFailed(_explain(f"{what} ended with {process.returncode}", log))
        try:
            _OPENER.open(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
            continue
        print(f"{what} is ready after {elapsed_s:.1f} s, its log is {log}", file=sys.stderr)
        return
    raise BenchFailed(_explain(f"{what} was not ready after {READY_S:.0f} s", log))


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _explain(what: str, log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n".join([f"{what}; the end of {log}:", *lines])
