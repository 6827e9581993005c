from pathlib import Path

from voxd.check import check_config
from voxd.config import Config, load_config
from voxd.engines.registry import settings_types

SHIPPED = Path(__file__).parent.parent / "config.toml"


def shipped(tmp_path: Path, *changes: tuple[str, str]) -> Config:
    """The shipped config with some lines changed, its paths in `tmp_path`."""
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, settings_types())


def with_models(tmp_path: Path) -> Path:
    for name in ("faster-whisper-tiny.en", "llm", "piper"):
        (tmp_path / "models" / name).mkdir(parents=True)
    (tmp_path / "models/llm/SmolLM2-135M-Instruct.Q4_1.gguf").touch()
    (tmp_path / "models/piper/en_US-joe-medium.onnx").touch()
    return tmp_path


def test_a_good_config_says_what_a_call_gets(tmp_path: Path) -> None:
    problems, text = check_config(shipped(with_models(tmp_path)), "")
    assert problems == ()
    assert "tier 'free'" in text
    assert "stt faster-whisper  llm llamacpp  tts piper" in text
    assert "127.0.0.1:8080 and serves this machine only" in text


def test_every_problem_is_listed_not_only_the_first(tmp_path: Path) -> None:
    config = shipped(tmp_path, ('host = "127.0.0.1"', 'host = "0.0.0.0"'))
    problems, _ = check_config(config, "")
    assert [problem.key for problem in problems] == [
        "server.host",
        "engines.faster-whisper.model",
        "engines.llamacpp.model",
        "engines.piper.voice",
    ]


def test_with_a_token_signed_requests_are_served(tmp_path: Path) -> None:
    change = ('public_url = ""', 'public_url = "https://voice.example.com"')
    problems, text = check_config(shipped(with_models(tmp_path), change), "12345")
    assert problems == ()
    assert "Twilio's signature" in text
    assert "12345" not in text


def test_a_language_nobody_knows_is_a_warning(tmp_path: Path) -> None:
    change = ('language = "en" ', 'language = "es" ')
    _, text = check_config(shipped(with_models(tmp_path), change), "")
    assert "piper does not know the language 'es'" in text
