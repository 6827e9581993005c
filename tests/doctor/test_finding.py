from voxd.doctor.finding import bad, exit_code, good, sum_up, warn

GOOD, WARN, BAD = good("a", "well"), warn("b", "so so", "look"), bad("c", "broken", "mend", at_s=2)


def test_the_exit_code_is_that_of_the_worst() -> None:
    assert exit_code([]) == 0
    assert exit_code([GOOD]) == 0
    assert exit_code([WARN, GOOD]) == 1
    assert exit_code([GOOD, BAD, WARN]) == 2


def test_a_line_says_what_to_do_where_something_is_to_be_done() -> None:
    assert str(GOOD).split() == ["good", "a", "well"]
    assert str(BAD).splitlines()[1].strip() == "-> mend"
    assert BAD.to_json() == {
        "subject": "c",
        "verdict": "bad",
        "told": "broken",
        "advice": "mend",
        "figures": {"at_s": 2},
    }


def test_the_last_line_counts() -> None:
    assert sum_up([GOOD, GOOD]) == "All 2 are good."
    assert sum_up([GOOD, BAD, WARN]) == "1 bad, 1 to look at, of 3."
