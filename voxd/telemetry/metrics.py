"""What Prometheus is told of calls and their turns: an observer that counts.

All stands in a `CollectorRegistry` of its own. How the daemon is at the moment of a scrape is read
then (`voxd.server.figures`). Label sets are bounded: names come from the config, and what exceeds
`MOST_VALUES` of a label is `other`.

Buckets lie around what the tiers promise (0.4, 0.6, 2.5 and 3 s) and 1.5 times that.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

from voxd.telemetry.incidents import find_blame
from voxd.telemetry.latency import TurnTimings
from voxd.telemetry.outcome import CallFacts, CallOutcome, Pace, Switch

MOST_VALUES = 32
"""Bound of the values of one label."""
OTHER = "other"
NONE = "none"
"""Stands for no engine."""
UNANSWERED = "unanswered"
"""The pace of a turn that got no answer of the model's."""
PREMATURE = "premature"
"""The pace of a turn whose answer came before the caller had finished: its times say nothing."""

HEARD_S = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.2, 1.6, 2.0, 2.5, 3.0, 3.75, 4.5, 6.0, 10.0)
"""Buckets of voice-to-voice latency."""
STAGE_S = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Buckets of one stage's part."""
CALL_S = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)
"""Buckets of how long calls last."""


class Bounded:
    """A label whose values are few: the first `most` that come, and `other`.

    Two threads that come with a new one in the same moment may make it one more.
    """

    def __init__(self, most: int = MOST_VALUES) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """The value to use for this one."""
        if value not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(value)
        return value or NONE


