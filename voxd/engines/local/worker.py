"""The child's side of a model worker: its process, its threads, its manners. Blocking I/O.

Called by the hidden command `voxd worker KIND --fd N`, which the daemon's supervisor execs with
one end of a socketpair as file descriptor N. Three threads, each with one job::

    reader     socket -> Inbox (bounded; when it is full the socket fills up instead)
    heartbeat  says every `heartbeat_s` that the process is alive, also while it computes
    main       loads the model, then computes: `Worker.serve(inbox, send)`

A worker ends when its socket closes, and with its parent (PDEATHSIG). It ignores SIGINT and SIGHUP,
because Ctrl-C or a closed terminal reaches the whole process group and the daemon decides when its
workers go. The model's libraries read OMP_NUM_THREADS and friends when they are imported, so the
supervisor sets those in the environment of the new process. What a worker has to be is in
`serving`.
"""

import ctypes
import gc
import importlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from voxd.engines.local.protocol import (
    Frame,
    FrameDecoder,
    MessageType,
    ProtocolError,
    encode_frame,
)
from voxd.engines.local.serving import (
    LOAD,
    MODEL,
    Inbox,
    InboxClosed,
    OneAtATime,
    Send,
    Worker,
    failed,
)
from voxd.errors import ModelError

log = logging.getLogger(__name__)

WORKERS = {
    "stt": ("voxd.engines.local.whisper_worker", "WhisperWorker"),
    "llm": ("voxd.engines.local.llama_worker", "LlamaWorker"),
    "tts": ("voxd.engines.local.piper_worker", "PiperWorker"),
    "turn": ("voxd.engines.local.smart_turn_worker", "SmartTurnWorker"),
}
"""Kind -> (module, class with no arguments)."""

OOM_SCORE_ADJ = 500
"""Out of 1000: when memory runs out, the kernel ends a worker before the daemon."""
NICENESS = 19
"""Computing takes every core it finds for tens of milliseconds at a time; the daemon, which carries
the audio of all calls and takes few, must not wait for that. The most there is: with 50 calls on
one core the daemon was ready to run without a core for 3 % of the time at 10, and for 1 % at 19."""
LUXURIES = frozenset(("turn",))
"""Kinds that compute only with processor time that nobody else wants: their results are awaited for
a moment and can be done without, while even a nice process can make the daemon wait."""
CLOSE_GRACE_S = 1.0
"""A worker that still computes this long after its socket closed ends at once."""
PR_SET_PDEATHSIG = 1


def build_worker(kind: str) -> Worker:
    """The worker of a kind; imports its module, but no model library yet."""
    module, name = WORKERS[kind]
    worker: Any = getattr(importlib.import_module(module), name)()
    return worker if hasattr(worker, "serve") else OneAtATime(worker)


def run_worker(kind: str, fd: int) -> int:
    """Be the worker of a kind (a key of `WORKERS`) on this socket; returns the exit status."""
    return serve_socket(lambda: build_worker(kind), fd, is_luxury=kind in LUXURIES)


def serve_socket(build: Callable[[], Worker], fd: int, *, is_luxury: bool = False) -> int:
    """Be a worker on this socket until it closes.

    Args:
        build: makes the worker; called after the process is tied to its parent.
        fd: one end of a socketpair whose other end the daemon holds.
        is_luxury: see `LUXURIES`.

    Returns:
        The exit status: 0 after the socket closed, 1 when the model did not load.
    """
    connection = socket.socket(fileno=fd)
    _tie_to_parent(connection)
    _set_manners()
    lock = threading.Lock()

    def send(frame: Frame) -> None:
        encoded = encode_frame(frame)
        try:
            with lock:
                connection.sendall(encoded)
        except OSError as error:
            raise InboxClosed("the daemon closed the socket") from error

    inbox, stop = Inbox(), threading.Event()
    threading.Thread(
        target=_read, args=(connection, inbox, stop), name="reader", daemon=True
    ).start()
    try:
        first = inbox.get()
        if first.fields.get("op") != LOAD:
            raise ProtocolError("the first frame must say what to load")
        params = first.fields["params"]
        threading.Thread(
            target=_beat, args=(params["heartbeat_s"], send), name="heartbeat", daemon=True
        ).start()
        try:
            worker = build()
            info = worker.load(params["options"])
        except ModelError as error:
            send(failed(-1, MODEL, str(error)))
            return 1
        except Exception as error:  # the named border: loading is a worker's first request
            send(failed(-1, MODEL, describe_failure(params["options"], error)))
            return 1
        # Libraries and model stay: the collector need not go through them while somebody waits.
        gc.freeze()
        gc.enable()  # off since the process began, see `voxd.quickly`
        send(Frame(MessageType.READY, {"info": {"pid": os.getpid(), **info}}))
        if is_luxury and hasattr(os, "SCHED_IDLE"):  # this thread alone: the heart goes on beating
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        worker.serve(inbox, send)
    except InboxClosed:
        return 0
    finally:
        stop.set()
    return 0


def describe_failure(options: Mapping[str, Any], error: Exception) -> str:
    """One sentence for a model that its library cannot load: which file, and what it said."""
    path = options.get("model") or options.get("voice") or "the model"
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return f"{path} is damaged or of the wrong kind ({reason[:200]})"


def _read(connection: socket.socket, inbox: Inbox, stop: threading.Event) -> None:
    """Feed the inbox until the socket ends; then the process ends, computing or not."""
    decoder = FrameDecoder()
    try:
        while chunk := connection.recv(65536):
            for frame in decoder.feed(chunk):
                inbox.put(frame)
    except (OSError, ProtocolError) as error:
        log.error("socket failed: %s", type(error).__name__)
    inbox.close()
    if not stop.wait(CLOSE_GRACE_S):
        os._exit(0)


def _beat(heartbeat_s: float, send: Send) -> None:
    pause = threading.Event()
    try:
        while True:
            send(Frame(MessageType.HEARTBEAT))
            pause.wait(heartbeat_s)
    except InboxClosed:
        return


def _tie_to_parent(connection: socket.socket) -> None:
    """End with the daemon, whatever ends it (Linux; elsewhere the closing socket must do)."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The daemon may have died before prctl: the socket's creator must still be our parent.
    creator = int.from_bytes(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), sys.byteorder
    )
    if os.getppid() != creator:
        os._exit(0)


def _set_manners() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE_ADJ), encoding="ascii")
    except OSError:
        log.info("oom_score_adj cannot be set")
