from voxd.config import Number
from voxd.lookup.cache import AnswerCache

KEY = ("+15550100", "+15550199")
SOL = Number(tenant="sol")


def test_an_answer_is_fresh_then_stale_then_gone() -> None:
    cache = AnswerCache(entries=10, ttl_s=60, stale_s=600)
    assert cache.get(KEY, 0.0) is None
    cache.put(KEY, SOL, 100.0)
    for now, is_fresh in ((100.0, True), (160.0, True), (160.1, False), (760.0, False)):
        answer = cache.get(KEY, now)
        assert answer is not None
        assert (answer.number, answer.is_fresh) == (SOL, is_fresh)
    assert cache.get(KEY, 760.1) is None
    assert len(cache) == 0


def test_a_new_answer_takes_the_old_ones_place() -> None:
    cache = AnswerCache(entries=10, ttl_s=60, stale_s=600)
    cache.put(KEY, SOL, 0.0)
    cache.put(KEY, Number(tenant="luna"), 200.0)
    answer = cache.get(KEY, 201.0)
    assert answer is not None
    assert (answer.number.tenant, answer.is_fresh) == ("luna", True)


def test_the_one_that_was_unused_for_longest_goes() -> None:
    cache = AnswerCache(entries=2, ttl_s=60, stale_s=600)
    cache.put(("1", ""), SOL, 0.0)
    cache.put(("2", ""), SOL, 1.0)
    assert cache.get(("1", ""), 2.0)
    cache.put(("3", ""), SOL, 3.0)
    assert cache.get(("2", ""), 4.0) is None
    assert cache.get(("1", ""), 4.0)
    assert len(cache) == 2
