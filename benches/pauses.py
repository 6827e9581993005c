"""What the daemon would know at each pause of the recorded prompts; for `turns`. Reads files.

A pause is made in a gap between two words (`gaps.tsv`), as `v2v` makes one; an end is a prompt with
line noise after it. Each runs through the daemon's own parts, faster than real time: speech
activity in messages of 20 ms, the utterance as Whisper gets it on a machine with idle cores
(`ear.early_s`) and as smart-turn does at the first short pause, both workers on that. What a pause
would be like when the caller goes on later or sooner differs only after that moment, so the models
hear each gap once.

All of it is kept in a file of the temporary folder, under a hash of what it depends on: to tune
again takes seconds.
"""

import hashlib
import json
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benches.daemon import CONFIG
from benches.gaps import GAPS, Gap, load_gaps
from benches.prompts import LABELS, RATE_HZ, Prompt, load_labels
from benches.splice import line_noise, splice_pause
from benches.wer import load_worker
from benches.words import normalize_words
from voxd.audio.activity import SpeechActivity, SpeechOffset, SpeechOnset
from voxd.audio.g711 import decode_mulaw
from voxd.call.listener import is_quiet
from voxd.caller.mulaw import encode
from voxd.config import Ear
from voxd.engines.local.smart_turn_worker import SmartTurnWorker
from voxd.engines.local.whisper_worker import WhisperWorker
from voxd.engines.stt.utterance import PRE_ROLL_S, UtteranceBuffer

SHOWN_MS = (300, 500, 800)
"""Lengths of pause that are reported."""
TUNED_MS = (300, 400, 500, 650, 800, 1000)
"""Lengths that waits are tuned on: on three alone, every wait would be put just above one."""
END = 0
"""Stands for the length of a pause that does not end."""
LONGEST_GAP_S = 0.3
"""A longer gap cannot be made into the shortest pause."""
GAPS_A_PROMPT = 5
"""More of one prompt would make the figures those of a few long menus."""
LEAD_S = 0.4
TAIL_S = 1.0
"""Line noise before and after what is said."""
MESSAGE = 160
MESSAGE_S = MESSAGE / RATE_HZ
NEAR_S = 0.15
"""A pause that speech activity finds is the one we made when it begins this close to it."""
PIPECAT_PAUSE_S = 0.2
"""Pause at which pipecat 1.14 asks smart-turn (`VAD_STOP_SECS`)."""
GROUP_WORDS = 4
"""Prompts that begin with the same words fall into the same half: variants of one sentence must
not be tuned on and reported."""
WORKER_SOURCES = ("whisper_worker", "decoded", "smart_turn_worker")

FRAGMENTS = frozenset(
    """
    conf-enteringno conf-thereare followme/call-from is-set-to queue-holdtime queue-thereare
    vm-from-extension vm-from-phonenumber vm-num-i-have vm-onefor vm-theperson
    """.split()
)
"""Beginnings of sentences without the dots that others have: their ends are no ends of turns."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known in a pause, and when. Times are seconds since `speech_end`."""

    begun_s: float
    """The quiet before that is noticed, and Whisper begins."""
    detected_s: float
    """The first short pause is noticed: words and judgement are asked for."""
    text: str
    closing: float | None
    """Whisper's, of the same words."""
    transcript_s: float
    """Processor time of the transcription, one thread: its time on a machine that is not busy."""
    probability: float
    """smart-turn's, on what had been said by then."""
    judgement_s: float
    """Processor time of that."""
    pipecat_probability: float
    """smart-turn's after `PIPECAT_PAUSE_S` of silence."""
    phase_s: float
    """From `speech_end` to the end of the message that contains it: waits end with messages."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A pause inside a prompt, or the end of one."""

    name: str
    place: str
    """`end`, or the gap's."""
    is_tuned: bool
    """In the half that waits are tuned on."""
    known: Known
    resumed_s: dict[int, float]
    """Per length of pause (ms): when speech activity reports that the caller goes on."""
    voiced_s: dict[int, list[float]]
    """Per length of pause, `END` for an end: voiced frames after `speech_end`, by their ends, as
    known after each message. In a pause the last ones are the beginning of what follows."""


