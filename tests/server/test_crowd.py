import pytest

from voxd.server.crowd import Crowd, choose_leaver


def test_all_together_and_each_address_have_their_bound() -> None:
    crowd = Crowd(most=3, most_of_one=2)
    with crowd.holding("a"), crowd.holding("a"):
        assert not crowd.has_room("a")
        assert crowd.has_room("b")
        with crowd.holding("b"):
            assert len(crowd) == 3
            assert not crowd.has_room("c")
        assert crowd.has_room("b")
    assert len(crowd) == 0


def test_who_has_no_key_is_bounded_by_all_only() -> None:
    crowd = Crowd(most=3, most_of_one=1)
    with crowd.holding(""), crowd.holding(""):
        assert crowd.has_room("")
        with crowd.holding(""):
            assert not crowd.has_room("")


def test_whoever_leaves_by_an_error_has_left() -> None:
    crowd = Crowd(most=1, most_of_one=1)
    with pytest.raises(KeyError), crowd.holding("a"):
        raise KeyError
    assert crowd.has_room("a")


@pytest.mark.parametrize(
    ("idle", "key", "leaver"),
    [
        ("a1 b1 b2 c1", "d", "b1"),  # the oldest of the one with the most
        ("a1 b1", "d", "a1"),  # among equals the oldest
        ("a1 b1 b2", "b", "b1"),  # who has the most himself changes places with himself
        ("a1 a2 b1 b2", "b", "b1"),  # nobody gives way to one who has as many
        ("a1 a2 a3 b1 b2", "b", "a1"),
        ("-1 -2 a1", "b", "a1"),  # those without a bound of their own are no hogs
        ("-1 a1", "-", "a1"),
        ("-1 -2", "-", "-1"),
        ("-1 -2", "a", None),
        ("", "a", None),
    ],
)
def test_who_gives_way(idle: str, key: str, leaver: str | None) -> None:
    guests = {guest: guest[0].replace("-", "") for guest in idle.split()}
    assert choose_leaver(guests, key.replace("-", "")) == leaver
