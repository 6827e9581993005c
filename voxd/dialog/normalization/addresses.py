"""URLs and e-mail addresses, letter for letter as far as somebody could write them down. Pure."""

import re

from voxd.dialog.normalization.numbers import digits

# Ends of host names that make bare text a host ("example.com"); of `Node.js` or `end.Next` no.
_TLDS = (
    "com|org|net|edu|gov|info|biz|io|ai|app|dev|co|us|uk|ca|mx|es|de|fr|it|nl|eu|ar|cl|pe|au|nz|ie"
    "|ch|at|be|pt|br|tv|me|shop|store|online|site|tech|health|clinic|cloud|xyz|example|test|local"
)
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,62})"
_HOST = rf"(?:{_LABEL}\.){{1,4}}(?:{_TLDS})(?![a-zA-Z0-9-])"
_TAIL = r"(?::[0-9]{1,5})?(?:/[^\s\"'<>]{0,300})?"
_EMAIL = re.compile(rf"(?:mailto:)?([a-zA-Z0-9._%+-]{{1,64}})@({_LABEL}(?:\.{_LABEL}){{1,4}})")
_URL = re.compile(
    rf"(?:https?|ftp)://(?:www\.)?({_LABEL}(?:\.{_LABEL}){{0,5}})({_TAIL})"
    rf"|(?<![\w@./-])(?:www\.)?({_HOST})({_TAIL})",
    re.IGNORECASE,
)
_SENTENCE_MARKS = ".,;:!?)'\"…"

_MARKS = {
    "en": {".": "dot", "-": "dash", "_": "underscore", "/": "slash", "+": "plus", "@": "at"},
    "es": {".": "punto", "-": "guion", "_": "guion bajo", "/": "barra", "+": "más", "@": "arroba"},
}
_AS_WORDS = frozenset(
    "com org net edu gov info biz app dev shop store online site tech health clinic cloud test"
    " local example".split()
)
"""Ends that are said as a word; others, "io" or "mx", are spelled with hyphens."""
MAX_PATH_PARTS = 3
MAX_PATH_CHARACTERS = 40
"""Of a longer path only the host is said: nobody writes it down by ear."""


def say_addresses(text: str, language: str) -> str:
    """ "info@example.com" is "info at example dot com"; schemes, "www" and queries are left out."""
    text = _EMAIL.sub(lambda match: _say_email(match, language), text)
    return _URL.sub(lambda match: _say_url(match, language), text)


def _say_email(match: "re.Match[str]", language: str) -> str:
    host = match[2].rstrip("-")
    at = _MARKS[language]["@"]
    return f" {_say_part(match[1], language)} {at} {_say_host(host, language)} "


def _say_url(match: "re.Match[str]", language: str) -> str:
    host = match[1] or match[3]
    path = match[2] or match[4] or ""
    trailing = path[len(path.rstrip(_SENTENCE_MARKS)) :]
    path = re.split(r"[?#]", path.rstrip(_SENTENCE_MARKS))[0]
    path = re.sub(r"^:[0-9]+", "", path)
    parts = [part for part in path.split("/") if part]
    words = _say_host(host, language)
    if parts and len(parts) <= MAX_PATH_PARTS and len(path) <= MAX_PATH_CHARACTERS:
        slash = _MARKS[language]["/"]
        words += "".join(f" {slash} {_say_part(part, language)}" for part in parts)
    return f" {words}{trailing} "


def _say_host(host: str, language: str) -> str:
    labels = host.split(".")
    said = [_say_part(labels[0], language)]
    said += [_say_label(label, language) for label in labels[1:]]
    return f" {_MARKS[language]['.']} ".join(said)


def _say_label(label: str, language: str) -> str:
    is_word = label.lower() in _AS_WORDS or len(label) > 3 or not label.isalpha()
    return _say_part(label, language) if is_word else "-".join(label.upper())


def _say_part(part: str, language: str) -> str:
    """Letters as words, digits one by one, marks by their names."""
    said = []
    for piece in re.findall(r"[0-9]+|[^\W\d_]+|[._/+-]", part):
        if piece[0] in "0123456789":
            said.append(digits(piece, language))
        else:
            said.append(_MARKS[language].get(piece, piece))
    return " ".join(said)
