import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.records.redaction import mask_number, redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("call me at 555-0100 please", "call me at [number] please"),
        ("it is +1 (555) 010-0199.", "it is [number]."),
        ("4111 1111 1111 1111", "[number]"),
        ("born on 12.05.1971", "born on [number]"),
        ("five five five, oh one two three", "[number]"),
        ("One, two and three", "[number]"),
        ("seis cinco cuatro tres dos", "[number]"),
        ("twenty 21 22", "[number]"),
        ("my code is four hundred", "my code is [number]"),
        ("born in nineteen ninety, twenty-twenty", "born in [number]"),
        ("it is 4 hundred or nineteen 90", "it is [number] or [number]"),
        ("ciento veinte, dos mil y un millón", "[number]"),
        ("son doscientos euros y quinientas libras", "son [number] euros y [number] libras"),
        ("VEINTIDÓS DIECISÉIS o veintidos dieciseis", "[number] o [number]"),
        ("nueve uno dieciocho veintitrés", "[number]"),
        ("write to ana.sol+x@example.com today", "write to [e-mail] today"),
    ],
)
def test_numbers_and_addresses_are_taken_out(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "a table for 4 at 19",
        "one or two of them",
        "I need someone to look at ten chairs",
        "at half past nine, please",
        "twenty-one of them, or treinta y cinco",
        "at ten. Twenty people come",
        "mil gracias, a hundred times, a triple room",
        "son veintiuno, veintidós no",
        "",
    ],
)
def test_small_numbers_are_what_conversations_are_about(text: str) -> None:
    assert redact(text) == text


@given(st.text(alphabet="0123456789 -.+()abc@", max_size=200))
def test_never_three_digits_in_a_row_are_left(text: str) -> None:
    kept = redact(text)
    assert not any(kept[i : i + 3].isdecimal() for i in range(len(kept) - 2))


def test_a_long_text_does_not_take_long() -> None:
    redact("one " * 5_000 + "a@" * 5_000 + "1 " * 5_000 + "@" * 5_000)


@pytest.mark.parametrize(
    ("number", "masked"),
    [("+15550100", "+******00"), ("anonymous", "*******us"), ("", ""), ("12", "12"), ("+1", "+1")],
)
def test_of_a_number_the_end_is_left(number: str, masked: str) -> None:
    assert mask_number(number) == masked
