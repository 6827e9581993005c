"""The shipped config.toml is the reference, and a config's problems are told all at once."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from voxd.config import (
    Config,
    Deadlines,
    Number,
    Phrases,
    Tier,
    Transfer,
    Voicemail,
    load_config,
    parse_config,
    read_secret,
)
from voxd.engines.registry import settings_types
from voxd.errors import ConfigError
from voxd.phrases import SHIPPED as SHIPPED_PHRASES

SHIPPED = Path(__file__).parent.parent / "config.toml"
RAW: dict[str, Any] = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))

OWN_VALUES = {"agent.prompt", "phrases.en.closing", "phrases.es.closing"}
"""Keys whose shipped value is an example on purpose and not the default."""


def tables() -> Iterator[tuple[str, type[BaseModel]]]:
    """Every table that the shipped file must show, with the model that knows its keys."""
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation
    yield "agent.transfer", Transfer
    yield "agent.voicemail", Voicemail
    for language in SHIPPED_PHRASES:
        yield f"phrases.{language}", Phrases
    for tier in RAW["tiers"]:
        yield f"tiers.{tier}", Tier
        yield f"tiers.{tier}.deadlines", Deadlines
    for engine, (_, settings) in settings_types().items():
        yield f"engines.{engine}", settings


def shown(table: str) -> Mapping[str, Any]:
    """The table as the shipped file has it."""
    found: Any = RAW
    for part in table.split("."):
        assert part in found, f"config.toml does not show [{table}]"
        found = found[part]
    return dict(found)


def parse(raw: Mapping[str, Any]) -> Config:
    return parse_config(raw, settings_types(), base_dir=Path(), source="test")


def problems_of(raw: Mapping[str, Any]) -> dict[str, str]:
    """Key -> message of everything that is wrong."""
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    return {problem.key: problem.message for problem in caught.value.problems}


def test_the_shipped_file_loads() -> None:
    config = load_config(SHIPPED, settings_types())
    assert config.tier() is config.tiers[config.call.tier]
    assert config.resolve("models") == SHIPPED.parent / "models"


each_table = pytest.mark.parametrize(("table", "model"), list(tables()), ids=lambda item: str(item))


@each_table
def test_the_shipped_file_shows_every_key_and_no_other(table: str, model: type[BaseModel]) -> None:
    assert set(shown(table)) == set(model.model_fields)


@each_table
def test_the_shipped_values_are_the_defaults(table: str, model: type[BaseModel]) -> None:
    for key, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        chosen = default is PydanticUndefined or table.startswith("tiers.")
        if not chosen and f"{table}.{key}" not in OWN_VALUES:
            value = shown(table)[key]
            if isinstance(default, BaseModel):  # a table within the table
                value = type(default).model_validate(value)
            assert (tuple(value) if isinstance(value, list) else value) == default, key


def test_every_key_has_a_line_of_why() -> None:
    """Once, at its first appearance: the later tiers and engines repeat known keys."""
    explained: set[str] = set()
    multiline = False
    for line in SHIPPED.read_text(encoding="utf-8").splitlines():
        if multiline or line.startswith(("#", "[")) or " = " not in line:
            multiline ^= line.count('"""') % 2 == 1
            continue
        multiline = line.count('"""') % 2 == 1
        key = line.split(" = ")[0]
        if "  #" in line or " # " in line:
            explained.add(key)
    known = {key for table, model in tables() for key in model.model_fields}
    plain = {"prompt", "greeting", "target_s"} | {key for key in known if key.startswith("wait_")}
    plain |= {
        "phrases",
        "stt",
        "llm",
        "tts",
        "model",
        "voice",
        "deadlines",
        "limits",
        "transfer",
        "voicemail",
        "prices",
    }
    plain |= set(shown("phrases.en"))
    assert known <= explained | plain


def test_all_problems_are_told_at_once_with_their_keys() -> None:
    raw = {
        **RAW,
        "server": {**RAW["server"], "port": 70_000, "colour": "red"},
        "call": {**RAW["call"], "tier": 3},
        "engines": {**RAW["engines"], "acme": {}},
    }
    problems = problems_of(raw)
    assert problems["server.colour"] == "no such key"
    assert "70000" in problems["server.port"]
    assert "no such engine" in problems["engines.acme"]
    assert "call.tier" in problems


