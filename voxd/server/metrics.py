"""`GET /metrics`: everything that is counted and measured, for Prometheus. Private as `/health` is.

Rendered part by part, and between two of them the loop is for audio: all at once takes longer than
a frame may be late.
"""

import asyncio
from collections.abc import Iterator

from aiohttp import web

from voxd.server.state import STATE, ServerState

SAMPLES = 100
"""Rendered at once: below a millisecond."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def answer_metrics(request: web.Request) -> web.Response:
    """The text format of Prometheus, version 0.0.4."""
    state = request.app[STATE]
    state.guard.check_private(request, may_be_local=True)
    parts = []
    for part in _render(state):
        parts.append(part)
        await asyncio.sleep(0)
    return web.Response(body=b"".join(parts), headers={"Content-Type": CONTENT_TYPE})


def _render(state: ServerState) -> Iterator[bytes]:
    """The text of each family."""
    # Only who is asked pays for the library, and a model worker never.
    from prometheus_client import Metric, generate_latest

    from voxd.server.figures import read_figures

    class Family:
        """What the library takes for a collector: a single family."""

        def __init__(self, family: Metric) -> None:
            self._family = family

        def collect(self) -> list[Metric]:
            return [self._family]

    def parts(family: Metric) -> Iterator[bytes]:
        # When a series began is no figure of ours, and would double each of them.
        samples = [it for it in family.samples if not it.name.endswith("_created")]
        for first in range(0, max(1, len(samples)), SAMPLES):
            family.samples = samples[first : first + SAMPLES]
            text = generate_latest(Family(family))
            # Every part begins with the family's two lines of description; one of them is to.
            yield text if first == 0 else text.split(b"\n", 2)[2]

    for family in read_figures(state):
        yield from parts(family)
    if state.runtime is not None and state.runtime.metrics is not None:
        for family in state.runtime.metrics.registry.collect():
            yield from parts(family)
