"""A changed config.toml for a daemon that runs: what holds at once, what waits. Pure.

Calls that begin after a reload are led by the new file. What is built once when the daemon starts
(sockets, engines and their workers, caches, stores) stays as it was until a restart. `LIVE` names
what holds at once; whatever it does not name waits, so that a table which nobody thought of here
is told to wait and not half applied.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from voxd.settings.table import Table
from voxd.settings.whole import Config

_WHOLE = frozenset[str]()
"""Of a table: all of its keys."""

LIVE: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("line", "ear", "call", "history", "agent", "agents", "phrases_of"), _WHOLE),
    **dict.fromkeys(("tiers", "twiml", "numbers", "lookup", "tools", "variables", "log"), _WHOLE),
    "server": frozenset({"drain_s"}),
    "telephony": frozenset({"ring_s", "machine_detection"}),
    "cache": frozenset({"reply_characters"}),
}
"""By the names of `Config`: what the next call is led by."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a file makes of a daemon that runs."""

    config: Config
    """For calls from now on: the file's, with what waits as it was."""
    applied: tuple[str, ...]
    """Tables that have changed in it."""
    waiting: tuple[str, ...]
    """Keys of the file that wait for a restart."""


def merge(running: Config, read: Config) -> Change:
    """Put together what holds of a file that was read again.

    Args:
        running: what calls are led by now.
        read: the whole file, judged.
    """
    kept: dict[str, Any] = {}
    applied = []
    for name, field in Config.model_fields.items():
        old, new = getattr(running, name), getattr(read, name)
        if field.exclude or old == new:
            continue
        held = _hold(name, old, new)
        kept[name] = held
        if held != old:
            applied.append(field.alias or name)
    config = read.model_copy(update=kept)
    return Change(config, tuple(applied), tuple(differences(config, read)))


def differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """The dotted keys in which two configs, or parts of them, differ."""
    if old == new:
        return
    for name, left, right in _pairs(old, new):
        yield from differences(left, right, f"{key}.{name}" if key else name)
    if not _are_alike(old, new):
        yield key


def _hold(name: str, old: Any, new: Any) -> Any:
    """What calls are led by of one table."""
    live = LIVE.get(name)
    if live is None:
        return old
    if live is _WHOLE:
        return new
    assert isinstance(old, Table)
    return old.model_copy(update={key: getattr(new, key) for key in live})


def _are_alike(old: Any, new: Any) -> bool:
    """Both have keys, so that each key can be told by itself."""
    if isinstance(old, BaseModel):
        return type(old) is type(new)
    return isinstance(old, Mapping) and isinstance(new, Mapping)


def _pairs(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if not _are_alike(old, new):
        return
    if isinstance(old, BaseModel):
        for name, field in type(old).model_fields.items():
            if not field.exclude:
                yield field.alias or name, getattr(old, name), getattr(new, name)
        return
    for name in dict.fromkeys((*old, *new)):
        yield str(name), old.get(name), new.get(name)
