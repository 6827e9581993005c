"""What people write into config.toml by mistake: for each one sentence that says where and what was
expected, exit code 2, and nothing begun, whether the file is checked or served.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.test_check import with_models
from voxd.cli import main

ROOT = Path(__file__).parent.parent
SHIPPED = (ROOT / "config.toml").read_text(encoding="utf-8")
END = SHIPPED.rstrip().splitlines()[-1]
"""Where further tables can be put."""


@dataclass(frozen=True)
class Mistake:
    """A change to the shipped file that makes it unusable."""

    what: str
    old: str
    new: str
    told: str
    """`key: sentence`, or a part of it from its beginning."""
    at: str = ""
    """What stands on the line that is told; else the first line of `new`."""
    secret: str = ""
    """What must not be repeated."""

    def apply(self) -> str:
        """The whole file with it."""
        assert SHIPPED.count(self.old) >= 1, "the shipped file has changed"
        return SHIPPED.replace(self.old, self.new, 1)

    def __str__(self) -> str:
        return self.what.replace(" ", "-")


def added(what: str, table: str, told: str, at: str = "") -> Mistake:
    return Mistake(what, END, f"{END}\n{table}", told, at or table.splitlines()[0])


NUMBER = '[numbers."+15550100"]'
DATABASE = 'database = "var/voxd.db"'
MISTAKES = (
    Mistake("no equals sign", "port = 8080 ", "port 8080 ", "is not valid TOML at column 6: "),
    Mistake(
        *("a key twice", "port = 8080 ", "port = 1\nport = 2 ", "is not valid TOML at column "),
        at="port = 2",
    ),
    Mistake(
        *("half a string", 'host = "127.0.0.1" ', 'host = "127.0.0.1 ', "is not valid TOML at col"),
    ),
    Mistake(
        *(
            "a misspelt table",
            "[server]\n",
            "[sever]\n",
            "sever: no such key; did you mean 'server'?",
        ),
    ),
    Mistake(
        *("a misspelt key", "drain_s = 30.0", "drian_s = 30.0"),
        "server.drian_s: no such key; did you mean 'drain_s'?",
    ),
    Mistake(
        *("a key of another table", "[log]\n", "[log]\npublic_url = 5\n"),
        *("log.public_url: no such key; it belongs to [server]", "public_url = 5"),
    ),
    Mistake(
        *("a key of its own", "[log]\n", "[log]\ncolour = true\n"),
        *("log.colour: no such key", "colour = true"),
    ),
    Mistake(
        *("base_dir", "[server]\n", 'base_dir = "/"\n[server]\n'),
        "base_dir: is not a key of this file",
    ),
    Mistake(
        *("a port beyond all ports", "port = 8080 ", "port = 99999 "),
        "server.port: must be at most 65535, found 99999",
    ),
    Mistake(
        *("a service for a port", "port = 8080 ", 'port = "http" '),
        "server.port: must be a whole number, found 'http'",
    ),
    Mistake(
        *("half a call", "max_calls = 100  ", "max_calls = 2.5  "),
        "server.max_calls: must be a whole number, found 2.5",
    ),
    Mistake(
        *("a path in the public address", 'public_url = ""', 'public_url = "https://a.example/x"'),
        'server.public_url: must be an address without a path, such as "https://host", found',
    ),
    Mistake(
        *("no calls at all", "max_calls = 100  ", "max_calls = 0  "),
        "server.max_calls: must be at least 1, found 0",
    ),
    Mistake(
        *("a certificate without its key", 'tls_cert = ""', 'tls_cert = "a.pem"'),
        *("server: tls_cert and tls_key belong together", "[server]"),
    ),
    Mistake(
        *("a name for a proxy", "trusted_proxies = []", 'trusted_proxies = ["10.0.0.1", "proxy"]'),
        "server.trusted_proxies.1: must be an address or a network",
    ),
    Mistake(
        *("all addresses without a secret", 'host = "127.0.0.1" ', 'host = "0.0.0.0" '),
        "server.host: '0.0.0.0' can be reached from other machines, and without TWILIO_AUTH_TOKEN",
    ),
    Mistake(
        *(
            "a public address without a secret",
            'public_url = ""',
            'public_url = "https://a.example"',
        ),
        "server.public_url: tells of a proxy in front",
    ),
    Mistake(
        *("perhaps", "interruptions = false     #", 'interruptions = "perhaps"     #'),
        "tiers.free.interruptions: must be true or false, found 'perhaps'",
    ),
    Mistake(
        *("a level that is none", 'level = "info" ', 'level = "loud" '),
        "log.level: must be 'debug', 'info', 'warning' or 'error', found 'loud'",
    ),
    Mistake(
        *("a tier that is none", 'tier = "free"  ', 'tier = "gold"  '),
        "call.tier: no tier 'gold'; known: enterprise, free, pro, starter",
    ),
    Mistake(
        *("a tenant of two words", 'tenant = ""  ', 'tenant = "my firm"  '),
        "call.tenant: must be a name of at most 64 letters, digits, dots and hyphens, found",
    ),
    Mistake(
        *("a call of no length", "max_call_s = 1800.0", "max_call_s = 0"),
        "call.max_call_s: must be above 0, found 0",
    ),
    Mistake(
        *("a list for a number", "idle_s = 8.0   ", "idle_s = [8.0]   "),
        "call.idle_s: must be a number, found [8.0]",
    ),
    Mistake(
        *("all of the history at once", "drop_messages = 8 ", "drop_messages = 30 "),
        *("history: drop_messages must be smaller than max_messages", "[history]"),
    ),
    Mistake(
        *(
            "a language without phrases",
            'language = "en"           # what',
            'language = "fr" # what',
        ),
        "agent.language: no phrases in 'fr'; they go into [phrases.fr]",
    ),
    Mistake(
        *("a language by its name", 'language = "en"           # what', 'language = "English" # w'),
        "agent.language: must be a language code, such as \"en\", found 'English'",
    ),
    Mistake(
        *("a variable that is none", 'greeting = ""  ', 'greeting = "Hello {custommer}!"  '),
        "agent.greeting: no variable {custommer}; known: called, caller, date",
    ),
    Mistake(
        *("a tone that is none", 'emotion = ""              # tone', 'emotion = "gloomy" # tone'),
        "agent.emotion: no such emotion; known: ",
    ),
    Mistake(
        *(
            "too fast to follow",
            "speed = 1.0               # factor on the voice's speed",
            "speed = 3 #",
        ),
        "agent.speed: must be at most 1.5, found 3",
    ),
    Mistake(
        *("a voice of nobody", "voices = {} ", 'voices = { pipper = "a.onnx" } '),
        "agent.voices.pipper: no such voice engine; known: polly, cartesia, piper",
    ),
    Mistake(
        *("a place without time", 'time_zone = "" ', 'time_zone = "Mars/Base" '),
        "agent.time_zone: no such time zone; an example: Europe/Madrid",
    ),
    Mistake(
        *("a transfer to nobody", 'on_failure = "hang_up"', 'on_failure = "transfer"'),
        'agent.on_failure: on_failure = "transfer" needs a transfer.number',
    ),
    Mistake(
        *("a local number", 'number = ""   ', 'number = "555 0100"   '),
        'agent.transfer.number: must be a number in international form, such as "+15550100", found',
    ),
    Mistake(
        *("a tool that is none", "tools = []  ", 'tools = ["end_cal"]  '),
        "agent.tools: no tool 'end_cal'; known: end_call, transfer_call, send_digits, take_message",
    ),
    Mistake(
        *("a tool without its number", "tools = []  ", 'tools = ["transfer_call"]  '),
        "agent.tools: transfer_call needs transfer.number",
    ),
    Mistake(
        *("an engine without a table", 'stt = ["faster-whisper"]  #', 'stt = ["whisper"]  #'),
        "tiers.free.stt: engine 'whisper' has no table [engines.whisper]",
    ),
    Mistake(
        *("a voice that should hear", 'stt = ["faster-whisper"]  #', 'stt = ["piper"]  #'),
        "tiers.free.stt: 'piper' is of kind tts",
    ),
    Mistake(
        *("an engine without its list", 'stt = ["faster-whisper"]  #', 'stt = "faster-whisper"  #'),
        'tiers.free.stt: must be a list, such as ["a", "b"], found',
    ),
    Mistake(
        *("a chain of nobody", 'stt = ["faster-whisper"]  #', "stt = []  #"),
        "tiers.free.stt: must have at least 1 element(s)",
    ),
    Mistake(
        *(
            "waits that shrink",
            "wait_complete_s = 0.36\nwait_unknown_s = 0.84\nwait_incomplete_s = 1.4\n"
            'no_room = ["turns", "sentence"]  #',
            'wait_complete_s = 2.0\nno_room = ["sentence"]  #',
        ),
        *("tiers.free: must hold: wait_complete_s <= wait_unknown_s", "[tiers.free]"),
    ),
    Mistake(
        *(
            "patience that shrinks",
            "first_token_s = [2.0, 6.0]    #",
            "first_token_s = [6.0, 2.0]  #",
        ),
        *(
            "tiers.free.deadlines: first_token_s: must be [soft, hard] with soft <= hard",
            "[tiers.free.deadlines]",
        ),
    ),
    Mistake(
        *("half of a deadline", "first_token_s = [2.0, 6.0]    #", "first_token_s = [2.0]    #"),
        "tiers.free.deadlines.first_token_s",
    ),
    Mistake(
        *("a resort to nobody", 'no_room = ["turns", "sentence"]  #', 'no_room = ["transfer"]  #'),
        'tiers.free.no_room: "transfer" needs a transfer.number of the agent of calls',
    ),
    Mistake(
        *("a tier without a target", "target_s = 3.0            #", "#"),
        *("tiers.free.target_s: is missing and has no default", "[tiers.free]"),
    ),
    Mistake(
        *("a comma in a hint", "hints = []  ", 'hints = ["one, two"]  '),
        "twiml.hints.0: must not hold a comma, found 'one, two'",
    ),
    Mistake(
        *(
            "a service without TLS",
            'url = ""                  # https, or',
            'url = "http://a.example" #',
        ),
        'lookup.url: must be an https address, such as "https://host/path", or http on this',
    ),
    Mistake(
        *(
            "a service without a secret",
            'url = ""                  # https, or',
            'url = "https://a.example" #',
        ),
        "lookup.url: the service must know who asks: set the secret VOXD_LOOKUP_SECRET",
    ),
    Mistake(
        *("a database that is none", DATABASE, 'database = "mysql://x"'),
        "records.database: is neither a file nor postgresql://… nor https://… (Supabase)",
    ),
    Mistake(
        *("a password in the file", DATABASE, 'database = "postgresql://voxd:hush-owl@db/calls"'),
        "records.database: holds a secret: a URL with its password is the secret VOXD_DATABASE_URL",
        secret="hush-owl",
    ),
    Mistake(
        *("a password in no address", DATABASE, 'database = "postgresql://voxd:hush-[owl@db/a"'),
        "records.database: is no address; one with its password is the secret VOXD_DATABASE_URL",
        secret="hush-",
    ),
    Mistake(
        *("records for less than a day", "retention_days = 90 ", "retention_days = -1 "),
        "records.retention_days: must be at least 0, found -1",
    ),
    Mistake(
        *("alerts without a secret", '[alerts]\nurl = ""', '[alerts]\nurl = "https://a.example"'),
        "alerts.url: the service must know who tells it: set the secret VOXD_ALERTS_SECRET",
        at='url = "https://a.example"',
    ),
    added(
        *("an agent's language by its name", '[agents.sol]\nlanguage = "Klingon"'),
        "agents.sol.language: must be a language code, such as \"en\", found 'Klingon'",
        at='language = "Klingon"',
    ),
    added(
        *("an agent's language without phrases", '[agents.sol]\nlanguage = "fr"'),
        "agents.sol.language: no phrases in 'fr'; they go into [phrases.fr]",
        at='language = "fr"',
    ),
    Mistake(
        *("a worker that may not be silent", "silent_s = 1.25 ", "silent_s = 0.5 "),
        *("local: silent_s must be at least three times heartbeat_s", "[local]"),
    ),
    Mistake(
        *("a model that is not there", 'model = "models/llm/Smol', 'model = "models/llm/Smal'),
        "engines.llamacpp.model: ",
    ),
    Mistake(
        *("a key of another engine", "length_scale = 1.0 ", "lenght_scale = 1.0 "),
        "engines.piper.lenght_scale: no such key; did you mean 'length_scale'?",
    ),
    added(
        "an engine that is none",
        '[engines.acme]\nmodel = "x"',
        "engines.acme: no such engine; known: ",
    ),
    added(
        *("a number's tier that is none", f'{NUMBER}\ntier = "gold"'),
        *("numbers.+15550100.tier: no tier 'gold'; known: ", 'tier = "gold"'),
    ),
    added(
        *("a number's agent that is none", f'{NUMBER}\nagent = "sol"'),
        *("numbers.+15550100.agent: no agent 'sol'; known: none", 'agent = "sol"'),
    ),
    added(
        *("a number's key that is none", f'{NUMBER}\ntir = "pro"'),
        *("numbers.+15550100.tir: no such key; did you mean 'tier'?", 'tir = "pro"'),
    ),
    added(
        *("a tool of ours", '[tools.end_call]\nurl = "https://a.example"\ndescription = "Ends."'),
        "tools.end_call: this is the name of a tool that voxd has",
    ),
    added(
        *("a tool that nobody knows when to use", '[tools.book]\nurl = "https://a.example"'),
        "tools.book.description: is missing and has no default",
    ),
)

SECRETS = (
    *("TWILIO_AUTH_TOKEN", "VOXD_API_TOKEN", "VOXD_LOOKUP_SECRET", "VOXD_TOOLS_SECRET"),
    *("VOXD_ALERTS_SECRET", "VOXD_DATABASE_URL", "SUPABASE_SERVICE_KEY"),
)


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SECRETS, "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def test_there_are_at_least_forty() -> None:
    assert len({mistake.what for mistake in MISTAKES}) == len(MISTAKES) >= 40


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_one_sentence_and_nothing_is_begun(
    mistake: Mistake,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[str] = []
    monkeypatch.setattr("voxd.app.run_daemon", lambda *_: begun.append("daemon"))
    monkeypatch.setattr("voxd.telemetry.logs.configure_logging", lambda *_: begun.append("log"))
    folder = with_models(tmp_path)
    text = mistake.apply()
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    at = mistake.at or mistake.new.splitlines()[0]
    line = next(number for number, got in enumerate(text.splitlines(), 1) if got.startswith(at))
    for command in (["check"], []):
        assert main(["--config", str(path), *command]) == 2
        out, err = capsys.readouterr()
        assert "1 problem(s)" in out + err
        assert f"\n  line {line}: {mistake.told}" in out + err
        assert "Traceback" not in err
        assert not mistake.secret or mistake.secret not in out + err
    assert begun == []
    assert sorted(tmp_path.rglob("*")) == before


TELLS = """
import sys