def test_five_mistakes_of_five_kinds_are_all_told() -> None:
    raw = {
        **RAW,
        "line": {**RAW["line"], "lead_s": "fast"},
        "call": {"idel_s": 8.0, "tier": "gold"},
        "tiers": {**RAW["tiers"], "free": {**RAW["tiers"]["free"], "stt": ["whisper"]}},
        "log": {"level": "loud"},
    }
    keys = {"line.lead_s", "call.idel_s", "call.tier", "tiers.free.stt", "log.level"}
    assert set(problems_of(raw)) == keys


def test_a_wrong_table_is_no_further_problem() -> None:
    assert set(problems_of({**RAW, "line": 5, "tiers": {"free": {"target_s": 1}}})) == {
        *("line", "tiers.free.stt", "tiers.free.llm", "tiers.free.tts"),
    }


def test_without_a_number_a_model_holds_two_conversations_per_core() -> None:
    def sequences(cores: int, wanted: int) -> int:
        llama = {**RAW["engines"]["llamacpp"], "sequences": wanted}
        engines = {**RAW["engines"], "llamacpp": llama}
        local = {**RAW["local"], "cores": cores}
        found: int = (
            parse({**RAW, "engines": engines, "local": local}).engines["llamacpp"].sequences
        )
        return found

    assert (sequences(1, 0), sequences(3, 0), sequences(2, 5)) == (2, 6, 5)
    assert sequences(0, 0) == 2 * len(os.sched_getaffinity(0))


def test_the_error_message_lists_every_problem() -> None:
    with pytest.raises(ConfigError, match=r"2 problem\(s\)(?s:.*)line\.lead_s(?s:.*)log\.level"):
        parse({**RAW, "line": {"lead_s": -1}, "log": {"level": "loud"}})


def test_an_unknown_tier_of_the_call_is_a_problem() -> None:
    assert "gold" in problems_of({**RAW, "call": {"tier": "gold"}})["call.tier"]


def test_a_chain_may_name_only_engines_that_have_a_table() -> None:
    engines = {name: table for name, table in RAW["engines"].items() if name != "piper"}
    assert "no table" in problems_of({**RAW, "engines": engines})["tiers.free.tts"]


def test_a_chain_may_name_only_engines_of_its_kind() -> None:
    tiers = {"free": {**RAW["tiers"]["free"], "stt": ["piper"]}}
    assert problems_of({**RAW, "tiers": tiers})["tiers.free.stt"] == "'piper' is of kind tts"
    tiers = {"free": {**RAW["tiers"]["free"], "turn": ["piper"]}}
    assert problems_of({**RAW, "tiers": tiers})["tiers.free.turn"] == "'piper' is of kind tts"


def test_waits_that_shrink_are_a_problem() -> None:
    tiers = {"free": {**RAW["tiers"]["free"], "wait_complete_s": 2.0}}
    assert "wait_complete_s <=" in problems_of({**RAW, "tiers": tiers})["tiers.free"]


@pytest.mark.parametrize("given", ["tls_cert", "tls_key"])
def test_a_certificate_and_its_key_belong_together(given: str) -> None:
    server = {**RAW["server"], given: "file.pem"}
    assert "belong together" in problems_of({**RAW, "server": server})["server"]


def test_trusted_proxies_are_addresses_or_networks() -> None:
    def trusting(*proxies: str) -> dict[str, Any]:
        return {**RAW, "server": {**RAW["server"], "trusted_proxies": list(proxies)}}

    networks = parse(trusting("127.0.0.1", "10.0.0.0/8", "fd00::/8")).server.trusted_proxies
    assert [str(network) for network in networks] == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]
    assert set(problems_of(trusting("10.0.0.1/8", "proxy.example"))) == {
        "server.trusted_proxies.0",
        "server.trusted_proxies.1",
    }


