"""A worker without a model that does on request what models do at night.

Run as `python -m tests.engines.local.misbehaving_worker FD`.
"""

import os
import signal
import struct
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voxd.engines.local.serving import Emit, IsCancelled, OneAtATime, RequestError
from voxd.engines.local.worker import serve_socket
from voxd.errors import Category, ModelError

FD = int(sys.argv[1])


class MisbehavingWorker:
    """One request after the other."""

    def load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        match options.get("start"):
            case "exit":
                os._exit(3)
            case "hang":
                time.sleep(600)
            case "bad_weights":
                raise ModelError("the weights are damaged")
            case "bug":
                raise RuntimeError("no such library")
        return {
            "oom_score_adj": int(Path("/proc/self/oom_score_adj").read_text()),
            "threads": os.environ.get("OMP_NUM_THREADS", ""),
        }

    def run(
        self,
        op: str,
        params: Mapping[str, Any],
        payload: bytes,
        emit: Emit,
        is_cancelled: IsCancelled,
    ) -> dict[str, Any]:
        match op:
            case "echo":
                emit(params, payload)
            case "once":  # misbehaves in `how` the first time, is good the second time
                if not Path(params["marker"]).exists():
                    Path(params["marker"]).touch()
                    self.misbehave(params["how"])
            case "misbehave":
                self.misbehave(params["how"])
            case "partial_then_die":
                emit({"text": "half"}, b"")
                os.kill(os.getpid(), signal.SIGKILL)
            case "until_cancelled":
                emit({}, b"")
                while not is_cancelled():
                    time.sleep(0.005)
            case "flood":
                for _ in range(params["frames"]):
                    emit({}, bytes(65536))
            case "refuse":
                raise RequestError(Category.BAD_REQUEST, "not like this")
            case "bug":
                raise ZeroDivisionError
        return {"pid": os.getpid()}

    def misbehave(self, how: str) -> None:
        match how:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "exit":
                os._exit(1)
            case "garbage":
                os.write(FD, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                time.sleep(600)
            case "huge_frame":
                os.write(FD, struct.pack(">II", 10, 2**31))
                time.sleep(600)
            case "stuck":  # alive, but never done
                time.sleep(600)
            case "stderr":
                sys.stderr.write("x" * 100_000 + "\nshort line\n")
                sys.stderr.flush()
                time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(serve_socket(lambda: OneAtATime(MisbehavingWorker()), FD))
