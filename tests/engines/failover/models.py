"""A chain of scripted language models, and one call that uses it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from tests.engines.failover.recorder import Recorder, now
from tests.fakes.language_model import FakeLanguageModel, Script
from voxd.commands import Message
from voxd.config import Deadline, Deadlines
from voxd.contracts import ReplyRequest, Usage
from voxd.engines.failover.llm import FailoverLanguageModel
from voxd.engines.failover.standby import ShadowSlots
from voxd.errors import Category, EngineError, Phase

DEADLINES = Deadlines(
    first_token_s=Deadline(0.5, 1.0),
    first_clause_s=Deadline(0.8, 1.2),
    first_audio_s=Deadline(0.4, 0.8),
    next_audio_s=Deadline(0.3, 0.6),
)
"""Scripted, so that figures in tests do not move with the defaults."""
NORMAL_S = 0.2
"""When the first engine usually has its first clause."""
GOOD: Script = (NORMAL_S, "Yes, we are. ", 0.1, "Come by.")
STANDBY: Script = (0.3, "We are open. ", 0.1, "Do come by.")
"""What the second engine says, and how fast."""
PROMPT = (Message("system", "Be kind."), Message("user", "Are you open?"))
TEXT, STANDBY_TEXT = "Yes, we are. Come by.", "We are open. Do come by."


def error(engine: str, category: Category, phase: Phase = Phase.FIRST_RESULT) -> EngineError:
    return EngineError(engine, category, phase, "scripted")


def model(name: str, *scripts: Script, is_local: bool = False) -> FakeLanguageModel:
    it = FakeLanguageModel(*scripts)
    it.name = name
    it.capabilities = replace(it.capabilities, is_local=is_local)
    return it


@dataclass
class Told:
    """What came of one request."""

    asked_at: float
    text: str = ""
    token_at: float | None = None
    """Seconds from the request to the first token."""
    clause_at: float | None = None
    """Seconds from the request to the first text."""
    usages: list[Usage] = field(default_factory=list)
    error: EngineError | None = None


class Chain:
    """A failover over models, the last of which is local."""

    def __init__(self, *models: FakeLanguageModel, slots: int = 0) -> None:
        self.models = models
        self.board = Recorder()
        self.slots = ShadowSlots(slots)
        self.llm = FailoverLanguageModel(
            models, DEADLINES, self.board, self.board.post, now, self.slots
        )

    async def ask(self, reply_id: int = 1, messages: tuple[Message, ...] = PROMPT) -> Told:
        """Have a reply written to its end."""
        told = Told(now())
        request = ReplyRequest("CA1", reply_id, messages, 150, 0.7)
        try:
            async for piece in self.llm.stream_reply(request):
                if isinstance(piece, Usage):
                    told.usages.append(piece)
                    continue
                if told.token_at is None:
                    told.token_at = round(now() - told.asked_at, 3)
                if piece and told.clause_at is None:
                    told.clause_at = round(now() - told.asked_at, 3)
                told.text += piece
        except EngineError as failed:
            told.error = failed
        return told

    @property
    def asked(self) -> list[int]:
        """How many requests each model had."""
        return [len(model.requests) for model in self.models]


@asynccontextmanager
async def chain(*models: FakeLanguageModel, slots: int = 0) -> AsyncIterator[Chain]:
    """A chain whose streams must all be closed at the end."""
    it = Chain(*models, slots=slots)
    yield it
    assert [model.active for model in models] == [0] * len(models)
    await it.llm.release("CA1")
    assert not any(model.sequences for model in models)