def test_deadlines_are_soft_before_hard() -> None:
    def of(deadlines: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**RAW, "tiers": {"free": {**RAW["tiers"]["free"], "deadlines": deadlines}}}

    problems = problems_of(of({"first_token_s": [1.0, 0.5]}))
    assert "soft <= hard" in problems["tiers.free.deadlines"]
    assert "tiers.free.deadlines.first_audio_s" in str(problems_of(of({"first_audio_s": [1.0]})))
    first_token = parse(of({"first_token_s": [0.5, 1.0]})).tier().deadlines.first_token_s
    assert (first_token.soft_s, first_token.hard_s) == (0.5, 1.0)


def test_the_cloud_tiers_leave_an_engine_before_the_caller_waits_much_longer() -> None:
    """1.5 s is what a single failure may cost; the next engine needs some 0.5 s of them."""
    for tier in ("pro", "enterprise"):
        for first, hard in RAW["tiers"][tier]["deadlines"].values():
            assert first < hard <= 1.2


def test_a_number_has_its_own_tier_and_language() -> None:
    raw = {**RAW, "numbers": {"+15550100": {"tier": "pro", "language": "es"}, "+15550101": {}}}
    config = parse(raw)
    own = config.dialled("+15550100")
    assert own.tier() is config.tiers["pro"]
    assert own.agent.language == "es"
    assert own.phrases.greeting == SHIPPED_PHRASES["es"]["greeting"]
    assert own.agent.prompt == config.agent.prompt
    for other in ("+15550101", "+15550199", ""):
        assert config.dialled(other).tier() is config.tier()
        assert config.dialled(other).agent == config.agent
    assert [seen.call.tier for seen in config.served()] == ["free", "pro", "free"]


# --- agents and phrases ---------------------------------------------------------------------------

AGENTS = {
    "night": {"greeting": "Good night.", "phrases": {"goodbye": "Sleep well."}, "max_tokens": 50},
    "recepcion": {"language": "es", "prompt": "Sé breve."},
}
NUMBERS = {"+1": {"agent": "night"}, "+2": {"agent": "recepcion"}, "+3": {}}


def with_agents(**tables: Any) -> Mapping[str, Any]:
    agent = {
        **RAW["agent"],
        "greeting": "Acme, hello.",
        "phrases": {"goodbye": "Acme says goodbye.", "fillers": ["Hm."]},
    }
    return {**RAW, "agent": agent, "agents": AGENTS, "numbers": NUMBERS, **tables}


def test_an_agent_is_the_default_one_but_for_what_it_was_given() -> None:
    config = parse(with_agents())
    night, other = config.dialled("+1"), config.dialled("+3")
    assert (night.agent.max_tokens, night.agent.prompt) == (50, config.agent.prompt)
    assert (night.phrases.greeting, night.phrases.goodbye) == ("Good night.", "Sleep well.")
    assert night.phrases.reprompt == SHIPPED_PHRASES["en"]["reprompt"]
    assert (other.phrases.greeting, other.phrases.goodbye) == ("Acme, hello.", "Acme says goodbye.")
    assert other.phrases.fillers == ("Hm.",)


def test_words_in_another_language_are_not_taken_over() -> None:
    spanish = parse(with_agents()).dialled("+2")
    assert spanish.agent.prompt == "Sé breve."
    assert spanish.phrases.model_dump() == SHIPPED_PHRASES["es"]
    config = parse(with_agents(numbers={"+4": {"agent": "night", "language": "es"}}))
    assert config.dialled("+4").phrases.model_dump() == SHIPPED_PHRASES["es"]
    assert config.dialled("+4").agent.max_tokens == 50


def test_an_agents_own_tables_change_only_what_they_say() -> None:
    transfer = {"number": "+15550123", "ring_s": 40}
    config = parse(
        with_agents(
            agent={**RAW["agent"], "transfer": transfer, "limits": {"reprompts": 4}},
            agents={"night": {"transfer": {"ring_s": 10}, "limits": {"max_call_s": 60}}},
            numbers={"+1": {"agent": "night"}},
        )
    )
    night = config.dialled("+1")
    assert (night.agent.transfer.number, night.agent.transfer.ring_s) == ("+15550123", 10)
    assert (night.call.max_call_s, night.call.reprompts) == (60, 4)
    assert config.dialled("+2").call.max_call_s == config.call.max_call_s
    assert config.dialled("+2").call.reprompts == 4
    assert night.call.idle_s == config.call.idle_s


