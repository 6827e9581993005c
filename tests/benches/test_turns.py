"""A run compares all policies on the half that nothing was tuned on."""

from xml.etree import ElementTree

import pytest

from benches import turns
from benches.turns import load_tiers
from tests.benches.moments import moments


def test_a_run_reports_every_policy_and_draws_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [*moments(), *moments(is_tuned=False)]
    monkeypatch.setattr(turns, "collect", lambda: both)
    result = turns.run()
    names = [row.name for row in result.rows]
    assert names[:5] == [*turns.FAMILIES, turns.PIPECAT]
    assert any(name.startswith("as shipped") for name in names)
    assert result.rows[3].reported.mean_cut_off() < 0.5
    assert result.fewer["silence only"].estimate < 0
    assert not result.is_good  # so few pauses prove nothing
    turns.show(result)
    shown = capsys.readouterr().out
    assert all(name in shown for name in names)
    ElementTree.fromstring(turns.picture(result))
    assert result.to_json()["rows"][0]["name"] == names[0]


def test_the_tiers_are_those_of_the_shipped_config() -> None:
    names = [name for tiers in load_tiers().values() for name in tiers]
    assert sorted(names) == ["enterprise", "free", "pro", "starter"]
