from hypothesis import given
from hypothesis import strategies as st

from voxd.twilio.ordering import SequenceOrder


def take(order: SequenceOrder, number: int) -> str | None:
    reason = order.judge(number)
    if reason is None:
        order.accept(number)
    return reason


def test_numbers_in_order_pass_whatever_the_first_is() -> None:
    order = SequenceOrder()
    assert [take(order, number) for number in (7, 8, 9, 12, 500)] == [None] * 5


def test_a_number_again_is_repeated_and_a_lower_one_out_of_order() -> None:
    order = SequenceOrder()
    take(order, 10)
    assert take(order, 10) == "repeated"
    assert take(order, 9) == "out_of_order"
    assert take(order, 11) is None


def test_a_wild_number_is_refused_and_harms_nothing() -> None:
    order = SequenceOrder()
    take(order, 10)
    assert take(order, 10**9) == "out_of_order"
    assert take(order, 11) is None


def test_every_message_twice_passes_once() -> None:
    order = SequenceOrder()
    passed = [number for number in range(100) for _ in range(2) if take(order, number) is None]
    assert passed == list(range(100))


def test_a_stream_that_starts_over_is_followed_after_half_a_second() -> None:
    order = SequenceOrder()
    take(order, 1000)
    answers = [take(order, number) for number in range(1, 40)]
    assert answers[:25] == ["out_of_order"] * 25
    assert answers[25:] == [None] * 14


@given(wild=st.lists(st.integers(0, 10**15), max_size=50), following=st.integers(0, 10**12))
def test_no_numbers_make_it_deaf(wild: list[int], following: int) -> None:
    order = SequenceOrder()
    for number in wild:
        take(order, number)
    answers = [take(order, following + index) for index in range(30)]
    assert answers[26:] == [None] * 4