def test_a_number_has_a_tenant_and_variables_of_its_own() -> None:
    config = parse(
        {
            **RAW,
            "call": {**RAW["call"], "tenant": "everybody"},
            "variables": {"hours": "nine to five", "place": "town"},
            "numbers": {"+1": {"tenant": "clinica-sol", "variables": {"hours": "all day"}}},
        }
    )
    own, other = config.dialled("+1"), config.dialled("+2")
    assert (own.call.tenant, other.call.tenant) == ("clinica-sol", "everybody")
    assert own.variables == {"hours": "all day", "place": "town"}
    assert other.variables == {"hours": "nine to five", "place": "town"}


def test_prompt_and_greeting_are_filled_in_for_a_call() -> None:
    config = parse(
        {
            **RAW,
            "agent": {
                **RAW["agent"],
                "prompt": "Today is {date}. {place}. Reply {{date}} as {x: 1}.",
                "greeting": "Hello {caller}, this is {place}!",
            },
            "variables": {"place": "the {caller} inn"},
        }
    )
    filled = config.dialled("+1").filled({"date": "2026-11-22", "caller": "+15550199"})
    assert filled.agent.prompt == "Today is 2026-11-22. the {caller} inn. Reply {date} as {x: 1}."
    assert filled.phrases.greeting == "Hello +15550199, this is the {caller} inn!"


def test_the_greeting_of_a_language_is_filled_in_as_well() -> None:
    raw = {**RAW, "phrases": {"en": {"greeting": "Hello, {tenant} speaking."}}}
    assert parse(raw).filled({"tenant": "Sol"}).phrases.greeting == "Hello, Sol speaking."


def test_with_a_look_up_every_agent_on_every_tier_is_expected() -> None:
    config = parse(with_agents(lookup={"url": "https://example.com/who"}))
    pairs = {(seen.agent.language, seen.call.tier) for seen in config.expected()}
    assert pairs == {(language, tier) for language in ("en", "es") for tier in RAW["tiers"]}
    assert parse(with_agents()).expected() == parse(with_agents()).served()


def test_a_route_may_be_given_by_anybody_who_has_judged_it() -> None:
    config = parse(with_agents())
    routed = config.routed(Number(agent="recepcion", tier="pro", tenant="sol"))
    assert (routed.agent.language, routed.call.tier, routed.call.tenant) == ("es", "pro", "sol")


def test_a_language_that_comes_along_needs_only_what_differs() -> None:
    config = parse({**RAW, "phrases": {"es": {"goodbye": "¡Chau!"}}, "numbers": {"+2": SPANISH}})
    phrases = config.dialled("+2").phrases
    assert phrases.goodbye == "¡Chau!"
    assert phrases.greeting == SHIPPED_PHRASES["es"]["greeting"]
    assert config.phrases.model_dump() == SHIPPED_PHRASES["en"]


SPANISH = {"language": "es"}
FRENCH = {**SHIPPED_PHRASES["en"], "greeting": "Bonjour !"}


def test_another_language_needs_all_of_its_phrases() -> None:
    some = {key: text for key, text in FRENCH.items() if key not in ("goodbye", "fillers")}
    keys = {"phrases.fr.goodbye", "phrases.fr.fillers"}
    assert set(problems_of({**RAW, "phrases": {"fr": some}})) == keys
    config = parse({**RAW, "phrases": {"fr": FRENCH}, "numbers": {"+2": {"language": "fr"}}})
    assert config.dialled("+2").phrases.greeting == "Bonjour !"


