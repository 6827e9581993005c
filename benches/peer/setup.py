"""What pipecat's agents are set to. Pure; read by the bench and by the agents themselves."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Tuning:
    """One way to set pipecat. None: not touched, so what pipecat or the library does by itself."""

    name: str
    compute_type: str = "default"
    """faster-whisper's arithmetic; "default" is pipecat's default and becomes float32 on CPUs."""
    beam_size: int | None = None
    """Whisper's beam; pipecat leaves it to faster-whisper, which takes 5."""
    stop_s: float | None = None
    """Silence after which a turn is over although smart-turn says that it is not; pipecat: 3."""
    is_by_clause: bool = False
    """Replies are spoken clause by clause, cut as voxd cuts them; pipecat: by sentence."""
    voice_threads: int | None = None
    """Piper's threads; onnxruntime takes one a core."""

    def explain(self) -> str:
        """Every setting that differs from pipecat's own, in one line."""
        told = [
            None if self.compute_type == "default" else f"Whisper {self.compute_type}",
            None if self.beam_size is None else f"beam {self.beam_size} without retries",
            None if self.stop_s is None else f"smart-turn's stop_secs {self.stop_s:g}",
            "replies cut by voxd's clauses" if self.is_by_clause else None,
            None if self.voice_threads is None else f"Piper on {self.voice_threads} thread",
        ]
        return ", ".join(part for part in told if part) or "everything as shipped"


DEFAULT = Tuning("default")
TUNED = Tuning(
    "tuned",
    compute_type="int8",
    beam_size=1,
    stop_s=1.2,
    is_by_clause=True,
    voice_threads=1,
)
"""The best that pipecat's own arguments and extension points allow, as far as we found: the
arithmetic and the beam that voxd uses, too; our own `wait_incomplete_s` for the longest silence; a
text aggregator of our own, which pipecat provides for (`clauses.py`); Piper on one thread, so that
it does not fight with the language model, while Whisper, which runs alone, keeps every core. Its
VAD asks smart-turn after 0.2 s of silence as shipped (`VAD_STOP_SECS`); pipecat's speculation needs
a transcription service that foretells the end of turns, which Whisper is not."""

TUNINGS = {tuning.name: tuning for tuning in (DEFAULT, TUNED)}


@dataclass(frozen=True, slots=True)
class AgentSetup:
    """Everything that one agent is told, by a file."""

    port: int
    tuning: str
    """A name in `TUNINGS`."""
    whisper: str
    """Folder of the CTranslate2 model."""
    voices: str
    """Folder of the Piper voice."""
    voice: str
    """Name of its files without `.onnx`."""
    llm_url: str
    """Everything before `/chat/completions`."""
    prompt: str
    greeting: str
    temperature: float
    max_tokens: int
    stop: tuple[str, ...]
    """Texts that end a reply."""
    turns_file: str
    """To which it adds a line for each reply: a `Waterfall` as JSON."""

    def encode(self) -> str:
        """The text of the file."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def decode(cls, text: str) -> "AgentSetup":
        """Read that text."""
        told = json.loads(text)
        return cls(**{**told, "stop": tuple(told["stop"])})


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Where pipecat says that the time of one reply went, by its `UserBotLatencyObserver`."""

    call_sid: str
    parts_ms: Mapping[str, float]
    """By pipecat's own key; together they are the whole from the end of speech as its VAD has it
    to the first audio written."""

    def encode(self) -> str:
        """One line."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def decode(cls, line: str) -> "Waterfall":
        """Read that line."""
        return cls(**json.loads(line))


def add_up(parts: list[tuple[str, float]]) -> dict[str, float]:
    """Seconds by key as milliseconds by key; a key may come several times."""
    sums: dict[str, float] = {}
    for key, seconds in parts:
        sums[key] = sums.get(key, 0.0) + seconds * 1000
    return sums
