"""Text for the ear, whole: every step after the other."""

import re
from itertools import zip_longest
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.spoken import MAX_CHARACTERS, is_speakable, to_spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Sure!** We're open.", "Sure! We're open."),
        ("- Monday to Friday", "Monday to Friday,"),
        ("1. Call us", "Call us,"),
        ("See [our site](http://x.y)", "See our site"),
        ("Great 😀 idea", "Great idea"),
        ("fish & chips, 50% off", "fish and chips, fifty percent off"),
        ("***", ""),
        ("👍", ""),
        ("# Title", "Title"),
        ("It costs $5.", "It costs five dollars."),
        ("I'm [Your Name], hello.", "I'm, hello."),
        ("[laughs]", ""),
        ("Hi {first_name}!", "Hi!"),
        ("Press [5] now, a < b > c", "Press five now, a b c"),
        (
            "Call (555) 123-4567 or mail info@example.com.",
            "Call five five five, one two three, four five six seven or mail info at example dot"
            " com.",
        ),
        (
            "Dr. Lee is in Mon-Fri, 9am-5:30pm (closed July 4th).",
            "Doctor Lee is in Monday to Friday, nine AM to five thirty PM, closed July fourth.",
        ),
        (
            "On 3/15/2024 at 10:05, it was -5°C & 30% off: $1,299.99!",
            "On March fifteenth, twenty twenty four at ten oh five, it was minus five degrees"
            " Celsius and thirty percent off: one thousand two hundred and ninety-nine dollars and"
            " ninety-nine cents!",
        ),
        ("Visit https://www.example.com/book?x=1.", "Visit example dot com slash book."),
        ("Your code is 0042.", "Your code is zero zero four two."),
    ],
)  # fmt: skip
def test_english_is_said_as_a_person_would(written: str, spoken: str) -> None:
    assert to_spoken(written, "en") == spoken
    assert to_spoken(spoken, "en") == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Abrimos a las 9:30, de lun-vie.", "Abrimos a las nueve y media, de lunes a viernes."),
        ("Cuesta 1.299,99 €.", "Cuesta mil doscientos noventa y nueve euros con noventa y nueve"
         " céntimos."),
        ("Llame al 912 345 678.", "Llame al nueve uno dos, tres cuatro cinco, seis siete ocho."),
        ("El 15 de marzo a las 17:00", "El quince de marzo a las cinco de la tarde"),
        ("Tengo 1 hora y 21 días, el 50 %.",
         "Tengo una hora y veintiún días, el cincuenta por ciento."),
        ("¿El Dr. Gil? Escriba a info@ejemplo.es",
         "¿El Doctor Gil? Escriba a info arroba ejemplo punto E-S"),
    ],
)  # fmt: skip
def test_spanish_is_said_as_a_person_would(written: str, spoken: str) -> None:
    assert to_spoken(written, "es") == spoken
    assert to_spoken(spoken, "es") == spoken


def test_of_other_languages_only_markup_goes() -> None:
    assert to_spoken("**Um 10:30** für 5 €, Dr. Lee 😀", "de") == "Um 10 30 für 5 €, Dr. Lee"


PIECES = st.sampled_from(
    [
        *"abc .,!?;:\n-–—*_`~#|<>{}[]()^\\/@&%+=$€£°\"'¿¡½",
        *("1", "23", "4567", "0", "1,234.5", "10:30", "p.m.", "am", "Dr.", "St.", "No.", "the "),
        *("https://x.com/a", "a@b.co", "March ", "3/4", "2024-01-02", "km", "1st", "3er", "$5-10"),
        *("Mrſ.", "mın", "3 de ſep.", "MÍn.", "lun-vıe", "ſ", "ı", "İ", "\N{KELVIN SIGN}m"),
        *("😀", "ñ", "\x00", "\ud800", "²", "٣", "<b>", "[laughs]", "```", "US$", "EUR", "and/or"),
    ]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=200)
LANGUAGES = st.sampled_from(["en", "es", "de"])


