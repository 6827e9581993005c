"""The shipped config with changes, for the doctor to look at."""

import tomllib
from pathlib import Path
from typing import Any

from benches.daemon import derive_config
from voxd.config import Config, parse_config
from voxd.engines.registry import settings_types

SHIPPED = Path(__file__).parents[2] / "config.toml"


def derived(base_dir: Path, **changes: Any) -> Config:
    """The shipped config with dotted keys changed (`__` for the dots); its paths start here."""
    overrides = {key.replace("__", "."): value for key, value in changes.items()}
    raw = tomllib.loads(derive_config(SHIPPED, overrides))
    return parse_config(raw, settings_types(), base_dir=base_dir, source="test")
