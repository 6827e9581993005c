"""Hugging Face's hub on loopback, as huggingface_hub meets it; it can break off, lie and refuse.

A file is asked for at `/{repo}/resolve/{revision}/{path}`. A large one (LFS) is answered by a
redirect to another place, with its sha256 as `X-Linked-Etag`; a small one by a redirect within the
hub and git's own hash as `ETag`. Both name the revision's commit. The bytes can be had from any
point on (`Range`). The huggingface_hub library's source, release 2.4, is where this comes from;
nothing of it was recorded from the live hub.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class LoopbackHub:
    """What the hub has, what it shall do wrong, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    """`repo/path` -> content."""
    large: set[str] = field(default_factory=set)
    """Which of them are kept as LFS."""
    swapped: dict[str, bytes] = field(default_factory=dict)
    """`repo/path` -> what is sent in place of the content that the headers speak of."""
    break_after: list[int] = field(default_factory=list)
    """After so many bytes the connection ends: one answer each, in order."""
    failing: list[int] = field(default_factory=list)
    """HTTP statuses in place of content: one answer each, after the broken ones."""
    ignores_ranges: bool = False
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """(method, path, `Range` header)."""
    url: str = ""

    def add(self, name: str, content: bytes, *, large: bool) -> None:
        """Have a file; `name` is `repo/path`."""
        self.files[name] = content
        if large:
            self.large.add(name)

    def ranges(self) -> list[str]:
        """The `Range` headers with which content was asked for, in order."""
        return [span for method, path, span in self.asked if method == "GET" and "/bytes/" in path]


@contextmanager
def open_hub() -> Iterator[LoopbackHub]:
    """A hub on a free port until the block ends."""
    hub = LoopbackHub()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LoopbackHub

    def do_HEAD(self) -> None:
        self._answer(has_body=False)

    def do_GET(self) -> None:
        self._answer(has_body=True)

    def log_message(self, format: str, *args: Any) -> None:
        return

    def _answer(self, *, has_body: bool) -> None:
        self.hub.asked.append((self.command, self.path, self.headers.get("Range", "")))
        before, _, after = self.path.partition("/bytes/")
        if after and not before:
            return self._send_content(after, has_body)
        repo, found, rest = self.path.removeprefix("/").partition("/resolve/")
        name = f"{repo}/{rest.partition('/')[2]}"
        if not found or not any(known.startswith(f"{repo}/") for known in self.hub.files):
            return self._send(404, {"X-Error-Code": "RepoNotFound"})
        if name not in self.hub.files:
            return self._send(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        content = self.hub.files[name]
        headers = {"X-Repo-Commit": COMMIT, "Location": f"/bytes/{name}"}
        if name not in self.hub.large:
            return self._send(307, headers)
        sha256 = hashlib.sha256(content).hexdigest()
        linked = {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(content))}
        # Another host than the hub's own, as its content network is.
        elsewhere = self.hub.url.replace("127.0.0.1", "localhost")
        return self._send(302, {**headers, **linked, "Location": f"{elsewhere}/bytes/{name}"})

    def _send_content(self, name: str, has_body: bool) -> None:
        content = self.hub.swapped.get(name, self.hub.files[name])
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{git}"', "Accept-Ranges": "bytes"}
        if not has_body:
            return self._send(200, {**headers, "Content-Length": str(len(content))})
        if not self.hub.break_after and self.hub.failing:
            return self._send(self.hub.failing.pop(0), {})
        status, start = 200, 0
        span = self.headers.get("Range", "")
        if span and not self.hub.ignores_ranges:
            status, start = 206, int(span.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        rest = content[start:]
        self._send(status, {**headers, "Content-Length": str(len(rest))}, close=False)
        if self.hub.break_after:
            self.wfile.write(rest[: self.hub.break_after.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(rest)
        return None

    def _send(self, status: int, headers: dict[str, str], *, close: bool = True) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if close and "Content-Length" not in headers:
            self.send_header("Content-Length", "0")
        self.end_headers()
