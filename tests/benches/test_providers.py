"""The loopback providers as processes: started, asked, ended."""

import json
import urllib.request

import pytest

from benches.line import BenchFailed
from benches.names import find_name
from benches.overhead import decode_records
from benches.providers import Delays, run_providers
from tests.servers.groq_script import KEY, MODELS

QUICK = Delays(0.0, 0.0, 0.0)


def ask_groq(url: str) -> str:
    body = {"model": MODELS[0], "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    request = urllib.request.Request(
        f"{url}/openai/v1/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def test_records_are_handed_out_once_and_each_reply_has_its_name() -> None:
    with run_providers(QUICK) as providers:
        for _ in range(2):
            ask_groq(providers["groq"].url)
        taken = {name: provider.take() for name, provider in providers.items()}
        records = decode_records(**taken)
        assert records.llm_requests == len(records.replies) == 2
        assert all(find_name(name) == name for name in records.replies)
        assert providers["groq"].take()["replies"] == []
        provider = providers["deepgram"]
    with pytest.raises((BenchFailed, ValueError)):  # its pipes are closed
        provider.take()
