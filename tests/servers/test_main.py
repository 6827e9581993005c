"""One command starts all stand-ins and writes a config that works with them."""

import subprocess
import sys
from pathlib import Path

from tests.servers.__main__ import SHIPPED, adapt_config
from voxd.config import load_config
from voxd.engines.registry import settings_types

URLS = dict.fromkeys(("deepgram", "deepgram-flux", "groq", "cartesia"), "http://127.0.0.1:9")


def test_the_adapted_config_is_valid_and_points_here(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(adapt_config(SHIPPED.read_text(encoding="utf-8"), URLS), encoding="utf-8")
    config = load_config(file, settings_types())
    assert {config.engines[name].base_url for name in URLS} == {"http://127.0.0.1:9"}
    assert config.call.tier == "pro"
    assert config.tier().tts == ("cartesia", "piper")
    assert config.tiers["free"].tts == ("piper",)


def test_the_command_starts_all_three(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    command = [sys.executable, "-m", "tests.servers", "--port", "0", "--write-config", str(file)]
    with subprocess.Popen(
        command, cwd=SHIPPED.parent, stdout=subprocess.PIPE, text=True
    ) as servers:
        assert servers.stdout is not None
        lines = []
        for line in servers.stdout:
            lines.append(line)
            if line == "ready\n":
                break
        servers.terminate()
    assert "not the services" in lines[0] and len(lines) == 7
    config = load_config(file, settings_types())
    assert len({config.engines[name].base_url for name in URLS}) == 3
