"""Abbreviations to words. Pure.

Only those that stand for one thing; a full stop that also ends the sentence is kept.
"""

import re

from voxd.dialog.normalization.sentence_end import ends_sentence

# Written without its full stop -> said. Before a name, so never the end of a sentence:
_TITLES = {
    "en": {
        "Mr": "Mister",
        "Mrs": "Missus",
        "Ms": "Miz",
        "Dr": "Doctor",
        "Prof": "Professor",
        "Rev": "Reverend",
        "Gen": "General",
        "Capt": "Captain",
        "Lt": "Lieutenant",
        "Sgt": "Sergeant",
    },
    "es": {
        "Sr": "señor",
        "Sra": "señora",
        "Srta": "señorita",
        "Sres": "señores",
        "Dr": "doctor",
        "Dra": "doctora",
        "Prof": "profesor",
        "Ing": "ingeniero",
        "Lic": "licenciado",
        "Avda": "avenida",
        "Av": "avenida",
        "Pza": "plaza",
        "p. ej": "por ejemplo",
        "p.ej": "por ejemplo",
    },
}
# Anywhere:
_OTHERS = {
    "en": {
        "Jr": "Junior",
        "Sr": "Senior",
        "Ave": "Avenue",
        "Blvd": "Boulevard",
        "Rd": "Road",
        "Hwy": "Highway",
        "Apt": "Apartment",
        "Ste": "Suite",
        "etc": "et cetera",
        "e.g": "for example",
        "i.e": "that is",
        "vs": "versus",
        "approx": "approximately",
        "dept": "department",
        "ext": "extension",
        "est": "established",
        "tel": "telephone",
        "appt": "appointment",
        "incl": "including",
        "Inc": "Incorporated",
        "Ltd": "Limited",
        "Corp": "Corporation",
        "Co": "Company",
        "a.k.a": "also known as",
    },
    "es": {
        "Ud": "usted",
        "Uds": "ustedes",
        "Vd": "usted",
        "Vds": "ustedes",
        "EE. UU": "Estados Unidos",
        "EE.UU": "Estados Unidos",
        "etc": "etcétera",
        "núm": "número",
        "tel": "teléfono",
        "aprox": "aproximadamente",
        "dpto": "departamento",
        "depto": "departamento",
        "pág": "página",
        "izq": "izquierda",
        "dcha": "derecha",
        "máx": "máximo",
        "mín": "mínimo",
        "a. m": "a eme",
        "p. m": "pe eme",
        "a.m": "a eme",
        "p.m": "pe eme",
    },
}
_SHORT_FORMS = {
    "en": (
        (re.compile(r"(?<!\w)w/o(?!\w)"), "without"),
        (re.compile(r"(?<!\w)w/\s?(?=\w)"), "with "),
        (re.compile(r"\b([Nn])o\.\s?(?=#?[0-9])"), r"\1umber "),
        (re.compile(r"\b(a|p)\.\s?m\b\.?(?!\w)", re.IGNORECASE), lambda m: f"{m[1].upper()}M"),
    ),
    "es": (
        (re.compile(r"\b([Nn])(?:\.?[º°]|ro\.)\s?(?=[0-9])"), r"\1úmero "),
        (re.compile(r"(?<!\w)[Cc]/\s?(?=[A-ZÁÉÍÓÚÑ])"), "calle "),
    ),
}
# "St." is a saint before a name, and a street behind one; behind a house number always a street.
_ST = re.compile(
    r"(?P<house>\b[0-9]+\w*\s+(?:[A-Z0-9][\w']*\s+){1,3})?(?P<word>\b[A-Z][\w']*\s+)?"
    r"\bSt(?P<stop>\.)?(?!\w)(?P<name>\s+(?=[A-Z]))?"
)


def _compile(words: dict[str, str]) -> "re.Pattern[str]":
    names = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    return re.compile(rf"(?<![\w.@/])({names})\.(?!\w)", re.IGNORECASE)


_PATTERNS = {
    language: (_compile(_TITLES[language]), _compile(_OTHERS[language])) for language in _TITLES
}
_SAID = {
    language: {
        written.lower(): said
        for table in (_OTHERS[language], _TITLES[language])
        for written, said in table.items()
    }
    for language in _TITLES
}
_ALL = frozenset().union(*_SAID.values())


def say_abbreviations(text: str, language: str) -> str:
    """ "Dr. Smith, e.g." is "Doctor Smith, for example"."""
    for pattern, said in _SHORT_FORMS[language]:
        text = pattern.sub(said, text)
    if language == "en":
        text = _ST.sub(_say_st, text)
    titles, others = _PATTERNS[language]
    text = titles.sub(lambda match: _said(match[1], language), text)
    return others.sub(lambda match: _say(match, language), text)


def has_abbreviation(text: str) -> bool:
    """Whether plain words, with no full stop but the last character, hold an abbreviation in any
    language: "St", or a last word such as "etc."."""
    last_word = re.split(r"[ '’]", text[:-1])[-1].lower() if text.endswith(".") else ""
    return last_word in _ALL or ("St" in text and _ST.search(text) is not None)


def _say(match: "re.Match[str]", language: str) -> str:
    said = _said(match[1], language)
    return f"{said}." if ends_sentence(match.string, match.end()) else said


def _said(written: str, language: str) -> str:
    said = _SAID[language][written.lower()]
    return said if written[0].islower() else said[0].upper() + said[1:]


def _say_st(match: "re.Match[str]") -> str:
    before = (match["house"] or "") + (match["word"] or "")
    if match["stop"] and match["name"] and not match["house"]:
        return f"{before}Saint{match['name']}"
    if not before and not match["stop"]:
        return match[0]
    end = match.end("stop") if match["stop"] else match.end()
    stop = "." if match["stop"] and ends_sentence(match.string, end) else ""
    return f"{before}Street{stop}{match['name'] or ''}"
