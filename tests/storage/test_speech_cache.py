import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from voxd.storage import speech_cache
from voxd.storage.speech_cache import SpeechCache, SpeechKey

KEY = SpeechKey("Hello.", "en", "piper", "")
MULAW = bytes(range(256)) * 40


async def test_what_was_saved_is_found_after_a_restart(tmp_path: Path) -> None:
    await SpeechCache(tmp_path / "deep" / "speech").save(KEY, MULAW)
    again = SpeechCache(tmp_path / "deep" / "speech")
    assert again.get(KEY) is None
    assert await again.load(KEY) == MULAW
    assert again.get(KEY) == MULAW


async def test_without_a_directory_it_lives_in_memory(tmp_path: Path) -> None:
    cache = SpeechCache(None)
    await cache.save(KEY, MULAW)
    await cache.prune()
    assert await cache.load(KEY) == MULAW
    assert await SpeechCache(None).load(KEY) is None


@pytest.mark.parametrize("field", ["text", "language", "engine", "voice", "delivery"])
async def test_every_field_of_the_key_counts(tmp_path: Path, field: str) -> None:
    await SpeechCache(tmp_path).save(KEY, MULAW)
    assert await SpeechCache(tmp_path).load(replace(KEY, **{field: "x"})) is None


async def test_an_engine_that_sounds_different_finds_nothing(tmp_path: Path) -> None:
    await SpeechCache(tmp_path, {"piper": "slow"}).save(KEY, MULAW)
    assert await SpeechCache(tmp_path, {"piper": "fast"}).load(KEY) is None
    assert await SpeechCache(tmp_path, {"piper": "slow"}).load(KEY) == MULAW


async def test_what_calls_ask_for_is_counted_and_the_warm_up_is_not(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path)
    await cache.load(KEY)
    await cache.save(KEY, MULAW)
    await cache.load(KEY)
    assert (cache.hits, cache.misses) == (0, 0)
    cache.get(KEY)
    cache.get(replace(KEY, text="other"))
    cache.get(replace(KEY, text="another"))
    assert (cache.hits, cache.misses) == (1, 2)


def test_the_least_recently_used_goes_first() -> None:
    cache = SpeechCache(None, memory_bytes=300)
    keys = [replace(KEY, text=text) for text in "abcd"]
    for key in keys[:3]:
        cache.put(key, bytes(100))
    assert cache.get(keys[0])
    cache.put(keys[3], bytes(100))
    assert [cache.get(key) is not None for key in keys] == [True, False, True, True]


def test_memory_counts_a_replaced_rendering_once() -> None:
    cache = SpeechCache(None, memory_bytes=300)
    other = replace(KEY, text="other")
    cache.put(other, bytes(100))
    for _ in range(10):
        cache.put(KEY, bytes(200))
    assert cache.get(other) is not None


async def test_phrases_stay_however_much_is_put(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, memory_bytes=300)
    other = replace(KEY, text="other")
    await cache.save(KEY, bytes(200))
    await SpeechCache(tmp_path).save(other, bytes(500))
    assert await cache.load(other) == bytes(500)
    for number in range(10):
        cache.put(replace(KEY, text=str(number)), bytes(100))
    cache.put(KEY, bytes(250))  # no room is lost to what is there anyway
    assert cache.get(KEY) == bytes(200)
    assert cache.get(other) == bytes(500)
    assert [cache.get(replace(KEY, text=str(n))) is not None for n in range(10)] == [
        *[False] * 7,
        *[True] * 3,
    ]


async def test_saving_says_whether_the_next_start_will_find_it(tmp_path: Path) -> None:
    assert await SpeechCache(tmp_path).save(KEY, MULAW)
    assert not await SpeechCache(tmp_path).save(KEY, b"")
    assert not await SpeechCache(None).save(KEY, MULAW)
    assert not await SpeechCache(Path("/proc/voxd/speech")).save(KEY, MULAW)
    assert (SpeechCache(tmp_path).has_disk, SpeechCache(None).has_disk) == (True, False)


def test_a_rendering_above_the_bound_is_not_kept() -> None:
    cache = SpeechCache(None, memory_bytes=300)
    cache.put(KEY, bytes(301))
    cache.put(KEY, b"")
    assert cache.get(KEY) is None


@pytest.mark.parametrize("keep", [0, 10, 40, len(MULAW)])
async def test_half_a_file_is_no_file(tmp_path: Path, keep: int) -> None:
    await SpeechCache(tmp_path).save(KEY, MULAW)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:keep])
    assert await SpeechCache(tmp_path).load(KEY) is None


async def test_a_directory_that_is_a_file_costs_only_a_log_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "speech").write_text("in the way")
    cache = SpeechCache(tmp_path / "speech")
    await cache.prune()
    assert await cache.load(KEY) is None
    await cache.save(KEY, MULAW)
    assert cache.get(KEY) == MULAW
    assert "speech cache cannot be written" in caplog.messages


async def test_a_directory_that_cannot_be_made_costs_only_a_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = SpeechCache(Path("/proc/voxd/speech"))
    await cache.save(KEY, MULAW)
    assert cache.get(KEY) == MULAW
    assert await cache.load(KEY) == MULAW
    assert "speech cache cannot be written" in caplog.messages


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 1 kB: a write fails in the middle, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_disk_that_refuses_everything_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = SpeechCache(Path("/proc/voxd/speech"))
    for text in "abc":
        await cache.save(replace(KEY, text=text), MULAW)
    assert caplog.messages == ["speech cache cannot be written"]


async def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = SpeechCache(tmp_path)
    with full_disk():
        await cache.save(KEY, MULAW)
    assert cache.get(KEY) == MULAW
    assert "speech cache cannot be written" in caplog.messages
    assert list(tmp_path.iterdir()) == []


async def test_old_files_are_pruned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_cache, "MAX_FILES", 2)
    cache = SpeechCache(tmp_path)
    keys = [replace(KEY, text=text) for text in "abc"]
    for age, key in enumerate(keys):
        await cache.save(key, MULAW)
        newest = max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (1_000_000 + age, 1_000_000 + age))
    (tmp_path / "README").write_text("not ours")
    await SpeechCache(tmp_path).prune()
    found = [await SpeechCache(tmp_path).load(key) is not None for key in keys]
    assert found == [False, True, True]
    assert (tmp_path / "README").exists()


async def test_what_is_in_use_is_never_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech_cache, "MAX_FILES", 1)
    for text in "abcde":
        await SpeechCache(tmp_path).save(replace(KEY, text=text), MULAW)
    cache = SpeechCache(tmp_path)
    used = [replace(KEY, text=text) for text in "abf"]
    for key in used[:2]:
        assert await cache.load(key)
    await cache.save(used[2], MULAW)
    await cache.prune()
    assert all([await SpeechCache(tmp_path).load(key) for key in used])
    assert len(list(tmp_path.iterdir())) == len(used) + 1


async def test_a_directory_that_is_not_there_needs_no_pruning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await SpeechCache(tmp_path / "none").prune()
    assert caplog.messages == []
