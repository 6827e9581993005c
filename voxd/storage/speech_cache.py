"""Rendered speech: in memory for calls, phrases on disk for the next start. Reads, writes files.

`get` and `put` touch memory only and never block, so that calls may use them on the event
loop. What calls `put` is a guess at what will be said again, and goes when room is needed: above
all sentences of replies, which never reach the disk, because what an agent told a caller is
nobody else's business. `load` and `save` also reach the disk, in a thread; the warm-up uses them
for every stock phrase, and those stay in memory as long as the daemon runs. A disk that is full,
read-only or gone costs the next start some seconds and a log line, never a call. Rejected: reading
the disk from `get`, because a hanging disk would stall all calls.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import tempfile
from collections import OrderedDict
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

MEMORY_BYTES = 16 * 1024 * 1024
"""Bound of what calls put: 35 minutes of mu-law. The least recently used goes first. Phrases that
were loaded or saved are not counted: they are as many as the config has."""
MAX_FILES = 512
"""Bound of what lies in the directory unused: phrases of some dozens of earlier configs; the oldest
go. Those in use stay however many they are: some were paid for."""

_VERSION = "2 mulaw/8000"
"""Part of every file's name: raise it when rendering or format change: old files are not found."""
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
    delivery: str = ""
    """How it is said (emotion, speed, loudness), in any words; empty for plainly."""


class SpeechCache:
    """Rendered speech by key.

    Args:
        directory: where files lie; None keeps everything in memory only.
        fingerprints: per engine, text that changes when the engine would sound different
            (its settings, its voice file), so that a changed voice is rendered anew.
        memory_bytes: bound of what is put.
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
        self._phrases: dict[SpeechKey, bytes] = {}
        """What was loaded or saved."""
        self._told: set[str] = set()
        """What was said about the disk; once is enough."""
        self.hits = 0
        """Renderings that calls found."""
        self.misses = 0
        """Renderings that calls asked for in vain."""

    @property
    def has_disk(self) -> bool:
        """Whether anything outlives the process."""
        return self._directory is not None

    def get(self, key: SpeechKey) -> bytes | None:
        """The mu-law 8 kHz of a text if it is in memory."""
        mulaw = self._find(key)
        self.hits += mulaw is not None
        self.misses += mulaw is None
        return mulaw

    def _find(self, key: SpeechKey) -> bytes | None:
        if key in self._phrases:
            return self._phrases[key]
        mulaw = self._memory.get(key)
        if mulaw is not None:
            self._memory.move_to_end(key)
        return mulaw

    def put(self, key: SpeechKey, mulaw: bytes) -> None:
        """Keep a rendering as long as there is room; one larger than all of it is not kept."""
        if not mulaw or key in self._phrases or len(mulaw) > self._memory_bytes:
            return
        self._used_bytes += len(mulaw) - len(self._memory.pop(key, b""))
        self._memory[key] = mulaw
        while self._used_bytes > self._memory_bytes:
            _, oldest = self._memory.popitem(last=False)
            self._used_bytes -= len(oldest)

    async def load(self, key: SpeechKey) -> bytes | None:
        """As `get`, but looks on the disk as well; what it finds stays in memory."""
        mulaw = self._find(key)
        if mulaw is None and self._directory is not None:
            mulaw = await asyncio.to_thread(self._read, self._directory, key)
        if mulaw is not None:
            self._phrases[key] = mulaw
        return mulaw

    async def save(self, key: SpeechKey, mulaw: bytes) -> bool:
        """Keep a phrase in memory for good and write it to the disk.

        Returns:
            Whether the next start will find it. A disk that refuses is logged, not raised.
        """
        if not mulaw:
            return False
        self._phrases[key] = mulaw
        if self._directory is None:
            return False
        return await asyncio.to_thread(self._write, self._directory, key, mulaw)

    async def prune(self) -> None:
        """Remove what is above `MAX_FILES` and was neither loaded nor saved, the oldest first."""
        if self._directory is not None:
            used = {self._path(self._directory, key) for key in self._phrases}
            await asyncio.to_thread(_prune, self._directory, used)

    def _path(self, directory: Path, key: SpeechKey) -> Path:
        fingerprint = self._fingerprints.get(key.engine, "")
        parts = (
            *(_VERSION, key.text, key.language, key.engine, key.voice, key.delivery),
            fingerprint,
        )
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

    def _write(self, directory: Path, key: SpeechKey, mulaw: bytes) -> bool:
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
            return False
        return True

    def _complain(self, what: str, directory: Path, error: OSError) -> None:
        if what not in self._told:
            self._told.add(what)
            logger.warning(what, extra={"directory": str(directory), "error": error.strerror})


def _prune(directory: Path, used: Set[Path]) -> None:
    try:
        found = [path for path in directory.iterdir() if path.suffix in (".mulaw", ".part")]
        files = [path for path in found if path not in used]
        files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[MAX_FILES:]:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        logger.warning("speech cache cannot be pruned", extra={"error": error.strerror})
