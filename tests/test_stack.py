"""A call's engines are chosen, and begun, when it is announced; nothing of it is left over."""

import asyncio
from dataclasses import replace

import pytest

from tests.fakes.call import Stage, make_config, make_runtime
from tests.fakes.language_model import FakeLanguageModel
from tests.fakes.text_to_speech import FakeTextToSpeech
from tests.fakes.turn_judge import FakeTurnJudge
from voxd.chains import TURNS_NEED
from voxd.contracts import EngineState, TurnHints
from voxd.errors import AdmissionRefused, Category, EngineError, Phase
from voxd.events import Kind
from voxd.stack import CallStack

TIER = {"llm": ["cloud-llm", "fake-llm"], "tts": ["cloud-tts", "fake-tts"]}
OTHER = "+15550100"


class CloudVoice(FakeTextToSpeech):
    """A voice that must connect."""

    def __init__(self) -> None:
        super().__init__(name="cloud-tts")
        self.warmed = 0
        self.error: EngineError | None = None

    async def warm(self) -> None:
        self.warmed += 1
        if self.error is not None:
            raise self.error


class Setup:
    """Two tiers: the default is local, the other number's begins in the cloud."""

    def __init__(self) -> None:
        base = make_config().tiers["test"]
        config = make_config(
            tiers={"cloud": {**base.model_dump(), **TIER}},
            numbers={OTHER: {"tier": "cloud", "language": "es"}},
        )
        self.llm = FakeLanguageModel(name="cloud-llm")
        self.tts = CloudVoice()
        self.stage = Stage(config=config, more=[self.llm, self.tts])
        self.runtime = self.stage.runtime

    def stack(self, number: str = OTHER) -> CallStack:
        return CallStack(self.runtime, "CA1", self.runtime.config.dialled(number))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_dialled_number_decides_chains_and_language() -> None:
    setup = Setup()
    own, other = setup.stack(), setup.stack("+15550199")
    assert own.chains[Kind.LLM].names == ("cloud-llm", "fake-llm")
    assert own.config.agent.language == "es"
    assert other.chains[Kind.LLM].names == ("fake-llm",)
    assert other.config.agent.language == "en"
    post = [].append  # type: ignore[var-annotated]
    assert own.language_model(post).name == "cloud-llm"
    assert own.text_to_speech(post).name == "cloud-tts"
    assert [engine.name for engine in own.speech_to_text] == ["fake-stt"]


async def test_a_call_that_nobody_can_serve_is_refused() -> None:
    setup = Setup()
    for voice in (setup.tts, setup.stage.tts):
        voice.capabilities = replace(voice.capabilities, languages=("en",))
    setup.runtime = make_runtime(setup.stage)  # its board reads the declarations
    with pytest.raises(AdmissionRefused, match="no_tts"):
        setup.stack()
    setup.stack("+15550199")


async def test_everything_is_begun_side_by_side_when_the_call_is_announced() -> None:
    setup = Setup()
    stack = setup.stack()
    stack.open_early(10.0)
    await settle()
    assert len(setup.stage.stt.open_streams) == 1
    assert setup.tts.warmed == 1
    (messages,) = setup.llm.prepared
    assert messages[0].role == "system"
    hints = TurnHints(utterance_end_s=1.0, vad_events=False)  # the tier's
    assert stack.turn_hints == setup.stage.stt.hints == hints
    async with stack.speech_to_text[0].open_stream("CA1", "es", hints):
        assert setup.stage.stt.opened == 1
    stack.take()
    stack.close()
    await settle()
    assert setup.llm.sequences == {"CA1"}  # the call's own affair from now on


async def test_what_no_call_took_is_given_back_after_its_time() -> None:
    setup = Setup()
    stack = setup.stack()
    stack.open_early(0.02)
    await settle()
    assert setup.llm.sequences == {"CA1"}
    async with asyncio.timeout(5):
        while setup.llm.sequences or setup.stage.stt.open_streams:
            await asyncio.sleep(0.005)
    await settle()
    assert len(setup.runtime.early) == 0
    stack.close()


async def test_a_connection_that_fails_early_is_known_before_the_call() -> None:
    setup = Setup()
    setup.tts.error = EngineError("cloud-tts", Category.AUTH, Phase.CONNECT, "scripted")
    setup.stack().open_early(10.0)
    await settle()
    assert setup.runtime.board.verdict("cloud-tts").state is EngineState.EJECTED
    assert setup.stack().chains[Kind.TTS].names == ("fake-tts",)
    await setup.runtime.early.aclose()


async def test_closing_a_stack_that_began_nothing_is_harmless() -> None:
    setup = Setup()
    stack = setup.stack()
    stack.close()
    stack.take()
    stack.close()
    assert setup.llm.sequences == set()


async def test_the_judge_of_turns_is_whoever_is_well_at_the_moment() -> None:
    first, spare = FakeTurnJudge(), FakeTurnJudge(name="spare-turn")
    tier = {"turn": ["fake-turn", "spare-turn"]}
    runtime = Stage(config=make_config(tier=tier), more=[first, spare]).runtime
    stack = CallStack(runtime, "CA1", runtime.config)
    assert stack.turn_judge() is first
    runtime.board.record_late("fake-turn", 0.3)
    assert stack.turn_judge() is spare
    runtime.board.record_error(spare.error())
    assert stack.turn_judge() is None
    runtime.board.record_probe("fake-turn", 0.05)
    assert stack.turn_judge() is first


async def test_a_tier_may_have_no_judge_of_turns() -> None:
    runtime = Stage().runtime
    assert CallStack(runtime, "CA1", runtime.config).turn_judge() is None


async def test_a_call_that_needs_no_ear_gets_a_stack_without_one() -> None:
    # The only ear of the tier is not there.
    tier = {"stt": ["other-stt"]}
    stage = Stage(config=make_config(tier=tier))
    with pytest.raises(AdmissionRefused, match="no_stt"):
        CallStack(stage.runtime, "CA1", stage.config)
    stack = CallStack(stage.runtime, "CA1", stage.config, TURNS_NEED)
    assert stack.language_model(lambda _: None).name == "fake-llm"
