"""Every other number."""

import pytest

from voxd.dialog.normalization.counting import say_counts


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("the 3rd of 12", "the third of twelve"),
        ("1st, 22nd", "first, twenty-second"),
        ("since 1998", "since nineteen ninety eight"),
        ("in 2024.", "in twenty twenty four."),
        ("1500 people", "one thousand five hundred people"),
        ("in 1500 words", "in one thousand five hundred words"),
        ("the 1990s and '80s", "the nineteen nineties and eighties"),
        ("1/2 cup, 3/4 full", "one half cup, three quarters full"),
        ("2 1/2 hours", "two and a half hours"),
        ("2½ hours", "two and a half hours"),
        ("open 24/7", "open twenty-four seven"),
        ("version 1.2.3", "version one point two point three"),
        ("#1 choice", "number one choice"),
        ("room 204", "room two zero four"),
        ("call 911", "call nine one one"),
        ("order number is 12345", "order number is one two three four five"),
        ("order #45821 ships", "order number four five eight two one ships"),
        ("flight AA1234", "flight AA-one two three four"),
        ("call 300 customers", "call three hundred customers"),
        ("Albany, NY 12207", "Albany, NY one two two zero seven"),
        ("2-3 days", "two to three days"),
        ("a 19-year-old", "a nineteen-year-old"),
        ("COVID-19", "COVID-nineteen"),
        ("A12 and 5G", "A-twelve and five G"),
        ("3x faster", "three times faster"),
        ("8x10", "eight by ten"),
        ("it is -5 now", "it is minus five now"),
        ("~20 of them", "about twenty of them"),
        ("1, 2, 3", "one, two, three"),
    ],
)
def test_english_counts(written: str, said: str) -> None:
    assert " ".join(say_counts(written, "en").split()) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("el 3er piso", "el tercer piso"),
        ("la 2ª puerta", "la segunda puerta"),
        ("1 hora y 21 días", "una hora y veintiún días"),
        ("200 personas", "doscientas personas"),
        ("habitación 204", "habitación dos cero cuatro"),
        ("en 1998", "en mil novecientos noventa y ocho"),
        ("1/2", "medio"),
        ("2-3 días", "dos a tres días"),
        ("#1", "número uno"),
    ],
)
def test_spanish_counts(written: str, said: str) -> None:
    assert " ".join(say_counts(written, "es").split()) == said
