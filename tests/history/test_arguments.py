import argparse
from datetime import UTC, datetime, timedelta

import pytest

from voxd.history.arguments import NAMES, add_commands, parse_since


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(dest="command"))
    return parser


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("4w", timedelta(days=28)),
    ],
)
def test_a_period_is_counted_back_from_now(text: str, length: timedelta) -> None:
    assert abs(datetime.now(UTC) - length - parse_since(text)) < timedelta(minutes=1)


def test_a_date_is_of_this_machines_zone() -> None:
    assert parse_since("2026-11-01") == datetime(2026, 11, 1).astimezone()
    assert parse_since("2026-11-01T10:00+00:00") == datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "7", "-1d", "999999w", "0001-01-01", "٣d" * 9])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        parse_since(text)


def test_defaults_are_twenty_calls_and_a_week() -> None:
    history = parser().parse_args(["history"])
    assert (history.last, history.since, history.json) == (20, None, False)
    assert isinstance(parser().parse_args(["stats"]).since, datetime)
    assert parser().parse_args(["show", "last"]).id == "last"


@pytest.mark.parametrize(
    "arguments",
    [["history", "--last", "0"], ["history", "--last", "x"], ["show"], ["stats", "--since", "x"]],
)
def test_nonsense_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize("name", NAMES)
def test_help_explains_the_words(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([name, "--help"])
    told = capsys.readouterr().out
    assert "examples:" in told and "--json" in told
