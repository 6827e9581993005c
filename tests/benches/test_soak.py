from benches.soak import OVERRIDES, Samples, limit, show, sum_up
from tests.benches.test_calls import connected, refused
from voxd.engines.local.piper_worker import MAX_PIECE


def steady(value: float, growth: float = 0.0) -> list[tuple[float, float]]:
    return [(2.0 * step, value + growth * step) for step in range(300)]


def seen(growth: float = 0.0) -> Samples:
    waits = [(10.0 * step, 500.0 + step % 3) for step in range(60)]
    return Samples(steady(90, growth), steady(800), steady(60), steady(40), steady(2), waits)


def test_what_stays_as_it_is_keeps_the_promise() -> None:
    result = sum_up(10, 3, seen(), [connected(500), connected(600)])
    assert [trend.name for trend in result.trends][0] == "memory of the daemon"
    assert len(result.trends) == 6 and result.is_good
    assert result.to_json()["is_good"] is True


def test_a_leak_or_a_refused_call_breaks_it() -> None:
    assert not sum_up(10, 3, seen(growth=0.1), [connected(500)]).is_good
    assert not sum_up(10, 3, seen(), [connected(500), refused()]).is_good


def test_the_beginning_does_not_count() -> None:
    filling = Samples(daemon_mib=[(at, 50 if at < 175 else 90.0) for at, _ in steady(0)])
    [trend] = sum_up(10, 3, filling, []).trends
    assert trend.is_flat and trend.mean == 90


def test_the_machine_is_not_filled() -> None:
    assert limit() >= 1


def test_it_is_told_how_it_was_judged(capsys: object) -> None:
    show(sum_up(10, 3, seen(growth=0.1), [connected(500)]))
    text = capsys.readouterr().out  # type: ignore[attr-defined]
    assert "GROWS" in text and "flat within noise" in text and "NOT KEPT" in text


def test_the_voice_says_at_the_start_the_longest_that_it_ever_gets_at_once() -> None:
    [text] = (value for value in OVERRIDES.values() if isinstance(value, str))
    assert 0.95 * MAX_PIECE < len(text) <= MAX_PIECE
