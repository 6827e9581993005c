import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.engines.local.step_plan import (
    FIRST_TOKENS,
    LEAST_CHUNK,
    BatchToken,
    Pace,
    Work,
    choose_donor,
    choose_threads,
    common_prefix,
    is_waited_for,
    plan_step,
)

TOKENS = st.lists(st.integers(0, 3), max_size=12)


def writing(sequence: int, priority: int = 0, position: int = 10) -> Work:
    return Work(sequence, [7], position, True, True, (priority, 0.0, sequence))


def reading(sequence: int, count: int, priority: int = 0, *, samples: bool = True) -> Work:
    return Work(sequence, list(range(count)), 0, False, samples, (priority, 0.0, sequence))


def prompt_tokens(batch: list[BatchToken], sequence: int) -> list[BatchToken]:
    return [item for item in batch if item.sequence == sequence]


@given(TOKENS, TOKENS)
def test_common_prefix_is_the_longest(left: list[int], right: list[int]) -> None:
    length = common_prefix(left, right)
    assert left[:length] == right[:length]
    assert left[length : length + 1] != right[length : length + 1] or length == len(left)


def test_own_sequence_wins_a_tie_and_a_longer_prefix_wins_over_it() -> None:
    prompt = [1, 2, 3, 4]
    assert choose_donor(prompt, {0: [1, 2], 1: [1, 2]}, own=1) == (1, 2)
    assert choose_donor(prompt, {0: [1, 2, 3, 9], 1: [1, 2]}, own=1) == (0, 3)
    assert choose_donor(prompt, {}, own=1) == (1, 0)


def test_nothing_to_do_is_an_empty_batch() -> None:
    assert plan_step([], 64) == []


def test_every_reply_being_written_gets_one_token_in_every_step() -> None:
    batch = plan_step([writing(0), writing(1), reading(2, 500), writing(3)], 64)
    for sequence in (0, 1, 3):
        assert prompt_tokens(batch, sequence) == [BatchToken(7, sequence, 10, True)]


def test_prompt_tokens_of_a_step_are_bounded_over_all_prompts() -> None:
    batch = plan_step([reading(0, 40), reading(1, 40), reading(2, 40)], 64)
    assert [len(prompt_tokens(batch, sequence)) for sequence in (0, 1, 2)] == [40, 24, 0]


def test_the_most_urgent_prompt_goes_first() -> None:
    batch = plan_step([reading(0, 100, priority=3), reading(1, 50, priority=0)], 64)
    assert len(prompt_tokens(batch, 1)) == 50
    assert len(prompt_tokens(batch, 0)) == 14


def test_a_prompt_takes_less_beside_a_reply_at_least_as_urgent() -> None:
    def taken(prompt_priority: int) -> int:
        batch = plan_step([writing(0, priority=1), reading(1, 500, prompt_priority)], 64)
        return len(prompt_tokens(batch, 1))

    assert (taken(0), taken(1), taken(3)) == (64, 32, 16)


def test_logits_are_wanted_for_the_last_prompt_token_of_a_reply_only() -> None:
    first = plan_step([reading(0, 10)], 8)
    assert not any(item.wants_logits for item in first)
    whole = plan_step([reading(0, 8)], 8)
    assert [item.wants_logits for item in whole] == [False] * 7 + [True]
    prepared = plan_step([reading(0, 8, samples=False)], 8)
    assert not any(item.wants_logits for item in prepared)


def test_positions_go_on_from_what_the_sequence_holds() -> None:
    batch = plan_step([Work(4, [5, 6, 7], 20, False, True, (0.0, 0.0, 1))], 2)
    assert [(item.token, item.position) for item in batch] == [(5, 20), (6, 21)]


def test_an_unmeasured_machine_gets_the_whole_chunk() -> None:
    assert Pace(64).chunk_tokens == 64


def test_the_chunk_follows_the_machine_within_its_bounds() -> None:
    slow, fast, middling = Pace(64), Pace(64), Pace(64)
    slow.measured(64, 64.0)
    fast.measured(64, 0.001)
    middling.measured(64, 0.2)
    assert slow.chunk_tokens == LEAST_CHUNK
    assert fast.chunk_tokens == 64
    assert middling.chunk_tokens == 32


def test_decoding_steps_say_nothing_about_prompts() -> None:
    pace = Pace(64)
    pace.measured(2, 10.0)
    assert pace.chunk_tokens == 64


def test_a_chunk_below_the_least_is_kept() -> None:
    pace = Pace(4)
    pace.measured(4, 40.0)
    assert pace.chunk_tokens == 4


@pytest.mark.parametrize(
    ("least", "most", "idle", "threads"),
    [(1, 2, 1, 2), (1, 2, 7, 2), (1, 4, 2, 3), (1, 2, 0, 1), (2, 1, 4, 2)],
)
def test_what_a_caller_waits_for_may_use_cores_that_are_idle(
    least: int, most: int, idle: int, threads: int
) -> None:
    assert choose_threads(least, most, lambda: idle, is_waited_for=True) == threads
    assert choose_threads(least, most, lambda: idle, is_waited_for=False) == least


@pytest.mark.parametrize(
    ("tokens", "written", "is_waited"),
    [
        (LEAST_CHUNK, [], True),
        (LEAST_CHUNK - 1, [], False),
        (1, [0], True),
        (1, [FIRST_TOKENS], False),
        (2, [FIRST_TOKENS, FIRST_TOKENS - 1], True),
        (LEAST_CHUNK, [FIRST_TOKENS], True),
    ],
)
def test_a_caller_waits_for_prompts_and_first_words(
    tokens: int, written: list[int], is_waited: bool
) -> None:
    assert is_waited_for(tokens, written) is is_waited


def test_nobody_looks_for_idle_cores_where_that_changes_nothing() -> None:
    def look() -> int:
        raise AssertionError("asked")

    assert choose_threads(1, 2, look, is_waited_for=False) == 1
    assert choose_threads(2, 2, look, is_waited_for=True) == 2