@given(TEXTS, LANGUAGES)
def test_whatever_comes_it_is_bounded_and_without_markup(text: str, language: str) -> None:
    spoken = to_spoken(text, language)
    assert len(spoken) <= max(MAX_CHARACTERS, len(text))
    assert not re.search(r"[*_`~#|<>{}\[\]\\^\x00-\x1f\ud800-\udfff😀]|  ", spoken)
    assert spoken == spoken.strip()
    if language != "de":
        assert not re.search(r"[0-9$€£%@&=°]", spoken)


@pytest.mark.parametrize(
    ("written", "language", "spoken"),
    [
        ("Mrſ. Smith", "en", "Missus Smith"),
        ("5 mın", "en", "five minutes"),
        ("the Wıng, İnc.", "en", "the Wing, Incorporated."),
        ("20 \N{KELVIN SIGN}m", "en", "twenty kilometers"),
        ("3 de ſep.", "es", "tres de septiembre"),
        ("Un mıllón", "es", "Un millón"),
        ("Un mıllón", "tr", "Un mıllón"),
    ],
)
def test_letters_that_seem_to_be_of_the_alphabet_are_taken_for_it(
    written: str, language: str, spoken: str
) -> None:
    assert to_spoken(written, language) == spoken


TABLED = (
    "Mrs. Ms. Capt. Sgt. St. Ste. misc. Inc. dist. etc. approx. vs. est. i.e. Sra. Sres. Lic. Ing."
    " Uds. mín. máx. pág. dpto. izq. EE.UU. 5-min 5min 3sec 7ms 2mi 9lbs 5Km 4kW 6GHz 8kbps 60mph"
    " 1fish 2hrs Sun-Fri lun-vie sáb-dom Fri. mié. Sept. 3sept 3º $5/visit £3/unit €2/sesión 3I"
    " info@shop.si Kiosk.is PIN 1234 extension 55 and/or misión"
).split()


@given(
    st.lists(st.sampled_from([*TABLED, "3 de", "Sept. 5", "5 de dic.", "12"]), max_size=12),
    st.sets(st.sampled_from("siIK")),
    st.sampled_from(["en", "es"]),
)
def test_no_table_misses_such_a_letter(
    pieces: list[str], disguised: set[str], language: str
) -> None:
    disguises = {"s": "ſ", "i": "ı", "I": "İ", "K": "\N{KELVIN SIGN}"}
    table = str.maketrans({letter: disguises[letter] for letter in disguised})
    text = " ".join(pieces)
    assert to_spoken(text.translate(table), language) == to_spoken(text, language)


@given(
    st.lists(st.text("abcdefghijklmnopqrstuvwxyzáéñ'", min_size=1, max_size=12), max_size=12),
    LANGUAGES,
)
def test_plain_words_stay_as_they_are(words: list[str], language: str) -> None:
    text = " ".join(words)
    assert to_spoken(text, language) == (text if any(map(str.isalnum, text)) else "")


@given(TEXTS, LANGUAGES)
def test_only_what_can_be_spoken_is_speakable(text: str, language: str) -> None:
    assert is_speakable(text) or not to_spoken(text, language)


def test_a_page_of_digits_is_cut_at_a_word() -> None:
    spoken = to_spoken("7" * 180, "en")
    assert len(spoken) <= MAX_CHARACTERS
    assert set(spoken.split()) == {"seven"}


WORDS = st.sampled_from(
    "We are open today St st Main Dr Mr Mrs etc Inc approx No no Mon Sun Jan Sept a p m am to or w"
    " est don't it’s 'tis ' él señor 'etc ’Dr d'Ing Srta Ud núm dpto pág ej izq ex kg min hrs EST"
    " Co co".split()
)


@given(st.lists(WORDS, min_size=1, max_size=8), st.data())
def test_words_that_take_the_short_way_are_said_as_by_the_long_one(
    words: list[str], data: st.DataObject
) -> None:
    marks = data.draw(st.lists(st.sampled_from(["", "", ",", "?", "!", ";", ".", ":"])))
    text = " ".join(word + mark for word, mark in zip_longest(words, marks, fillvalue=""))
    language = data.draw(st.sampled_from(["en", "es", "de"]))
    quickly = to_spoken(text, language), is_speakable(text)
    with patch("voxd.dialog.spoken._PLAIN", re.compile("(?!)")):
        assert quickly == (to_spoken(text, language), is_speakable(text))