BEGINNINGS = {"socket.bind", "socket.connect", "subprocess.Popen", "os.fork", "os.posix_spawn"}

def tell(event, arguments):
    if event in BEGINNINGS:
        sys.stderr.write(f"BEGUN: {event}\\n")

sys.addaudithook(tell)
"""
"""Python's own word on whether a process opens doors or starts others."""

AS_PROCESSES = ("a misspelt key", "a database that is none", "alerts without a secret")
"""One that pydantic finds, one that a table finds, one that only the secrets tell."""


@pytest.mark.parametrize(
    "mistake", [mistake for mistake in MISTAKES if mistake.what in AS_PROCESSES], ids=str
)
@pytest.mark.parametrize("command", [["check"], []], ids=["check", "serve"])
def test_a_process_ends_with_2_and_has_opened_nothing(
    mistake: Mistake, command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "tells").mkdir()
    (tmp_path / "tells/sitecustomize.py").write_text(TELLS, encoding="utf-8")
    (tmp_path / "here").mkdir()
    folder = with_models(tmp_path / "here")
    path = folder / "config.toml"
    path.write_text(mistake.apply(), encoding="utf-8")
    before = sorted(folder.rglob("*"))
    python_path = [str(tmp_path / "tells"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "voxd", *command, "--config", str(path)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, python_path))},
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert mistake.told in said and "1 problem(s)" in said
    assert "Traceback" not in said and "BEGUN" not in said
    assert sorted(folder.rglob("*")) == before
