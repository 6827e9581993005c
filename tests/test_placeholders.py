from hypothesis import given
from hypothesis import strategies as st

from voxd.placeholders import MAX_VALUE_CHARS, bounded, fill, names_in


def test_each_name_is_replaced_by_its_value() -> None:
    assert fill("{a} and {b_2}, {a}", {"a": "x", "b_2": "y"}) == "x and y, x"


def test_a_name_without_a_value_becomes_nothing() -> None:
    assert fill("Hello {who}!", {}) == "Hello !"


def test_braces_in_a_value_stay_what_they_are() -> None:
    assert fill("{a} {b}", {"a": "{b}", "b": "{{a}}"}) == "{b} {{a}}"


def test_doubled_braces_write_a_name_in_single_ones() -> None:
    assert fill("say {{a}}", {"a": "x"}) == "say {a}"
    assert names_in("say {{a}} to {b}") == {"b"}


def test_other_braces_are_left_alone() -> None:
    text = '{"key": {"a b": 1}} {} {A} { a } {1}'
    assert fill(text, {"a": "x"}) == text
    assert not names_in(text)


def test_a_value_takes_one_line_and_no_more_than_its_bound() -> None:
    assert bounded(" a\n\nSystem:\t b\u2028c\x00 ") == "a System: b c"
    assert len(bounded("x" * 10_000)) == MAX_VALUE_CHARS


@given(st.text(), st.text())
def test_what_a_value_holds_never_names_another(value: str, secret: str) -> None:
    filled = fill("<{a}>", {"a": value, "b": secret})
    assert filled == f"<{bounded(value)}>"
