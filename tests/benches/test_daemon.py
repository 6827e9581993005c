"""The config of a bench's daemon and the look at its processes; no daemon is started."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from benches.daemon import (
    CONFIG,
    Daemon,
    DaemonFailed,
    derive_config,
    find_descendants,
    find_free_port,
    read_rss,
)


def test_a_derived_config_differs_only_in_what_was_asked_for() -> None:
    shipped = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    derived = tomllib.loads(derive_config(CONFIG, {"server.port": 9, "call.tier": "pro"}))
    assert derived["server"].pop("port") == 9
    assert derived["call"].pop("tier") == "pro"
    del shipped["server"]["port"], shipped["call"]["tier"]
    for engine in ("faster-whisper", "llamacpp", "piper", "smart-turn"):
        key = "voice" if engine == "piper" else "model"
        relative = shipped["engines"][engine].pop(key)
        absolute = derived["engines"][engine].pop(key)
        assert absolute.endswith(relative)
    # A daemon that ran here left these behind, and what is there is a path.
    for table, key in (("cache", "directory"), ("records", "database"), ("records", "spill")):
        shipped[table].pop(key), derived[table].pop(key)
    assert derived == shipped


def test_relative_paths_of_a_derived_config_are_made_absolute(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a").touch()
    config = tmp_path / "config.toml"
    config.write_text('[engines.x]\nmodel = "models/a"\nother = "models/b"\nlist = ["en", 1]\n')
    table = tomllib.loads(derive_config(config, {}))["engines"]["x"]
    assert table == {"model": str(tmp_path / "models/a"), "other": "models/b", "list": ["en", 1]}


def test_memory_is_that_of_the_process() -> None:
    assert read_rss(os.getpid()) > 5_000_000
    assert read_rss(2**22 + 1) == 0


def test_children_are_found() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in set(find_descendants(os.getpid()))
        child.communicate(b"\n")


def test_a_daemon_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("config.toml has 1 problem\n")
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as process:
        process.wait()
        daemon = Daemon(process, find_free_port(), log)
        with pytest.raises(DaemonFailed, match=r"ended with 3(.|\n)*1 problem"):
            daemon.wait_until_ready()
        daemon.stop()
