"""Names in braces, such as `{caller}`, that each call replaces in its agent's texts. Pure.

The config is judged by `names_in`, a call's texts are made by `fill`. Values come from strangers
(a caller's number, an operator's look-up): they are bounded, they take no line of their own, and
braces inside them stay what they are, because a text is gone through once.
"""

import re
from collections.abc import Mapping

MAX_VALUE_CHARS = 200
"""Bound of one value in a text; what is longer is cut."""

OF_CALLS = ("caller", "called", "date", "time", "tenant")
"""What every call has: the two numbers in E.164, the day (2026-11-22) and the time (17:05) at the
agent's place, and whose call it is."""

_NAME = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}|\{([a-z][a-z0-9_]*)\}", re.ASCII)
"""Doubled braces are a way to write a name in single ones; other braces are left alone."""
_NOT_IN_LINE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")


def names_in(text: str) -> frozenset[str]:
    """The names that `fill` would replace."""
    return frozenset(match[2] for match in _NAME.finditer(text) if match[2])


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace each name by its value; one without a value becomes nothing."""

    def value_of(match: re.Match[str]) -> str:
        return f"{{{match[1]}}}" if match[1] else bounded(values.get(match[2], ""))

    return _NAME.sub(value_of, text)


def bounded(value: str) -> str:
    """A value as it may stand in a text: one line, not too long."""
    return _NOT_IN_LINE.sub(" ", value).strip()[:MAX_VALUE_CHARS].rstrip()