def test_a_language_without_phrases_is_a_problem_of_whoever_speaks_it() -> None:
    problems = problems_of(
        {
            **RAW,
            "agent": {**RAW["agent"], "language": "de"},
            "agents": {"accueil": {"language": "fr"}},
            "numbers": {"+2": {"language": "it"}},
        }
    )
    assert set(problems) == {"agent.language", "agents.accueil.language", "numbers.+2.language"}
    assert problems["numbers.+2.language"] == "no phrases in 'it'; they go into [phrases.it]"


def test_mistakes_in_agents_and_phrases_are_told_with_their_keys() -> None:
    problems = problems_of(
        {
            **RAW,
            "agents": {"night": {"promt": "x", "phrases": {"greeting": "Hi.", "failure": ""}}},
            "phrases": {"en": {"goodbye": 3}, "Spanish": {}},
            "numbers": {"+1": {"agent": "day"}},
        }
    )
    assert problems["agents.night.promt"] == "no such key; did you mean 'prompt'?"
    assert problems["agents.night.phrases.greeting"] == "no such key; it belongs to [agent]"
    assert "agents.night.phrases.failure" in problems
    assert "phrases.en.goodbye" in problems
    assert any(key.startswith("phrases.Spanish") for key in problems)


def test_an_unknown_agent_of_a_number_is_a_problem() -> None:
    raw = {**RAW, "agents": AGENTS, "numbers": {"+1": {"agent": "day"}}}
    problem = problems_of(raw)["numbers.+1.agent"]
    assert problem == "no agent 'day'; known: night, recepcion"


def test_the_examples_in_the_shipped_file_work_once_they_are_no_comments() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    for line in text.splitlines():
        if re.match(r"# (\[[^]]+\](\s+#.*)?$|[a-z_.]+ = )", line):
            text = text.replace(f"\n{line}\n", f"\n{line[2:]}\n")
    config = parse(tomllib.loads(text))
    own = config.dialled("+15550100")
    assert own.tier() is config.tiers["pro"]
    assert own.agent.language == "es"
    assert own.phrases.greeting != SHIPPED_PHRASES["es"]["greeting"]
    assert own.phrases.goodbye != SHIPPED_PHRASES["es"]["goodbye"]
    assert config.dialled("+15550101").phrases.model_dump() == SHIPPED_PHRASES["es"]


def test_an_unknown_tier_of_a_number_is_a_problem() -> None:
    problems = problems_of({**RAW, "numbers": {"+15550100": {"tier": "gold"}}})
    assert "gold" in problems["numbers.+15550100.tier"]


def test_a_wrong_key_of_an_engine_is_named_with_its_table() -> None:
    engines = {**RAW["engines"], "piper": {**RAW["engines"]["piper"], "pitch": 1}}
    assert problems_of({**RAW, "engines": engines}) == {"engines.piper.pitch": "no such key"}


def test_engines_that_are_no_table_are_a_problem() -> None:
    assert problems_of({**RAW, "engines": 3})["engines"] == "must be a table of tables"


def test_emotions_are_known_words_and_tiers_know_what_they_have_of_them() -> None:
    found = problems_of(
        {
            **RAW,
            "agent": {"emotion": "gloomy", "emotion_presets": ["calm", ""], "speed": 3},
            "tiers": {"free": {**RAW["tiers"]["free"], "emotions": "some"}},
        }
    )
    assert "no such emotion; known: affectionate" in found["agent.emotion"]
    keys = {"agent.emotion", "agent.emotion_presets.1", "agent.speed", "tiers.free.emotions"}
    assert set(found) == keys


