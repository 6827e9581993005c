"""What a call has probably cost, by the prices of the config. Pure.

An estimate: what was begun and thrown away counts, but prompts of such attempts and what providers
charge less for cached tokens are not known. Listening is charged for as long as the call lasts, to
the engines whose words were answered. An engine without a price costs nothing that we know of.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from voxd.settings.records import Price
from voxd.telemetry.latency import TurnTimings

MILLION = 1_000_000
_DIGITS = 6
"""Of an amount; a turn costs some hundredths of a cent."""

Prices = Mapping[str, Price]


def turn_cost(turn: TurnTimings, prices: Prices) -> dict[str, float]:
    """What a turn's reply has cost, by stage (`llm`, `tts`); only what has a price."""
    cost = {}
    llm, tts = prices.get(turn.llm_engine), prices.get(turn.tts_engine)
    if llm is not None:
        parts = (
            (llm.million_prompt_tokens, turn.prompt_tokens),
            (llm.million_completion_tokens, turn.completion_tokens + turn.wasted_tokens),
        )
        known = [price * count / MILLION for price, count in parts if price is not None]
        if known:
            cost["llm"] = round(sum(known), _DIGITS)
    if tts is not None and tts.million_characters is not None:
        characters = len(turn.reply) + turn.wasted_characters
        cost["tts"] = round(tts.million_characters * characters / MILLION, _DIGITS)
    return cost


def call_cost(turns: Sequence[TurnTimings], duration_s: float, prices: Prices) -> dict[str, float]:
    """What a call has cost, by stage (`stt`, `llm`, `tts`); only what has a price."""
    cost: defaultdict[str, float] = defaultdict(float)
    heard_by = Counter(turn.stt_engine for turn in turns if turn.stt_engine)
    for engine, count in heard_by.items():
        price = prices.get(engine)
        if price is not None and price.minute is not None:
            # Which engine listened when is not known: each has the share of its turns.
            cost["stt"] += price.minute * duration_s / 60 * count / heard_by.total()
    for turn in turns:
        for stage, amount in turn_cost(turn, prices).items():
            cost[stage] += amount
    return {stage: round(amount, _DIGITS) for stage, amount in cost.items()}
