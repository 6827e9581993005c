"""The two protocols of the loopback Deepgram server: `/v1/listen` and `/v2/listen` (Flux)."""

from typing import Any

from tests.servers.deepgram_session import Session
from tests.servers.deepgram_speech import ROUND, Spoken

UPDATE_S = 0.25
"""Seconds of audio between two `Update`s of Flux."""
SILENT_SEGMENT_S = 5.0
"""An empty final comes after this much pure silence."""


class ListenV1(Session):
    """Interims, finals, Finalize, UtteranceEnd."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        endpointing = self._one("endpointing", "10")
        self._endpointing_s = float("inf") if endpointing == "false" else int(endpointing) / 1000
        self._utterance_end_s = int(self._one("utterance_end_ms", "0")) / 1000
        self._segment_start = 0.0
        self._next_interim = self.script.interim_s
        self._final_words = 0
        self._ended_words = 0
        self._is_speech = False

    def _one(self, name: str, default: str) -> str:
        return self.query.get(name, [default])[-1]

    def on_step(self) -> None:
        speech = self.speech
        if speech.is_voiced and not self._is_speech:
            self._is_speech = True
            if self._one("vad_events", "false") == "true":
                at = round(speech.seconds - 0.02, 2)
                self.put({"type": "SpeechStarted", "channel": [0], "timestamp": at})
        length_s = speech.seconds - self._segment_start
        if self._is_speech and speech.silence_s >= self._endpointing_s:
            self._is_speech = False
            speech.complete()
            self._put_final(is_end=True)
        elif self._is_speech and length_s >= self.script.segment_s:
            self._put_final(is_end=False)
        elif not self._is_speech and length_s >= SILENT_SEGMENT_S:
            self._put_final(is_end=True)
        elif speech.seconds >= self._next_interim - 1e-6:
            self._next_interim += self.script.interim_s
            heard = speech.seconds - self.script.tail_s
            words = [word for word in speech.words[self._final_words :] if word["end"] <= heard]
            self.put_result(self._results_of(words), self.script.interim_delay_s)
        self._check_utterance_end()

    def on_control(self, kind: str) -> None:
        if kind == "Finalize":
            pending_s = self.speech.seconds - self._segment_start
            if pending_s > 0 and pending_s >= self.script.deaf_below_s:
                self.speech.complete()
                self._put_final(is_finalized=True)
        elif kind not in ("KeepAlive", "Configure"):
            description = "could not parse client message"
            self.put({"type": "Error", "variant": "SchemaError", "description": description})

    def finish(self) -> None:
        if self.speech.seconds > self._segment_start:
            self.speech.complete()
            self._put_final()

    def result(self, message: dict[str, Any]) -> dict[str, Any]:
        return message

    @property
    def odd_results(self) -> list[dict[str, Any]]:
        return [
            {"type": "Results"},
            {"type": "Results", "start": "soon", "duration": None, "channel": {}},
            {"type": "Results", "start": 0, "duration": 1, "channel": {"alternatives": []}},
            {"type": "UtteranceEnd"},
            {"no": "type"},
        ]

    def _put_final(self, *, is_end: bool = False, is_finalized: bool = False) -> None:
        message = self._results_of(self.speech.words[self._final_words :]) | {
            "is_final": True,
            "speech_final": is_end,
            "from_finalize": is_finalized,
        }
        self._final_words = len(self.speech.words)
        self._segment_start = self.speech.seconds
        self._next_interim = self.speech.seconds + self.script.interim_s
        self.withdraw_interims(self.script.final_delay_s)
        self.put_result(message, self.script.final_delay_s)

    def _results_of(self, words: list[Spoken]) -> dict[str, Any]:
        text = " ".join(word["punctuated_word"] for word in words)
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": round(self.speech.seconds - self._segment_start, ROUND),
            "start": round(self._segment_start, ROUND),
            "is_final": False,
            "speech_final": False,
            "channel": {"alternatives": [{"transcript": text, "confidence": 0.9, "words": words}]},
            "metadata": {"request_id": "r1", "model_uuid": "m1"},
            "from_finalize": False,
        }

    def _check_utterance_end(self) -> None:
        words = self.speech.words[: self._final_words]
        if not self._utterance_end_s or len(words) <= self._ended_words:
            return
        last = words[-1]["end"]
        if self.speech.seconds - last >= self._utterance_end_s:
            self._ended_words = len(words)
            message = {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last}
            self.put(message, self.script.final_delay_s)


class ListenV2(Session):
    """Flux: turns."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._is_eager = "eager_eot_threshold" in self.query
        self._timeout_s = int(self.query.get("eot_timeout_ms", ["5000"])[-1]) / 1000
        self._sequence = 0
        self._turn = 0
        self._window_start = 0.0
        self._first_word = 0
        self._has_started = False
        self._was_eager = False
        self._next_update = UPDATE_S
        self.put({"type": "Connected"})

    @property
    def _words(self) -> list[Spoken]:
        return self.speech.words[self._first_word :]

    def on_step(self) -> None:
        speech = self.speech
        if self._was_eager and speech.is_voiced:
            self._was_eager = False
            self._put_turn("TurnResumed")
        if not self._has_started and self._words:
            self._has_started = True
            self._put_turn("StartOfTurn")
        if self._has_started and not speech.is_voiced:
            if speech.silence_s >= min(self.script.end_s, self._timeout_s):
                speech.complete()
                self._end_turn("model")
            elif self._is_eager and not self._was_eager and speech.silence_s >= self.script.eager_s:
                speech.complete()
                self._was_eager = True
                self._put_turn("EagerEndOfTurn")
        if speech.seconds >= self._next_update - 1e-6:
            self._put_turn("Update")

    def on_control(self, kind: str) -> None:
        if kind == "ForceEndTurn":
            self.speech.complete()
            if self._words:
                self._end_turn("manual")
        elif kind != "Configure":  # KeepAlive and Finalize are of the other protocol
            self.put({"type": "Error", "code": "UNPARSABLE_CLIENT_MESSAGE"})
            self.close(1008, "unparsable client message")

    def finish(self) -> None:
        if self._words:
            self._end_turn("model")

    def result(self, message: dict[str, Any]) -> dict[str, Any]:
        message = message | {"request_id": "r1", "sequence_id": self._sequence}
        self._sequence += 1
        return message

    @property
    def odd_results(self) -> list[dict[str, Any]]:
        return [
            {"type": "TurnInfo"},
            {"type": "TurnInfo", "event": 7, "transcript": ["x"], "audio_window_end": "late"},
            {"type": "Warning", "code": "SOME_CONDITION", "description": "odd"},
        ]

    def _end_turn(self, trigger: str) -> None:
        self._put_turn("EndOfTurn", trigger=trigger)
        self._turn += 1
        self._window_start = self.speech.seconds
        self._first_word = len(self.speech.words)
        self._has_started = self._was_eager = False

    def _put_turn(self, event: str, **more: str) -> None:
        is_end = event == "EndOfTurn"
        late_s = self.script.final_delay_s if is_end else self.script.interim_delay_s
        heard = self.speech.seconds - (0.0 if event != "Update" else self.script.tail_s)
        words = [word for word in self._words if word["end"] <= heard]
        shown = [
            {key: word[key] for key in ("confidence", "start", "end")}
            | {"word": word["punctuated_word"]}
            for word in words
        ]
        message = {
            "type": "TurnInfo",
            "event": event,
            "turn_index": self._turn,
            "audio_window_start": round(self._window_start, ROUND),
            "audio_window_end": round(self.speech.seconds, ROUND),
            "transcript": " ".join(word["word"] for word in shown),
            "words": shown,
            "end_of_turn_confidence": 0.9 if is_end else 0.1,
            **more,
        }
        self._next_update = self.speech.seconds + UPDATE_S
        self.put_result(message, late_s)
