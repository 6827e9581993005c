from voxd.server.rate import TokenBucket


def taken(bucket: TokenBucket, times: int, now: float) -> int:
    return sum(bucket.take(now) for _ in range(times))


def test_a_burst_passes_and_then_the_rate() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=5, now=100.0)
    assert taken(bucket, 20, 100.0) == 5
    assert taken(bucket, 20, 100.25) == 2
    assert taken(bucket, 20, 100.31) == 1  # the half of 100.25 was not lost
    assert taken(bucket, 20, 101.31) == 5  # not ten: no more than a burst is saved up


def test_what_keeps_to_the_rate_always_passes() -> None:
    bucket = TokenBucket(rate_per_s=50, burst=1, now=0.0)
    assert all(bucket.take(number * 0.0201) for number in range(1, 1000))
