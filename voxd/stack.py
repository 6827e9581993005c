"""The engines of one call: chosen when it is announced, handed to `voxd.call.build`. I/O.

`open_early` begins what takes time while Twilio still connects: the speech-to-text stream, the
voice's connection and the model's reading of the prompt, side by side. A stack that no call took
gives all of it back by itself.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import cast

from voxd.chains import EVERY_KIND, choose_chains, rank_judges
from voxd.config import Config
from voxd.contracts import (
    Engine,
    EngineState,
    LanguageModel,
    Priority,
    SpeechToText,
    TextToSpeech,
    TurnHints,
    TurnJudge,
)
from voxd.dialog.conversation import system_message
from voxd.engines.early import EarlySpeechToText
from voxd.engines.failover.llm import FailoverLanguageModel
from voxd.engines.failover.tts import FailoverTextToSpeech
from voxd.errors import EngineError
from voxd.events import Event, Kind
from voxd.runtime import Runtime


class CallStack:
    """What one call uses, and in which order."""

    def __init__(
        self,
        runtime: Runtime,
        call_id: str,
        config: Config,
        kinds: Collection[Kind] = EVERY_KIND,
    ) -> None:
        """Choose; nothing is opened.

        Args:
            config: as this call sees it (`Config.dialled`, `voxd.lookup.directory`).
            kinds: what the call needs; without speech-to-text nothing can be opened early.

        Raises:
            AdmissionRefused: no engine of some kind is left.
        """
        self.runtime = runtime
        self.config = config
        self.chains = choose_chains(config, runtime.board, kinds)
        self.call_id = call_id
        self._stt = [cast(SpeechToText, engine) for engine in self._engines(Kind.STT)]
        self._llm = [cast(LanguageModel, engine) for engine in self._engines(Kind.LLM)]
        self._tts = [cast(TextToSpeech, engine) for engine in self._engines(Kind.TTS)]
        self._early: EarlySpeechToText | None = None
        self._warming: list[asyncio.Task[None]] = []
        self._limit: asyncio.TimerHandle | None = None
        self._is_taken = False

    # --- before the stream --------------------------------------------------------------------

    def open_early(self, limit_s: float) -> None:
        """Begin what takes time; it is given back if no call has taken it by `limit_s`."""
        runtime, language = self.runtime, self.config.agent.language
        self._early = EarlySpeechToText(
            self._stt[0],
            self.call_id,
            language,
            runtime.early,
            runtime.board,
            self.turn_hints,
        )
        self._stt[0] = self._early
        self._warming = [
            runtime.early.start(self._read_prompt(self._llm[0])),
            runtime.early.start(self._warm(self._tts[0])),
        ]
        self.hold(limit_s)

    def hold(self, limit_s: float) -> None:
        """Keep what was begun until `limit_s` from now."""
        if self._limit is not None:
            self._limit.cancel()
        self._limit = asyncio.get_running_loop().call_later(limit_s, self.close)

    def close(self) -> None:
        """Give back what was begun and no call has taken; harmless when done before."""
        if self._early is None:
            return
        if self._limit is not None:
            self._limit.cancel()
        for task in self._warming:
            task.cancel()
        self._early.close()
        self._early = None
        if not self._is_taken:
            self.runtime.early.start(self._llm[0].release(self.call_id))

    # --- for the call -------------------------------------------------------------------------

    def take(self) -> None:
        """The call is there: it gives back what it uses, and whoever runs it closes the rest."""
        self._is_taken = True
        if self._limit is not None:
            self._limit.cancel()

    @property
    def speech_to_text(self) -> tuple[SpeechToText, ...]:
        """The chain, for the transcriber to walk."""
        return tuple(self._stt)

    @property
    def turn_hints(self) -> TurnHints:
        """What the call's tier wants to be told of turns."""
        tier = self.config.tier()
        return TurnHints(tier.utterance_end_s, tier.vad_events)

    def language_model(self, post: Callable[[Event], None]) -> LanguageModel:
        """The chain as one model, for this call alone; `post` gets what becomes of it."""
        runtime, now = self.runtime, asyncio.get_running_loop().time
        deadlines = self.config.tier().deadlines
        return FailoverLanguageModel(
            self._llm, deadlines, runtime.board, post, now, runtime.shadows
        )

    def text_to_speech(self, post: Callable[[Event], None]) -> TextToSpeech:
        """The chain as one voice, for this call alone."""
        deadlines, now = self.config.tier().deadlines, asyncio.get_running_loop().time
        return FailoverTextToSpeech(
            self._tts, deadlines, self.runtime.board, post, now, self.config.agent.voices
        )

    def turn_judge(self) -> TurnJudge | None:
        """Who judges now whether the caller has finished; None: nobody who is well.

        Asked anew at each pause: one that must prove itself by a probe would cost its deadline.
        """
        board = self.runtime.board
        for name in rank_judges(self.config, board).names:
            if board.verdict(name).state not in (EngineState.PROBING, EngineState.EJECTED):
                return cast(TurnJudge, self.runtime.engines[name])
        return None

    def _engines(self, kind: Kind) -> list[Engine]:
        return [self.runtime.engines[name] for name in self.chains[kind].names]

    async def _read_prompt(self, llm: LanguageModel) -> None:
        """Connects where it must, and fills the sequence of a model on this machine."""
        messages = (system_message(self.config),)
        await self._try(llm.prepare(self.call_id, messages, Priority.GREETING))

    async def _warm(self, tts: TextToSpeech) -> None:
        await self._try(tts.warm())

    async def _try(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except EngineError as error:
            self.runtime.board.record_error(error)
