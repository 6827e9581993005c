"""The key that the loopback Deepgram server takes."""

import pytest

from tests.servers.deepgram_script import KEY


@pytest.fixture(autouse=True)
def deepgram_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setenv("DEEPGRAM_API_KEY", KEY)
