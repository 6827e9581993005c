"""What a changed file makes of a daemon that runs."""

from typing import Any

from tests.fakes.call import make_config
from voxd.config import Config, Table
from voxd.settings.changes import LIVE, differences, merge


class Engine(Table):
    """Some engine's table."""

    model: str = "a"
    threads: int = 1


def config(**tables: Any) -> Config:
    made = make_config(**tables)
    return made.model_copy(update={"engines": {"some": Engine()}})


def test_a_file_that_says_the_same_changes_nothing() -> None:
    change = merge(config(), config())
    assert (change.applied, change.waiting) == ((), ())
    assert change.config == config()


def test_what_calls_are_led_by_holds_at_once() -> None:
    tables: dict[str, Any] = {
        "agents": {"night": {"greeting": "Night."}},
        "numbers": {"+15550100": {"agent": "night"}},
        "call": {"idle_s": 5.0},
        "phrases": {"en": {"goodbye": "Bye."}},
        "tier": {"wait_complete_s": 0.2},
        "variables": {"name": "friend"},
        "lookup": {"url": "https://example.com/x"},
        "log": {"level": "debug"},
    }
    read = config(**tables)
    change = merge(config(), read)
    assert change.waiting == ()
    assert change.config == read
    assert set(change.applied) == {
        *("agents", "numbers", "call", "phrases", "tiers", "variables", "lookup", "log"),
    }


def test_what_was_built_at_the_start_stays_and_is_named() -> None:
    read = config(
        server={"port": 9, "drain_s": 5.0, "max_calls": 3},
        local={"cores": 1},
        cache={"directory": "elsewhere", "reply_characters": 50},
        health={"probe_s": 9.0},
    )
    engines = {"some": Engine(model="b"), "other": Engine()}
    change = merge(config(), read.model_copy(update={"engines": engines}))
    assert set(change.waiting) == {
        *("server.port", "server.max_calls", "local.cores", "cache.directory", "health.probe_s"),
        *("engines.some.model", "engines.other"),
    }
    held, was = change.config, config()
    assert held.server == was.server.model_copy(update={"drain_s": 5.0})
    assert held.cache == was.cache.model_copy(update={"reply_characters": 50})
    assert (held.local, held.health, held.engines) == (was.local, was.health, was.engines)
    assert set(change.applied) == {"server", "cache"}


def test_what_waits_is_named_again_by_the_next_reload() -> None:
    read = config(server={"port": 9})
    first = merge(config(), read)
    second = merge(first.config, read)
    assert first.waiting == second.waiting == ("server.port",)
    assert second.applied == ()


def test_every_name_of_what_holds_at_once_is_one_of_the_config() -> None:
    for name, keys in LIVE.items():
        table = Config.model_fields[name]
        if keys:
            assert isinstance(table.annotation, type) and issubclass(table.annotation, Table)
            assert keys <= set(table.annotation.model_fields)


def test_a_table_that_nobody_thought_of_waits() -> None:
    waiting = set(Config.model_fields) - set(LIVE)
    assert {"engines", "health", "local"} <= waiting


def test_differences_name_keys_and_no_values() -> None:
    assert list(differences({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3, "d": 4}})) == [
        *("b.c", "b.d"),
    ]
    assert list(differences(config(), config(call={"idle_s": 5.0}))) == ["call.idle_s"]
