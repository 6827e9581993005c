"""Rendered phrases: in memory for calls, on disk for the next start. Reads and writes files.

`get` and `put` touch memory only and never block, so that calls may use them on the event
loop. `load` and `save` also reach the disk, in a thread; the warm-up uses them for every stock
phrase. A disk that is full, read-only or gone costs the next start some seconds and a log line,
never a call. Rejected: reading the disk from `get`, because a hanging disk would stall all calls.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

MEMORY_BYTES = 16 * 1024 * 1024
"""Bound of the memory: 35 minutes of mu-law. The least recently used goes first."""
MAX_FILES = 512
"""Bound of the directory: phrases of some dozens of earlier configs; the oldest go."""

_VERSION = "1"
"""Part of every file's name: raise it when rendering changes, and old files are not found."""
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class SpeechKey:
    """What a rendering depends on."""

    text: str
    language: str
    """BCP-47 primary subtag."""
    engine: str
    """Name of the text-to-speech engine."""
    voice: str
    """The engine's own name of a voice; empty for its default."""


class SpeechCache:
    """Rendered phrases by key.

    Args:
        directory: where files lie; None keeps everything in memory only.
        fingerprints: per engine, text that changes when the engine would sound different
            (its settings, its voice file), so that a changed voice is rendered anew.
        memory_bytes: bound of the memory.
    """

    def __init__(
        self,
        directory: Path | None,
        fingerprints: Mapping[str, str] | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._directory = directory
        self._fingerprints = dict(fingerprints or {})
        self._memory_bytes = memory_bytes
        self._used_bytes = 0
        self._memory: OrderedDict[SpeechKey, bytes] = OrderedDict()
        self._told: set[str] = set()
        """What was said about the disk; once is enough."""

    def get(self, key: SpeechKey) -> bytes | None:
        """The mu-law 8 kHz of a phrase if it is in memory."""
        mulaw = self._memory.get(key)
        if mulaw is not None:
            self._memory.move_to_end(key)
        return mulaw

    def put(self, key: SpeechKey, mulaw: bytes) -> None:
        """Keep a rendering in memory; one larger than the whole memory is not kept."""
        if not mulaw or len(mulaw) > self._memory_bytes:
            return
        self._used_bytes += len(mulaw) - len(self._memory.pop(key, b""))
        self._memory[key] = mulaw
        while self._used_bytes > self._memory_bytes:
            _, oldest = self._memory.popitem(last=False)
            self._used_bytes -= len(oldest)

    async def load(self, key: SpeechKey) -> bytes | None:
        """As `get`, but looks on the disk as well and then keeps what it found in memory."""
        mulaw = self.get(key)
        if mulaw is None and self._directory is not None:
            mulaw = await asyncio.to_thread(self._read, self._directory, key)
            if mulaw is not None:
                self.put(key, mulaw)
        return mulaw

    async def save(self, key: SpeechKey, mulaw: bytes) -> None:
        """As `put`, and writes it to the disk; a disk that refuses is logged, not raised."""
        self.put(key, mulaw)
        if mulaw and self._directory is not None:
            await asyncio.to_thread(self._write, self._directory, key, mulaw)

    async def prune(self) -> None:
        """Remove the oldest files above `MAX_FILES`."""
        if self._directory is not None:
            await asyncio.to_thread(_prune, self._directory)

    def _path(self, directory: Path, key: SpeechKey) -> Path:
        fingerprint = self._fingerprints.get(key.engine, "")
        parts = (_VERSION, key.text, key.language, key.engine, key.voice, fingerprint)
        name = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return directory / f"{name}.mulaw"

    def _read(self, directory: Path, key: SpeechKey) -> bytes | None:
        """A file is its payload's sha256, then the payload: half a file is no file."""
        path = self._path(directory, key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._complain("speech cache cannot be read", directory, error)
            return None
        digest, mulaw = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if not mulaw or hashlib.sha256(mulaw).digest() != digest:
            logger.warning("speech cache file is damaged", extra={"file": path.name})
            return None
        return mulaw

    def _write(self, directory: Path, key: SpeechKey, mulaw: bytes) -> None:
        """Write beside and rename, so that a reader or a crash never meets half a file."""
        beside = ""
        try:
            directory.mkdir(parents=True, exist_ok=True)
            descriptor, beside = tempfile.mkstemp(dir=directory, suffix=".part")
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(mulaw).digest() + mulaw)
            os.replace(beside, self._path(directory, key))
        except OSError as error:
            self._complain("speech cache cannot be written", directory, error)
            if beside:
                with contextlib.suppress(OSError):
                    os.unlink(beside)

    def _complain(self, what: str, directory: Path, error: OSError) -> None:
        if what not in self._told:
            self._told.add(what)
            logger.warning(what, extra={"directory": str(directory), "error": error.strerror})


def _prune(directory: Path) -> None:
    try:
        files = [path for path in directory.iterdir() if path.suffix in (".mulaw", ".part")]
        files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[MAX_FILES:]:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        logger.warning("speech cache cannot be pruned", extra={"error": error.strerror})
