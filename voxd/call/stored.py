"""Speech that need not be made: phrases, and sentences that a reply said before. Memory only.

One rule for both: the same words for the ear, in the same language, voice and delivery, sound the
same. Which sentences of replies are worth keeping is a matter of length alone: short ones ("You're
welcome!") come again, long ones hardly ever do.
"""

from collections.abc import Mapping

from voxd.storage.speech_cache import SpeechCache, SpeechKey


class StoredSpeech:
    """One call's view of the speech cache."""

    def __init__(
        self,
        cache: SpeechCache,
        language: str,
        reply_characters: int,
        voices: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            language: BCP-47 primary subtag of the call.
            reply_characters: sentences of replies are kept below this length; 0: none is.
            voices: engine -> its own name of the voice that it takes; others their default.
        """
        self._cache = cache
        self._language = language
        self._reply_characters = reply_characters
        self._voices = dict(voices or {})

    def find(self, spoken: str, engine: str, delivery: str = "") -> bytes | None:
        """The mu-law of a text for the ear, as this engine says it."""
        return self._cache.get(self._key(spoken, engine, delivery))

    def find_clause(self, spoken: str, engine: str, delivery: str = "") -> bytes | None:
        """As `find`, for a clause of a reply: only where replies may be taken from the cache."""
        return self.find(spoken, engine, delivery) if self._reply_characters else None

    def keep(self, spoken: str, engine: str, mulaw: bytes, delivery: str = "") -> None:
        """Keep a phrase."""
        self._cache.put(self._key(spoken, engine, delivery), mulaw)

    def keep_clause(self, spoken: str, engine: str, mulaw: bytes, delivery: str = "") -> None:
        """Keep a clause of a reply if it is short."""
        if len(spoken) < self._reply_characters:
            self.keep(spoken, engine, mulaw, delivery)

    def _key(self, spoken: str, engine: str, delivery: str) -> SpeechKey:
        voice = self._voices.get(engine, "")
        return SpeechKey(spoken, self._language, engine, voice, delivery)
