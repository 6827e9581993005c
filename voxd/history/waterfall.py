"""The bars of a turn that was stored, as `voxd call` draws them of one that it placed. Pure."""

from collections.abc import Mapping
from typing import Any

from voxd.caller.report import DaemonTurn
from voxd.caller.show import Span, daemon_spans


def turn_spans(turn: Mapping[str, Any]) -> list[Span]:
    """Name, begin and end in ms after the caller's last word, style; from a row of `turns`."""
    meta = turn["meta"]
    return daemon_spans(
        DaemonTurn(
            endpoint_ms=meta.get("endpoint_ms"),
            stt_latency_ms=turn["stt_latency_ms"],
            llm_ttft_ms=turn["llm_ttft_ms"],
            llm_clause_ms=meta.get("llm_clause_ms"),
            tts_ttfa_ms=turn["tts_ttfa_ms"],
            voice_to_voice_ms=meta.get("voice_to_voice_ms"),
        )
    )
