"""Is there room on this machine? Open files, disk, memory, and whether its clock is right. I/O."""

import asyncio
import os
import resource
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp

from voxd.chains import named_engines
from voxd.config import Config
from voxd.doctor.address import is_live, local_url
from voxd.doctor.finding import Finding, bad, good, warn
from voxd.engines.registry import ENTRIES
from voxd.telephony.calls import read_account

FILES_AT_LEAST = 128
"""Open files of a daemon without calls: libraries, workers' sockets, connections kept warm."""
FILES_PER_CALL = 6
"""Its media socket, the sockets to providers, and a webhook's connection or two."""
DISK_BAD, DISK_WARN = 100_000_000, 1_000_000_000
"""Bytes free where the daemon writes: phrases, records."""
MEMORY_DAEMON = 300_000_000
"""Bytes of the daemon with its SDKs, and of the libraries that each worker shares with others."""
MEMORY_PER_WEIGHT = 1.6
"""Bytes that a worker takes for each byte of its weights: buffers, caches, the library itself."""
CLOCK_WARN_S, CLOCK_BAD_S = 30.0, 240.0
"""Twilio and the signatures of our own requests allow some minutes."""
LIMIT_S = 5.0


async def check_machine(config: Config) -> AsyncIterator[Finding]:
    """Everything that needs no other machine."""
    yield judge_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0], config.server.max_calls)
    for directory in {_existing(folder) for folder in _written(config)}:
        yield judge_disk(directory, shutil.disk_usage(directory).free)
    available, needed = _read_available(), _estimate_memory(config)
    if await is_live(local_url(config)):
        yield good("memory", "voxd runs here and has what it wants")
    elif available is not None:
        yield judge_memory(available, needed)
    yield good("processor", f"{config.local.core_count()} cores for local models")


async def check_clock(config: Config) -> AsyncIterator[Finding]:
    """Our clock beside that of the first service in use that tells the time."""
    for url in _told_by(config):
        skew_s = await _measure_skew(url)
        if skew_s is not None:
            yield judge_clock(skew_s)
            return


def judge_files(limit: int, max_calls: int) -> Finding:
    """Whether the limit of open files lets so many calls be."""
    needed = FILES_AT_LEAST + FILES_PER_CALL * max_calls
    told = f"{limit} may be open here, {max_calls} calls take up to {needed}"
    if limit == resource.RLIM_INFINITY or limit >= needed:
        return good("open files", told if limit != resource.RLIM_INFINITY else "without a limit")
    # The shell's limit; a unit has one of its own, which nobody can ask from here.
    advice = f"LimitNOFILE={4 * needed} in the unit (ours has 65536), ulimit -n in a shell"
    return warn("open files", told, advice)


def judge_disk(directory: Path, free: int) -> Finding:
    """Whether there is room to write."""
    told = f"{free / 1e9:.1f} GB free at {directory}"
    if free < DISK_BAD:
        return bad("disk", told, "make room: records and phrases cannot be stored")
    if free < DISK_WARN:
        return warn("disk", told, "make room soon")
    return good("disk", told)


def judge_memory(available: int, needed: int) -> Finding:
    """Whether the models find room; estimated by the sizes of their files."""
    told = f"{available / 1e9:.1f} GB available, about {needed / 1e9:.1f} wanted"
    if available < needed:
        advice = "choose smaller models, fewer [engines.llamacpp] sequences, or a larger machine"
        return warn("memory", told, advice)
    return good("memory", told)


def judge_clock(skew_s: float) -> Finding:
    """Whether signatures with our time in them are believed."""
    told = f"{abs(skew_s):.0f} s {'ahead' if skew_s > 0 else 'behind'} of the world"
    advice = "have the clock set: timedatectl set-ntp true"
    if abs(skew_s) > CLOCK_BAD_S:
        return bad("clock", told, advice, skew_s=skew_s)
    if abs(skew_s) > CLOCK_WARN_S:
        return warn("clock", told, advice, skew_s=skew_s)
    return good("clock", "is right", skew_s=skew_s)


def _written(config: Config) -> Iterator[Path]:
    """The folders that the daemon writes to."""
    records = config.records
    if config.cache.directory:
        yield config.resolve(config.cache.directory)
    if records.database and "://" not in records.database:
        yield config.resolve(records.database).parent
    if records.database and records.spill:
        yield config.resolve(records.spill)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _read_available() -> int | None:
    """Memory that programs could have now, bytes; None where nobody tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _estimate_memory(config: Config) -> int:
    weights = 0
    for name in named_engines(config).usable:
        settings = config.engines[name]
        for value in (getattr(settings, key, "") for key in ("model", "voice")):
            if ENTRIES[name].is_local and value:
                weights += _size(config.resolve(value))
    return MEMORY_DAEMON + round(MEMORY_PER_WEIGHT * weights)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(os.stat(file).st_size for file in path.rglob("*") if file.is_file())


def _told_by(config: Config) -> Iterator[str]:
    """Services that this config asks anyway and whose answers carry the time."""
    for name in named_engines(config).usable:
        url = getattr(config.engines[name], "base_url", "")
        if not ENTRIES[name].is_local and url.startswith("https://"):
            yield url
    if read_account() is not None:
        yield config.telephony.api_url


async def _measure_skew(url: str) -> float | None:
    """How far our clock is ahead of a server's, seconds; None: it does not tell."""
    try:
        async with asyncio.timeout(LIMIT_S), aiohttp.ClientSession() as session:
            async with session.head(url, allow_redirects=False) as response:
                told = response.headers.get("Date", "")
                return time.time() - parsedate_to_datetime(told).timestamp()
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
