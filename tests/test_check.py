from pathlib import Path

import pytest

from voxd.check import check_config
from voxd.config import Config, load_config
from voxd.engines.registry import settings_types
from voxd.errors import ConfigError
from voxd.server.keys import DoorKeys

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
        (tmp_path / "models" / name).mkdir(parents=True, exist_ok=True)
    (tmp_path / "models/llm/SmolLM2-135M-Instruct.Q4_1.gguf").touch()
    (tmp_path / "models/piper/en_US-joe-medium.onnx").touch()
    (tmp_path / "models/smart-turn").mkdir(exist_ok=True)
    (tmp_path / "models/smart-turn/smart-turn-v3.2-cpu.onnx").touch()
    return tmp_path


def test_a_good_config_says_what_a_call_gets(tmp_path: Path) -> None:
    problems, text = check_config(shipped(with_models(tmp_path)), DoorKeys())
    assert problems == ()
    assert "tier 'free'" in text
    assert "stt faster-whisper  llm llamacpp  tts piper  turn smart-turn\n" in text
    assert "  turn smart-turn\n" in text.split("Any number")[1]
    assert "127.0.0.1:8080 and serves this machine only" in text


def test_every_problem_is_listed_not_only_the_first(tmp_path: Path) -> None:
    config = shipped(tmp_path, ('host = "127.0.0.1"', 'host = "0.0.0.0"'))
    problems, _ = check_config(config, DoorKeys())
    assert [problem.key for problem in problems] == [
        "server.host",
        "engines.faster-whisper.model",
        "engines.llamacpp.model",
        "engines.piper.voice",
        "engines.smart-turn.model",
    ]


def test_with_a_token_signed_requests_are_served(tmp_path: Path) -> None:
    change = ('public_url = ""', 'public_url = "https://voice.example.com"')
    problems, text = check_config(shipped(with_models(tmp_path), change), DoorKeys(("12345",)))
    assert problems == ()
    assert "Twilio's signature" in text
    assert "12345" not in text


def test_a_language_that_nobody_of_the_tier_knows_is_a_problem(tmp_path: Path) -> None:
    change = ('language = "en" ', 'language = "es" ')
    problems, text = check_config(shipped(with_models(tmp_path), change), DoorKeys())
    assert [problem.key for problem in problems] == [
        "tiers.free.stt",
        "tiers.free.llm",
        "tiers.free.tts",
    ]
    assert "piper: does not speak es" in problems[2].message
    assert "tts nothing  (not piper: does not speak es)" in text


def test_a_tier_may_do_without_a_judge_of_turns(tmp_path: Path) -> None:
    with_judge = shipped(with_models(tmp_path))
    free = with_judge.tiers["free"].model_copy(update={"turn": ()})
    config = with_judge.model_copy(update={"tiers": {"free": free}})
    problems, text = check_config(config, DoorKeys())
    assert problems == ()
    assert "\n  turn " not in text.split("Any number")[1].split("Listens")[0]


NUMBERS = (
    "# --- dialled",
    """
[numbers."+15550100"]
tier = "pro"
[numbers."+15550101"]
tier = "enterprise"
language = "es"
[numbers."+15550102"]
tier = "enterprise"
agent = "sol"
[agents.sol]
language = "es"
greeting = "Clínica Sol."

# --- dialled""",
)


def test_each_number_is_told_with_its_chain_and_what_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "secret")
    monkeypatch.setenv("CARTESIA_API_KEY", "secret")
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    problems, text = check_config(shipped(with_models(tmp_path), NUMBERS), DoorKeys())
    pro, rest = text.split("+15550101: tier 'enterprise', language 'es'")
    spanish, rest = rest.split("+15550102: tier 'enterprise', agent 'sol', language 'es'")
    sol, others = rest.split("Any other number: tier 'free', language 'en'")
    assert "stt deepgram > faster-whisper\n" in pro
    assert "llm llamacpp  (not groq: no key configured: GROQ_API_KEY is not set)" in pro
    assert "tts cartesia  (not piper: does not speak es)" in spanish
    assert "tts piper\n" in others
    assert "says ¡Hola! Gracias por llamar. ¿Cómo puedo ayudarle hoy?\n" in spanish
    assert "says Clínica Sol.\n" in sol
    assert "says Hello!" in others
    told = (
        "Warning: no local fallback of stt, tts for the language 'es'; while the cloud is away its"
    )
    assert others.count(f"{told} callers hear the stored apology.") == 1
    told = "+15550101 speaks 'es'; the prompt of its agent was written for 'en'."
    assert told in others
    assert "+15550102 speaks" not in others
    assert "Needs the network for stt: deepgram." in others
    assert [problem.key for problem in problems] == ["tiers.enterprise.llm"]
    assert "secret" not in text


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("http://10.0.0.7:8000/v1", True),
        ("http://127.0.0.1:8000/v1", False),
        ("http://localhost:8000/v1", False),
        ("https://llm.example.com/v1", False),
    ],
)
def test_plain_http_to_another_machine_is_warned_of(
    tmp_path: Path, url: str, is_open: bool
) -> None:
    config = shipped(with_models(tmp_path))
    engine = config.engines["openai"].model_copy(update={"base_url": url})
    tier = config.tiers["free"].model_copy(update={"llm": ("openai", "llamacpp")})
    changed = {
        "engines": {**config.engines, "openai": engine},
        "tiers": {**config.tiers, "free": tier},
    }
    _, text = check_config(config.model_copy(update=changed), DoorKeys())
    warning = "Warning: [engines.openai] base_url is plain http to another machine:"
    assert (warning in text) == is_open


