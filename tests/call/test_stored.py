"""What a call finds of the speech that was made before."""

from voxd.call.stored import StoredSpeech
from voxd.storage.speech_cache import SpeechCache, SpeechKey

MULAW = b"\x05" * 160
SHORT = "¡De nada!"


def test_a_text_is_found_in_its_language_voice_and_delivery_only() -> None:
    cache = SpeechCache(None)
    stored = StoredSpeech(cache, "es", 100)
    stored.keep_clause(SHORT, "voice", MULAW, "calm")
    assert stored.find_clause(SHORT, "voice", "calm") == MULAW
    assert stored.find_clause(SHORT, "voice") is None
    assert stored.find_clause(SHORT, "other", "calm") is None
    assert StoredSpeech(cache, "en", 100).find_clause(SHORT, "voice", "calm") is None
    assert cache.get(SpeechKey(SHORT, "es", "voice", "", "calm")) == MULAW


def test_only_short_clauses_are_kept_and_phrases_of_any_length() -> None:
    stored = StoredSpeech(SpeechCache(None), "en", 100)
    for text in ("x" * 99, "x" * 100):
        stored.keep_clause(text, "voice", MULAW)
    assert stored.find("x" * 99, "voice") == MULAW
    assert stored.find("x" * 100, "voice") is None
    stored.keep("x" * 100, "voice", MULAW)
    assert stored.find_clause("x" * 100, "voice") == MULAW


def test_where_no_reply_is_kept_phrases_still_are() -> None:
    stored = StoredSpeech(SpeechCache(None), "en", 0)
    stored.keep_clause("Yes.", "voice", MULAW)
    assert stored.find("Yes.", "voice") is None
    stored.keep("Goodbye!", "voice", MULAW)
    assert stored.find("Goodbye!", "voice") == MULAW
    assert stored.find_clause("Goodbye!", "voice") is None


def test_an_agents_own_voice_finds_only_what_that_voice_said() -> None:
    cache = SpeechCache(None)
    own = StoredSpeech(cache, "en", 100, {"voice": "owl"})
    own.keep("Hello.", "voice", MULAW)
    own.keep("Hello.", "other", MULAW)
    assert cache.get(SpeechKey("Hello.", "en", "voice", "owl")) == MULAW
    assert own.find("Hello.", "voice") == MULAW
    default = StoredSpeech(cache, "en", 100)
    assert default.find("Hello.", "voice") is None
    assert default.find("Hello.", "other") == MULAW