def is_whole(prompt: Prompt) -> bool:
    """Whether a turn may end where this prompt does."""
    return not prompt.words.rstrip().endswith(("...", ":")) and prompt.name not in FRAGMENTS


def is_tuned(prompt: Prompt) -> bool:
    """Which half a prompt belongs to."""
    beginning = " ".join(normalize_words(prompt.words).split()[:GROUP_WORDS])
    return hashlib.sha256(beginning.encode()).digest()[0] % 2 == 0


def choose_gaps(gaps: Iterable[Gap]) -> list[Gap]:
    """At most `GAPS_A_PROMPT` of each prompt, evenly spread."""
    by_name: dict[str, list[Gap]] = {}
    for gap in gaps:
        if gap.end_s - gap.start_s <= LONGEST_GAP_S:
            by_name.setdefault(gap.name, []).append(gap)
    return [
        found[index]
        for found in by_name.values()
        for index in sorted(
            {place * len(found) // GAPS_A_PROMPT for place in range(GAPS_A_PROMPT)}
            if len(found) > GAPS_A_PROMPT
            else range(len(found))
        )
    ]


@dataclass(frozen=True, slots=True)
class Heard:
    """What speech activity made of a recording with one pause that matters."""

    speech_end: float
    detected_at: float
    begun_at: float
    utterance: bytes
    """As it would be transcribed at `begun_at`."""
    begin: float
    """Where the utterance begins."""
    resumed_at: float | None
    voiced_at: tuple[float, ...]
    """Ends of voiced frames after `speech_end`, one a message at most, until it resumed."""


def listen(mulaw: bytes, pause_at: float) -> Heard | None:
    """Feed a recording as Twilio would; None when the pause at this time was not found."""
    ear = Ear()
    activity, buffer = SpeechActivity(ear), UtteranceBuffer(max_s=60.0)
    begin: float | None = None
    quiet: dict[float, tuple[float, bytes]] = {}
    found: tuple[float, float, float, bytes] | None = None
    voiced_at: list[float] = []
    for start in range(0, len(mulaw) - MESSAGE + 1, MESSAGE):
        message = mulaw[start : start + MESSAGE]
        now = (start + MESSAGE) / RATE_HZ
        buffer.push(message, now)
        for edge in activity.feed(decode_mulaw(message), now):
            match edge:
                case SpeechOnset(speech_start):
                    buffer.speech_started(speech_start)
                    if begin is None:
                        begin = max(0.0, speech_start - PRE_ROLL_S)
                    if found is not None:
                        return Heard(*found, begin, now, tuple(voiced_at))
                case SpeechOffset(speech_end):
                    if found is None and abs(speech_end - pause_at) <= NEAR_S:
                        asked = now, buffer.take(speech_end)
                        found = speech_end, now, *quiet.get(speech_end, asked)
        since = activity.last_voiced_at
        if activity.is_speaking and since not in quiet and is_quiet(activity.silence_s, ear):
            quiet = {since: (now, buffer.take(since))}
        if found is not None and activity.voiced_at > max([found[0], *voiced_at]):
            voiced_at.append(activity.voiced_at)
    if found is None or begin is None:
        return None
    return Heard(*found, begin, None, tuple(voiced_at))


class Models:
    """The daemon's worker code with the shipped settings."""

    def __init__(self) -> None:
        engines = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["engines"]
        self.whisper: WhisperWorker = load_worker(None)
        self.smart_turn = SmartTurnWorker()
        options = engines["smart-turn"]
        self.smart_turn.load({**options, "model": str(CONFIG.parent / options["model"])})

    def learn(self, mulaw: bytes, heard: Heard) -> Known:
        """What they say at a pause."""
        began = time.process_time()
        words = self.whisper.run(
            "transcribe", {"language": "en"}, heard.utterance, lambda *_: None, lambda: False
        )
        transcribed = time.process_time()
        judged = self._judge(mulaw, heard, heard.detected_at)
        done = time.process_time()
        pipecat = self._judge(mulaw, heard, heard.speech_end + PIPECAT_PAUSE_S)
        return Known(
            begun_s=heard.begun_at - heard.speech_end,
            detected_s=heard.detected_at - heard.speech_end,
            text=words["text"],
            closing=words["closing"],
            transcript_s=transcribed - began,
            probability=judged,
            judgement_s=done - transcribed,
            pipecat_probability=pipecat,
            phase_s=-heard.speech_end % MESSAGE_S,
        )

    def _judge(self, mulaw: bytes, heard: Heard, until: float) -> float:
        utterance = mulaw[round(heard.begin * RATE_HZ) : round(until * RATE_HZ)]
        answer = self.smart_turn.run("judge", {}, utterance, lambda *_: None, lambda: False)
        return float(answer["probability"])


def collect() -> list[Moment]:
    """Every pause and end, heard by the models or read from the file of an earlier run."""
    cache = Path(tempfile.gettempdir()) / f"voxd-bench-turns-{_digest()}.json"
    if cache.is_file():
        return [_decode(row) for row in json.loads(cache.read_text(encoding="utf-8"))]
    prompts, gaps = load_labels(), choose_gaps(load_gaps())
    models = Models()
    whole = [prompt for prompt in prompts.values() if is_whole(prompt)]
    moments: list[Moment] = []
    missed = 0
    for number, made in enumerate(_hear_all(models, prompts, whole, gaps), 1):
        missed += made is None
        if made is not None:
            moments.append(made)
        if sys.stderr.isatty():
            print(f"\r{number} of {len(whole) + len(gaps)} pauses", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if missed:
        print(f"{missed} pauses were not noticed by speech activity: nothing is asked of them")
    cache.write_text(json.dumps([asdict(moment) for moment in moments]), encoding="utf-8")
    return moments


def _hear_all(
    models: Models, prompts: dict[str, Prompt], whole: Iterable[Prompt], gaps: Iterable[Gap]
) -> Iterator[Moment | None]:
    for prompt in whole:
        mulaw = encode(_on_the_line(prompt.read_pcm()))
        heard = listen(mulaw, LEAD_S + prompt.speech_end_s)
        if heard is None:
            yield None
            continue
        voiced_s = {END: _since(heard.speech_end, heard.voiced_at)}
        yield Moment(prompt.name, "end", is_tuned(prompt), models.learn(mulaw, heard), {}, voiced_s)
    for gap in gaps:
        yield _hear_gap(models, prompts[gap.name], gap)


def _hear_gap(models: Models, prompt: Prompt, gap: Gap) -> Moment | None:
    pcm, known = prompt.read_pcm(), None
    resumed: dict[int, float] = {}
    voiced: dict[int, list[float]] = {}
    for pause_ms in sorted({*SHOWN_MS, *TUNED_MS}, reverse=True):
        spliced = splice_pause(pcm, (gap.start_s, gap.end_s), pause_ms / 1000)
        mulaw = encode(_on_the_line(spliced))
        heard = listen(mulaw, LEAD_S + gap.start_s)
        if heard is None or heard.resumed_at is None:
            return None
        known = known or models.learn(mulaw, heard)
        resumed[pause_ms] = heard.resumed_at - heard.speech_end
        voiced[pause_ms] = _since(heard.speech_end, heard.voiced_at)
    assert known is not None
    return Moment(prompt.name, gap.place, is_tuned(prompt), known, resumed, voiced)


def _since(speech_end: float, times: Iterable[float]) -> list[float]:
    return [round(at - speech_end, 4) for at in times]


def _on_the_line(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    return np.concatenate((line_noise(LEAD_S, 2), pcm, line_noise(TAIL_S, 3)))


def _digest() -> str:
    """Changes when anything does that the moments depend on."""
    sources = CONFIG.parent / "voxd"
    files = [
        *(LABELS, GAPS, Path(__file__), Path(__file__).with_name("splice.py")),
        *(sources / "audio/activity.py", sources / "engines/stt/utterance.py"),
        sources / "call/listener.py",
        *(sources / f"engines/local/{name}.py" for name in WORKER_SOURCES),
    ]
    engines = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["engines"]
    used = [engines[name] for name in ("faster-whisper", "smart-turn")] + [Ear().model_dump()]
    digest = hashlib.sha256(json.dumps(used).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _decode(row: dict[str, Any]) -> Moment:
    return Moment(
        **{
            **row,
            "known": Known(**row["known"]),
            "resumed_s": {int(ms): at for ms, at in row["resumed_s"].items()},
            "voiced_s": {int(ms): times for ms, times in row["voiced_s"].items()},
        }
    )
