"""What Deepgram refuses at the handshake. Pure; strict, so that our requests are thought about."""

from collections.abc import Mapping

BOOLEANS = {
    *("interim_results", "smart_format", "punctuate", "vad_events", "numerals"),
    *("profanity_filter", "diarize", "dictation", "multichannel", "mip_opt_out", "no_delay"),
}
V1 = BOOLEANS | {
    *("model", "language", "encoding", "sample_rate", "channels", "endpointing", "tag", "version"),
    *("utterance_end_ms", "keyterm", "keywords", "redact", "replace", "search", "extra"),
}
V2 = {
    *("model", "encoding", "sample_rate", "eot_threshold", "eager_eot_threshold"),
    *("eot_timeout_ms", "keyterm", "language_hint", "numerals", "profanity_filter", "redact"),
    *("mip_opt_out", "tag"),
}
MODELS = {"/v1/listen": ("nova-3", "nova-2"), "/v2/listen": ("flux-general-",)}


def refuse_query(path: str, query: Mapping[str, list[str]]) -> str | None:
    """Deepgram's `dg-error` for a bad query; None for a good one."""
    known = V1 if path == "/v1/listen" else V2
    for name, values in query.items():
        if name not in known:
            return f"Unexpected query parameter '{name}'."
        if name in BOOLEANS and values[-1] not in ("true", "false"):
            return _invalid(name, values[-1])
        if len(values) > 1 and name not in ("keyterm", "keywords", "language_hint", "tag"):
            return f"Duplicate query parameter '{name}'."
    one = {name: values[-1] for name, values in query.items()}
    if not one.get("model", "").startswith(MODELS[path]):
        return "No such model/language/tier combination found."
    if one.get("encoding") != "mulaw":
        return _invalid("encoding", one.get("encoding", ""))
    if one.get("sample_rate") != "8000":
        return _invalid("sample_rate", one.get("sample_rate", ""))
    return _refuse_v1(query, one) if path == "/v1/listen" else _refuse_v2(one)


def _refuse_v1(query: Mapping[str, list[str]], one: Mapping[str, str]) -> str | None:
    if "utterance_end_ms" in one:
        if not _is_within(one["utterance_end_ms"], 1000, 5000):
            return _invalid("utterance_end_ms", one["utterance_end_ms"])
        if one.get("interim_results") != "true":
            return "utterance_end_ms requires interim_results=true."
    endpointing = one.get("endpointing", "10")
    if endpointing != "false" and not _is_within(endpointing, 10, 60_000):
        return _invalid("endpointing", endpointing)
    if "keyterm" in query and not one["model"].startswith("nova-3"):
        return "Keyterm is only supported with nova-3."
    if "keywords" in query and one["model"].startswith("nova-3"):
        return "Keywords is not supported with nova-3."
    return None


def _refuse_v2(one: Mapping[str, str]) -> str | None:
    end = one.get("eot_threshold", "0.7")
    if not _is_within(end, 0.5, 0.9):
        return _invalid("eot_threshold", end)
    eager = one.get("eager_eot_threshold")
    if eager is not None and not _is_within(eager, 0.3, float(end)):
        return _invalid("eager_eot_threshold", eager)
    timeout = one.get("eot_timeout_ms", "5000")
    if not _is_within(timeout, 500, 10_000):
        return _invalid("eot_timeout_ms", timeout)
    if "language_hint" in one and one["model"] != "flux-general-multi":
        return "language_hint is only supported with flux-general-multi."
    return None


def _invalid(name: str, value: str) -> str:
    return f"Invalid '{name}' value of '{value}'."


def _is_within(value: str, least: float, most: float) -> bool:
    try:
        return least <= float(value) <= most
    except ValueError:
        return False
