"""A worker process ends with its daemon and its socket, and loads nothing unasked."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.engines.local.workers import COMMAND
from voxd.engines.local.protocol import Frame, FrameDecoder, MessageType, encode_frame
from voxd.engines.local.serving import OneAtATime
from voxd.engines.local.worker import WORKERS, build_worker, describe_failure

DAEMON = """
import asyncio, sys
from tests.engines.local.workers import LOCAL, add
from voxd.engines.local.compute import open_compute

async def main():
    async with open_compute(LOCAL) as compute:
        handle = add(compute)
        await handle.ready()
        print(handle.status().detail["pid"], flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_a_worker_ends_with_a_daemon_that_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        worker = int(daemon.stdout.readline())
        pidfd = os.pidfd_open(worker)
        os.kill(worker, signal.SIGSTOP)  # it cannot notice the closing socket
        daemon.kill()
    with contextlib.closing(os.fdopen(pidfd)):
        readable = asyncio.run(_ended(pidfd))
    assert readable


async def _ended(pidfd: int) -> bool:
    """Whether a process ends within some seconds."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(pidfd, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), 20)
    finally:
        asyncio.get_running_loop().remove_reader(pidfd)
    return True


def test_every_kind_has_its_worker() -> None:
    for kind in WORKERS:
        worker = build_worker(kind)
        assert hasattr(worker, "load") and hasattr(worker, "serve")
    assert isinstance(build_worker("stt"), OneAtATime)


@pytest.mark.parametrize("first", [b"", encode_frame(Frame(MessageType.REQUEST, {"id": 1}))])
def test_a_worker_ends_when_its_socket_closes_or_speaks_out_of_turn(first: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen([*COMMAND, str(theirs.fileno())], pass_fds=[theirs.fileno()])
        theirs.close()
        ours.sendall(first)
        ours.shutdown(socket.SHUT_WR)
        assert process.wait(30) in (0, 1)


def test_a_worker_beats_while_it_loads() -> None:
    ours, theirs = socket.socketpair()
    params = {"options": {"start": "hang"}, "heartbeat_s": 0.01}
    with ours, theirs:
        process = subprocess.Popen([*COMMAND, str(theirs.fileno())], pass_fds=[theirs.fileno()])
        theirs.close()
        ours.sendall(encode_frame(Frame(MessageType.NOTIFY, {"op": "load", "params": params})))
        decoder, beats = FrameDecoder(), 0
        while beats < 3:
            for frame in decoder.feed(ours.recv(4096)):
                assert frame.type is MessageType.HEARTBEAT
                beats += 1
        ours.close()
        assert process.wait(30) == 0


def test_a_model_that_its_library_refuses_is_named_in_one_short_line() -> None:
    error = RuntimeError("invalid payload size\nand much more\n" * 50)
    sentence = describe_failure({"model": "/models/whisper", "threads": 1}, error)
    assert sentence == "/models/whisper is damaged or of the wrong kind (invalid payload size)"
    assert "/v.onnx is damaged" in describe_failure({"voice": "/v.onnx"}, ValueError())
