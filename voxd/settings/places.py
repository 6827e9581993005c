"""Where each key of config.toml stands, for people: line, column, the comment beside it. Pure.

`tomllib` decodes a file and says nothing of places; `tomlkit` keeps them to itself. So a text that
`tomllib` took is walked once more, and only when a problem is told or the reference is written: a
good config never pays for it. Because the text is known to be TOML, nothing is judged here; where
the walk meets what it does not know, it ends with what it has.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from voxd.errors import Problem


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key or a table begins; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Places:
    """What was found in a file."""

    keys: dict[str, Place] = field(default_factory=dict)
    """By dotted key; elements of lists by their number, from 0."""
    comments: dict[int, str] = field(default_factory=dict)
    """By line: its comment, without the mark."""

    def nearest(self, key: str) -> Place | None:
        """Where a key stands, or else the table that should have it."""
        while key and key not in self.keys:
            key = key.rpartition(".")[0]
        return self.keys.get(key)


def locate(problems: Iterable[Problem], text: str) -> tuple[Problem, ...]:
    """The same problems, in the order of the file, each with its place where it has one."""
    places = find_places(text)
    located = []
    for problem in problems:
        place = None if problem.line else places.nearest(problem.key)
        if place is not None:
            problem = replace(problem, line=place.line, column=place.column)
        located.append(problem)
    # What concerns the file as a whole comes first; the sort keeps the order of equals.
    return tuple(sorted(located, key=lambda problem: (problem.line or 0, problem.column or 0)))


def find_places(text: str) -> Places:
    """Walk a TOML text."""
    walk = _Walk(text)
    try:
        walk.document()
    except _Lost:
        pass
    return walk.found


class _Lost(Exception):
    """The text is not what it was taken for."""


_BLANKS = re.compile(r"[ \t]*")
_NOTHING = re.compile(r"[ \t\r\n]*(?:#[^\n]*)?")
"""Up to the next thing, one comment at a time."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'")
_LONG = re.compile(r'"""(?:\\.|[^\\])*?""""{0,2}|' + r"'''.*?''''{0,2}", re.DOTALL)
_PLAIN = re.compile(r"[^,\]}#\n]+")
"""Numbers, dates, true and false."""


class _Walk:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._line = 0
        self._elements: dict[str, int] = {}
        """How many tables each list of tables has so far."""
        self.found = Places()

    def document(self) -> None:
        table: tuple[str, ...] = ()
        while self._skip():
            if self._peek("["):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> tuple[str, ...]:
        start, mark = self._at, "[[" if self._peek("[[") else "["
        self._at += len(mark)
        path = self._key()
        for length in range(1, len(path)):  # [a.b] makes a table a
            self._note(path[:length], start)
        if mark == "[[":
            name = ".".join(path)
            number = self._elements[name] = self._elements.get(name, -1) + 1
            self._note(path, start)
            path = (*path, str(number))
        self._note(path, start)
        self._expect("]" * len(mark))
        return path

    def _pair(self, table: tuple[str, ...]) -> None:
        start = self._at
        path = (*table, *self._key())
        for length in range(len(table) + 1, len(path) + 1):  # a.b.c = 1 makes tables as well
            self._note(path[:length], start)
        self._expect("=")
        self._take(_BLANKS)
        self._value(path)

    def _key(self) -> tuple[str, ...]:
        parts = []
        while True:
            self._take(_BLANKS)
            quoted = self._peek('"') or self._peek("'")
            part = self._take(_QUOTED if quoted else _BARE)
            parts.append(str(tomllib.loads(f"key = {part}")["key"]) if quoted else part)
            self._take(_BLANKS)
            if not self._peek("."):
                return tuple(parts)
            self._at += 1

    def _value(self, path: tuple[str, ...]) -> None:
        if self._peek("["):
            self._list(path)
        elif self._peek("{"):
            self._inline(path)
        elif self._peek('"""') or self._peek("'''"):
            self._take(_LONG)
        elif self._peek('"') or self._peek("'"):
            self._take(_QUOTED)
        else:
            self._take(_PLAIN)

    def _list(self, path: tuple[str, ...]) -> None:
        self._at += 1
        number = 0
        while self._skip() and not self._peek("]"):
            element = (*path, str(number))
            self._note(element, self._at)
            self._value(element)
            number += 1
            if self._skip() and self._peek(","):
                self._at += 1
        self._expect("]")

    def _inline(self, path: tuple[str, ...]) -> None:
        self._at += 1
        while self._skip() and not self._peek("}"):
            self._pair(path)
            if self._skip() and self._peek(","):
                self._at += 1
        self._expect("}")

    # --- the text

    def _skip(self) -> bool:
        """Go over blanks, lines and comments; False at the end of the text."""
        while match := _NOTHING.match(self._text, self._at):
            if match.end() == self._at:
                break
            mark = match.group().find("#")
            if mark >= 0:
                line = self._place(match.start() + mark).line
                self.found.comments[line] = match.group()[mark + 1 :].strip()
            self._at = match.end()
        return self._at < len(self._text)

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _Lost
        self._at = match.end()
        return match.group()

    def _expect(self, text: str) -> None:
        self._take(_BLANKS)
        if not self._peek(text):
            raise _Lost
        self._at += len(text)

    def _note(self, path: tuple[str, ...], at: int) -> None:
        """The first place of a key counts: `[a.b]` after `[a]` is not where `a` begins."""
        self.found.keys.setdefault(".".join(path), self._place(at))

    def _place(self, at: int) -> Place:
        while self._line + 1 < len(self._starts) and self._starts[self._line + 1] <= at:
            self._line += 1
        # A look back, such as at the start of a key that spans lines, is short.
        line = self._line
        while self._starts[line] > at:
            line -= 1
        return Place(line + 1, at - self._starts[line] + 1)
