import pytest

from voxd.server.crowd import Crowd


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
