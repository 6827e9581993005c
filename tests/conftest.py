"""What holds for every test."""

import os

import pytest
from hypothesis import settings

# The suite says the same of the same tree, whoever runs it. To look for what it has not seen yet:
# `./scripts/test --hypothesis-profile=search`.
settings.register_profile("gate", derandomize=True)
settings.register_profile("search", max_examples=2000)
settings.load_profile("gate")

# The servers of tests are on loopback; a proxy of the machine has no part in that, but the SDKs
# of Groq and Cartesia would ask it.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--live",
        action="store_true",
        help="run the tests that ask real providers, too; they need keys and cost a little",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--live` its tests are not there at all: nothing was left out that should worry."""
    if config.getoption("--live"):
        return
    live = [item for item in items if item.get_closest_marker("live")]
    if live:
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if item not in live]
