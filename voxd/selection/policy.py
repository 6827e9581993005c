"""Which engines, in which order, and why. Pure; asked once per call and kind, and after failures.

A tier names its engines first to last. Those that cannot (language, credential) are refused; the
rest is ordered by health first and by the tier's wish second. A provider that is ejected, or must
prove itself by a probe, is refused as well, so that it costs no call anything; an engine on this
machine then stays as the last one of the chain, because asking it costs nobody but itself. When
every engine that could serve is ejected, they are used all the same: traffic that may fail is
better than none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voxd.contracts import Capabilities, EngineState
from voxd.selection.health import EngineHealth

_UNUSED = 2
_RANK = {
    EngineState.HEALTHY: 0,
    EngineState.STARTING: 1,
    EngineState.DEGRADED: 1,
    EngineState.PROBING: _UNUSED,
    EngineState.EJECTED: _UNUSED,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One engine that a tier names."""

    name: str
    capabilities: Capabilities
    health: EngineHealth


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided about one engine."""

    name: str
    place: int | None
    """0 is first; None: refused."""
    reason: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The engines of one kind for one call, first to last."""

    names: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    """One for every candidate, in the tier's order."""


def choose_chain(candidates: Sequence[Candidate], language: str, now: float) -> Chain:
    """Order a tier's engines of one kind for a call.

    Args:
        candidates: in the tier's order.
        language: BCP-47 primary subtag of the call.
        now: seconds, the clock that health was fed with.

    Returns:
        The chain; empty when no engine can serve the language with a valid credential.
    """
    refused: dict[str, str] = {}
    able: list[tuple[int, int, Candidate, str]] = []
    for index, candidate in enumerate(candidates):
        languages = candidate.capabilities.languages
        verdict = candidate.health.verdict(now)
        if languages and language not in languages:
            refused[candidate.name] = f"does not speak {language}"
        elif candidate.health.is_ejected_for_good:
            refused[candidate.name] = verdict.reason
        else:
            reason = f"{verdict.state}: {verdict.reason}" if verdict.reason else verdict.state
            able.append((_RANK[verdict.state], index, candidate, str(reason)))
    usable = [entry for entry in able if entry[0] < _UNUSED]
    if usable:
        for entry in able:
            if entry in usable:
                continue
            if entry[2].capabilities.is_local:
                usable.append(entry)
            else:
                refused[entry[2].name] = entry[3]
    else:
        usable = able
    usable.sort(key=lambda entry: entry[:2])
    names = tuple(candidate.name for _, _, candidate, _ in usable)
    reasons: Mapping[str, str] = {entry[2].name: entry[3] for entry in usable}
    return Chain(
        names,
        tuple(
            Judgement(
                candidate.name,
                names.index(candidate.name) if candidate.name in names else None,
                reasons.get(candidate.name) or refused[candidate.name],
            )
            for candidate in candidates
        ),
    )
