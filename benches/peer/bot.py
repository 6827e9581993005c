"""The pipeline of one call. Runs in the peer's environment; `agent` calls it.

As in pipecat's own examples: transport, transcription, user aggregator with Silero's VAD and
smart-turn, language model, speech, transport, assistant aggregator.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from fastapi import WebSocket
from openai import AsyncOpenAI
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.observers.user_bot_latency_observer import MeasuredFrom, UserBotLatencyObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.aggregators.llm_text_processor import LLMTextProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.piper import tts as piper_tts
from pipecat.services.piper.tts import PiperTTSService
from pipecat.services.whisper import stt as whisper_stt
from pipecat.services.whisper.stt import WhisperSTTService
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from benches.peer.clauses import ClauseAggregator
from benches.peer.setup import TUNINGS, AgentSetup, Tuning, Waterfall, add_up

EAR_HZ, LINE_HZ = 16000, 8000
"""Whisper, Silero and smart-turn hear 16 kHz; Twilio is sent 8 kHz."""


class Models:
    """The weights, loaded once and shared by all calls, which come one at a time.

    pipecat's services load their own in their constructors; `functools.cache` in front of the
    libraries' loaders makes every call after the first get the same.
    """

    def __init__(self, setup: AgentSetup) -> None:
        self._setup = setup
        tuning = TUNINGS[setup.tuning]
        whisper_stt.WhisperModel = functools.cache(
            functools.partial(_load_whisper, whisper_stt.WhisperModel, tuning.beam_size)
        )
        piper_tts.PiperVoice.load = functools.cache(
            functools.partial(_load_voice, piper_tts.PiperVoice.load, tuning.voice_threads)
        )
        stop = {} if tuning.stop_s is None else {"stop_secs": tuning.stop_s}
        self.smart_turn = LocalSmartTurnAnalyzerV3(params=SmartTurnParams(**stop))
        self.stt = functools.partial(
            WhisperSTTService,
            device="cpu",
            compute_type=tuning.compute_type,
            settings=WhisperSTTService.Settings(model=setup.whisper),
        )
        self.tts = functools.partial(
            PiperTTSService,
            download_dir=Path(setup.voices),
            settings=PiperTTSService.Settings(voice=setup.voice),
        )

    async def warm_up(self) -> None:
        """Use everything once, so that the first call is as quick as the others."""
        setup = self._setup
        noise = np.random.default_rng(1).normal(0.0, 0.01, 2 * EAR_HZ).astype(np.float32)
        list(self.stt()._model.transcribe(noise, language="en")[0])
        list(self.tts()._voice.synthesize(setup.greeting))
        self.smart_turn.set_sample_rate(EAR_HZ)
        self.smart_turn.append_audio((noise * 32768).astype(np.int16).tobytes(), True)
        await self.smart_turn.analyze_end_of_turn()
        self.smart_turn.clear()
        async with AsyncOpenAI(api_key="none", base_url=setup.llm_url) as client:
            await client.chat.completions.create(
                model="local",
                messages=[
                    {"role": "system", "content": setup.prompt},
                    {"role": "user", "content": "Hello?"},
                ],
                max_tokens=8,
            )


def _load_whisper(load: Any, beam_size: int | None, *args: Any, **kwargs: Any) -> Any:
    model = load(*args, **kwargs)
    if beam_size is not None:
        # The fallback to higher temperatures is faster-whisper's second attempt; voxd has none.
        model.transcribe = functools.partial(model.transcribe, beam_size=beam_size, temperature=0.0)
    return model


def _load_voice(load: Any, threads: int | None, path: Path, **kwargs: Any) -> Any:
    voice = load(path, **kwargs)
    if threads is not None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        voice.session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    return voice


async def hold_call(websocket: WebSocket, setup: AgentSetup, models: Models) -> None:
    """Answer one call until the caller hangs up."""
    tuning = TUNINGS[setup.tuning]
    _, call = await parse_telephony_websocket(websocket)
    transport = FastAPIWebsocketTransport(
        websocket=websocket,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            add_wav_header=False,
            serializer=TwilioFrameSerializer(
                stream_sid=call["stream_id"],
                call_sid=call["call_id"],
                params=TwilioFrameSerializer.InputParams(auto_hang_up=False),
            ),
        ),
    )
    latency = UserBotLatencyObserver(min_contribution_secs=0.0)
    worker = PipelineWorker(
        _build_pipeline(transport, setup, tuning, models),
        params=PipelineParams(
            audio_in_sample_rate=EAR_HZ, audio_out_sample_rate=LINE_HZ, enable_metrics=True
        ),
        observers=[latency],
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)

    @latency.event_handler("on_latency_breakdown")  # type: ignore[untyped-decorator]
    def note(_: Any, breakdown: Any) -> None:
        if breakdown.measured_from is MeasuredFrom.USER_SILENCE:
            parts = add_up([(part.key, part.duration_secs) for part in breakdown.contributions])
            with open(setup.turns_file, "a", encoding="utf-8") as file:
                file.write(Waterfall(call["call_id"], parts).encode())

    @transport.event_handler("on_client_connected")  # type: ignore[untyped-decorator]
    async def greet(*_: Any) -> None:
        # The system prompt tells the model of it, as voxd's does.
        await worker.queue_frames([TTSSpeakFrame(setup.greeting, append_to_context=False)])

    @transport.event_handler("on_client_disconnected")  # type: ignore[untyped-decorator]
    async def end(*_: Any) -> None:
        await runner.cancel()

    await runner.run()


def _build_pipeline(
    transport: FastAPIWebsocketTransport, setup: AgentSetup, tuning: Tuning, models: Models
) -> Pipeline:
    llm = OpenAILLMService(
        api_key="none",
        base_url=setup.llm_url,
        settings=OpenAILLMService.Settings(
            model="local",
            system_instruction=setup.prompt,
            temperature=setup.temperature,
            max_tokens=setup.max_tokens,
            extra={"stop": list(setup.stop)} if setup.stop else {},
        ),
    )
    # As pipecat's documentation has it for servers that know no such role, like this one.
    llm.supports_developer_role = False
    models.smart_turn.clear()
    user, assistant = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(
            vad_analyzer=SileroVADAnalyzer(),
            # The default strategy, with the analyzer that is already warm.
            user_turn_strategies=UserTurnStrategies(
                stop=[TurnAnalyzerUserTurnStopStrategy(turn_analyzer=models.smart_turn)]
            ),
        ),
    )
    clauses = [LLMTextProcessor(text_aggregator=ClauseAggregator())] if tuning.is_by_clause else []
    return Pipeline(
        [
            transport.input(),
            models.stt(),
            user,
            llm,
            *clauses,
            models.tts(),
            transport.output(),
            assistant,
        ]
    )