def test_a_number_that_twilio_would_not_write_so_is_warned_of(tmp_path: Path) -> None:
    numbers = '\n[numbers."5550100"]\n[numbers."+15550100"]\n[numbers."sip:desk@example.com"]\n'
    config = shipped(with_models(tmp_path), ("\n[variables]\n", f"{numbers}\n[variables]\n"))
    problems, text = check_config(config, DoorKeys())
    assert problems == ()
    assert text.count("is not as Twilio writes numbers") == 1
    assert "'5550100' is not as Twilio writes" in text


def test_without_a_directory_nobody_is_promised_a_stored_apology(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY"):
        monkeypatch.setenv(key, "secret")
    change = ('directory = "var/speech"', 'directory = ""')
    problems, text = check_config(shipped(with_models(tmp_path), NUMBERS, change), DoorKeys())
    assert problems == ()
    assert "no apology is stored for its callers" in text
    assert "hear the stored apology" not in text


def test_a_language_without_phrases_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"agent\.language: no phrases in 'fr'"):
        shipped(with_models(tmp_path), ('language = "en" ', 'language = "fr" '))


def test_turns_without_a_public_url_are_warned_of(tmp_path: Path) -> None:
    config = shipped(
        with_models(tmp_path), ('transport = "stream"      #', 'transport = "twiml"  #')
    )
    problems, text = check_config(config, DoorKeys())
    assert problems == ()
    assert "Warning: tier 'free' wants TwiML turns" in text


def test_a_look_up_is_named_and_needs_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = 'url = "https://crm.example.com/who?key=abc"'
    config = shipped(
        with_models(tmp_path), ('url = ""                  # https, or', f"{address} #")
    )
    monkeypatch.delenv("VOXD_LOOKUP_SECRET", raising=False)
    problems, text = check_config(config, DoorKeys())
    assert [problem.key for problem in problems] == ["lookup.url"]
    assert "crm.example.com is asked within 1 s" in text
    assert "abc" not in text
    monkeypatch.setenv("VOXD_LOOKUP_SECRET", "s")
    assert check_config(config, DoorKeys())[0] == ()


def test_where_records_go_is_told_and_what_is_missing_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for secret in ("VOXD_DATABASE_URL", "SUPABASE_SERVICE_KEY"):
        monkeypatch.delenv(secret, raising=False)
    text = check_config(shipped(with_models(tmp_path)), DoorKeys())[1]
    assert "Records of calls go to" in text and "masked telephone numbers, for 90 days" in text
    supabase = ('database = "var/voxd.db"', 'database = "https://abc.supabase.co"')
    problems, _ = check_config(shipped(with_models(tmp_path), supabase), DoorKeys())
    assert [problem.key for problem in problems] == ["records.database"]


def test_what_a_number_has_of_its_own_is_told(tmp_path: Path) -> None:
    config = shipped(
        with_models(tmp_path),
        ('on_failure = "hang_up"    #', 'on_failure = "voicemail"  #'),
        ("\n[variables]\n", '\n[numbers."+15550100"]\ntenant = "sol"\n\n[variables]\n'),
    )
    text = check_config(config, DoorKeys())[1]
    assert "+15550100: tier 'free', tenant 'sol', language 'en'" in text
    assert "  without room turns > sentence; when all fails voicemail\n" in text


def test_a_voice_of_an_agent_must_be_there(tmp_path: Path) -> None:
    voices = ("voices = {} ", 'voices = { piper = "models/owl.onnx" } ')
    problems, _ = check_config(shipped(with_models(tmp_path), voices), DoorKeys())
    assert [problem.key for problem in problems] == ["agent.voices.piper"]


def test_a_call_in_turns_says_so(tmp_path: Path) -> None:
    config = shipped(
        with_models(tmp_path),
        ('transport = "stream"      #', 'transport = "twiml"  #'),
        ('public_url = ""', 'public_url = "https://voice.example.com"'),
    )
    problems, text = check_config(config, DoorKeys(("token",)))
    assert problems == ()
    assert "goes by TwiML turns" in text and "wants TwiML turns" not in text


def test_whether_calls_can_be_placed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = shipped(with_models(tmp_path))
    monkeypatch.delenv("TWILIO_ACCOUNT_SID", raising=False)
    assert "Places no calls: that needs TWILIO_ACCOUNT_SID" in check_config(config, DoorKeys())[1]
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC1")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "12345")
    assert "Places calls by POST /api/calls, at most 10" in check_config(config, DoorKeys())[1]


def test_what_an_agent_may_do_is_told_and_the_tools_need_their_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOXD_TOOLS_SECRET", raising=False)
    tool = '[tools.book]\nurl = "https://example.com"\ndescription = "Books."\n'
    config = shipped(
        with_models(tmp_path),
        ("tools = []  ", 'tools = ["end_call", "book"]  '),
        ("\n[tools]\n", f"\n{tool}\n"),
    )
    problems, text = check_config(config, DoorKeys())
    assert [problem.key for problem in problems] == ["tools"]
    assert "  may use end_call, book\n" in text
    monkeypatch.setenv("VOXD_TOOLS_SECRET", "known")
    assert check_config(config, DoorKeys())[0] == ()


def test_answers_of_a_look_up_that_nobody_could_serve_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOXD_LOOKUP_SECRET", "s")
    for key in ("DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    config = shipped(
        with_models(tmp_path),
        ('url = ""                  # https, or', 'url = "https://crm.example.com/who" #'),
        ("\n[variables]\n", '\n[agents.sol]\nlanguage = "es"\n\n[variables]\n'),
    )
    problems, text = check_config(config, DoorKeys())
    assert problems == ()
    told = "Warning: should it say tier 'free' for 'es', nothing is left of stt, llm, tts:"
    assert text.count(told) == 1
    assert "for 'en'," not in text