class CallMetrics:
    """Counters and histograms of calls."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._tier, self._engine = Bounded(), Bounded()
        self._heard = self._histogram(
            "voice_to_voice_seconds",
            "From the caller's last word to the first sound of the answer.",
            ("tier", "transport"),
            HEARD_S,
        )
        self._endpoint = self._histogram(
            "endpoint_seconds",
            "From the caller's last word to the decision that the turn is over.",
            ("tier",),
        )
        self._judged = self._histogram(
            "turn_judge_seconds",
            "From the caller's last word to the judgement of how it sounded.",
            ("tier",),
        )
        self._total = self._histogram(
            "stage_sum_seconds",
            "Sum of the three stages; larger than what is heard where they overlap.",
            ("tier",),
        )
        self._stt = self._histogram(
            "stt_latency_seconds",
            "From the caller's last word to the transcript that was answered.",
            ("tier", "engine"),
        )
        self._ttft = self._histogram(
            "llm_first_token_seconds", "From the request to its first token.", ("tier", "engine")
        )
        self._clause = self._histogram(
            "llm_first_clause_seconds",
            "From the request to the first clause that can be spoken.",
            ("tier", "engine"),
        )
        self._ttfa = self._histogram(
            "tts_first_audio_seconds",
            "From the first clause to its first audio.",
            ("tier", "engine"),
        )
        self._duration = self._histogram(
            "call_duration_seconds", "How long finished calls lasted.", ("tier",), CALL_S
        )
        self._calls = self._counter(
            "calls",
            "Finished calls by the reason of their end.",
            ("tier", "transport", "direction", "reason"),
        )
        self._turns = self._counter(
            "turns",
            "Turns by how they kept the target: met, slow, violation (above 1.5 x); or premature, "
            "unanswered.",
            ("tier", "pace"),
        )
        self._violations = self._counter(
            "latency_violations",
            "Turns above 1.5 x the target, by the stage that cost them the most.",
            ("tier", "stage", "engine"),
        )
        self._premature = self._counter(
            "premature_replies", "Answers heard while the caller had gone on speaking.", ("tier",)
        )
        self._interrupted = self._counter(
            "interrupted_replies", "Answers that the caller stopped.", ("tier",)
        )
        self._failovers = self._counter(
            "failovers",
            "Calls that left an engine for another.",
            ("stage", "left", "taken", "reason"),
        )
        self._attempts = self._counter(
            "reply_attempts", "Replies that were begun, wasted ones included.", ("tier",)
        )
        self._wasted = self._counter(
            "wasted_attempts", "Replies that were begun and not heard.", ("tier",)
        )
        self._wasted_tokens = self._counter(
            "wasted_tokens", "Tokens that models wrote for replies that were not heard.", ("tier",)
        )
        self._wasted_characters = self._counter(
            "wasted_characters", "Characters voiced for replies that were not heard.", ("tier",)
        )
        self._tokens = self._counter(
            "tokens",
            "Tokens of replies that were heard: prompt, of those cached, completion.",
            ("engine", "kind"),
        )
        self._underrun = self._counter(
            "underrun_seconds", "Silence inside answers because audio came too late.", ("tier",)
        )

    def turn_heard(self, facts: CallFacts, turn: TurnTimings) -> None:
        """Observe the times of a turn that was answered."""
        tier, pace = self._tier(facts.tier), facts.pace(turn)
        self._premature.labels(tier).inc(turn.is_premature)  # 0 as well: a share needs its zero
        if turn.is_premature:
            self._turns.labels(tier, PREMATURE).inc()
        if pace is None:
            return
        _observe(self._heard.labels(tier, facts.transport), turn.voice_to_voice_ms)
        _observe(self._endpoint.labels(tier), turn.endpoint_ms)
        _observe(self._judged.labels(tier), turn.judge_latency_ms)
        _observe(self._total.labels(tier), turn.total_latency_ms)
        _observe(self._stt.labels(tier, self._engine(turn.stt_engine)), turn.stt_latency_ms)
        llm, tts = self._engine(turn.llm_engine), self._engine(turn.tts_engine)
        _observe(self._ttft.labels(tier, llm), turn.llm_ttft_ms)
        _observe(self._clause.labels(tier, llm), turn.llm_clause_ms)
        _observe(self._ttfa.labels(tier, tts), turn.tts_ttfa_ms)
        self._turns.labels(tier, pace).inc()
        if pace is Pace.VIOLATION:
            blame = find_blame(turn)
            self._violations.labels(tier, blame.stage, self._engine(blame.engine)).inc()

    def engine_switched(self, facts: CallFacts, switch: Switch) -> None:
        """Count a failover."""
        left, taken = self._engine(switch.left), self._engine(switch.taken)
        self._failovers.labels(switch.stage, left, taken, switch.reason).inc()

    def call_finished(self, outcome: CallOutcome) -> None:
        """Count the call, and what its turns cost."""
        tier = self._tier(outcome.tier)
        self._calls.labels(tier, outcome.transport, outcome.direction, outcome.reason).inc()
        self._duration.labels(tier).observe(outcome.duration_s)
        self._interrupted.labels(tier).inc(len(outcome.interrupted))
        self._wasted.labels(tier).inc(outcome.wasted_attempts)
        for turn in outcome.turns:
            if turn.voice_to_voice_ms is None:
                self._turns.labels(tier, UNANSWERED).inc()
            self._attempts.labels(tier).inc(turn.attempts)
            self._wasted_tokens.labels(tier).inc(turn.wasted_tokens)
            self._wasted_characters.labels(tier).inc(turn.wasted_characters)
            self._underrun.labels(tier).inc(turn.underrun_s)
            llm = self._engine(turn.llm_engine)
            self._tokens.labels(llm, "prompt").inc(turn.prompt_tokens)
            self._tokens.labels(llm, "cached").inc(turn.cached_tokens)
            self._tokens.labels(llm, "completion").inc(turn.completion_tokens)

    def _histogram(
        self, name: str, help_: str, labels: tuple[str, ...], buckets: tuple[float, ...] = STAGE_S
    ) -> Histogram:
        return Histogram(
            name, help_, labels, namespace="voxd", registry=self.registry, buckets=buckets
        )

    def _counter(self, name: str, help_: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, help_, labels, namespace="voxd", registry=self.registry)


def _observe(histogram: Histogram, value_ms: float | None) -> None:
    """A time that did not happen is none."""
    if value_ms is not None:
        histogram.observe(max(0.0, value_ms) / 1000)