@pytest.mark.parametrize(("key", "value"), [("base_dir", "/"), ("is_outbound", True)])
def test_what_a_call_adds_to_the_config_is_not_a_key(key: str, value: Any) -> None:
    assert problems_of({**RAW, key: value}) == {key: "is not a key of this file"}


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"[server", "not valid TOML"), (b"\xff\xfe", "not UTF-8"), (None, "cannot be read")],
)
def test_a_file_that_is_no_config_says_so(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "config.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        load_config(path, settings_types())


def test_relative_paths_start_at_the_file() -> None:
    config = parse_config(RAW, settings_types(), base_dir=Path("/etc/voxd"), source="test")
    assert config.resolve("models/x") == Path("/etc/voxd/models/x")
    assert config.resolve("/models/x") == Path("/models/x")


def test_a_secret_comes_from_the_credential_before_the_environment(tmp_path: Path) -> None:
    (tmp_path / "TOKEN").write_text("from-file\n", encoding="utf-8")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "TOKEN": "from-env", "OTHER": " spare "}
    assert read_secret("TOKEN", environ) == "from-file"
    assert read_secret("OTHER", environ) == "spare"
    assert read_secret("NONE", environ) == ""
    (tmp_path / "FOLDER").mkdir()
    assert read_secret("FOLDER", environ | {"FOLDER": "from-env"}) == "from-env"


def test_a_credential_that_cannot_be_read_is_a_sentence_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    (tmp_path / "TOKEN").write_bytes(b"secret \xff")
    with pytest.raises(ConfigError, match="the secret TOKEN cannot be read: Unicode") as caught:
        read_secret("TOKEN", environ)
    assert "secret \\xff" not in str(caught.value)
    monkeypatch.setattr(Path, "read_text", refuse)  # what others than root meet, and root never
    with pytest.raises(ConfigError, match=r"TOKEN may be read by root only: ask as root \(sudo\)"):
        read_secret("TOKEN", environ)


def test_no_key_of_the_file_holds_a_secret() -> None:
    keys = {key for _, model in tables() for key in model.model_fields}
    assert not {key for key in keys if any(word in key for word in ("secret", "auth", "api_key"))}


@pytest.mark.parametrize(
    ("transport", "public_url", "expected"),
    [
        ("twiml", "https://voice.example.com", True),
        ("twiml", "", False),
        ("stream", "https://voice.example.com", False),
    ],
)
def test_calls_go_in_turns_where_the_tier_says_so_and_twilio_can_find_us(
    transport: str, public_url: str, expected: bool
) -> None:
    tiers = {**RAW["tiers"], "free": {**RAW["tiers"]["free"], "transport": transport}}
    raw = {**RAW, "tiers": tiers, "server": {**RAW["server"], "public_url": public_url}}
    config = parse_config(raw, settings_types(), base_dir=Path(), source="test")
    assert config.in_turns is expected


@pytest.mark.parametrize("hint", ["", "one, two", "x" * 101])
def test_hints_are_single_and_short(hint: str) -> None:
    raw = {**RAW, "twiml": {**RAW["twiml"], "hints": [hint]}}
    with pytest.raises(ConfigError, match="twiml.hints"):
        parse_config(raw, settings_types(), base_dir=Path(), source="test")


def test_agents_ask_an_engine_for_voices_of_their_own() -> None:
    agents = {"night": {"voices": {"piper": "owl.onnx"}}, "day": {"voices": {"piper": ""}}}
    config = parse({**RAW, "agents": agents})
    assert config.agent_voices("piper") == {"owl.onnx": "agents.night.voices.piper"}
    assert config.agent_voices("cartesia") == {}


def test_the_example_of_the_documentation_works() -> None:
    text = (SHIPPED.parent / "docs" / "numbers.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    config = parse({**RAW, **tomllib.loads("\n".join(examples))})
    own = config.dialled("+15550100").filled({"tenant": "Sol", "date": "2026-11-22"})
    assert own.phrases.greeting == "Dental practice Sol, hello!"
    assert "open Monday to Friday, nine to five." in own.agent.prompt
    assert (own.call.max_call_s, own.agent.transfer.number) == (600.0, "+15550123")
    assert config.lookup.url == "https://crm.example.com/voxd"


def test_the_tiers_in_use_are_those_that_a_call_may_have() -> None:
    config = parse({**RAW, "numbers": {"+1": {"tier": "pro"}, "+2": {}, "+3": {"tier": "pro"}}})
    assert config.tiers_in_use() == (config.tiers["free"], config.tiers["pro"])
    asked = parse({**RAW, "lookup": {"url": "https://example.com/who"}})
    assert asked.tiers_in_use() == tuple(asked.tiers.values())
