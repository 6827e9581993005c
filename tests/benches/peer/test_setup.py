"""What the agents are told."""

from dataclasses import replace

from benches.peer.setup import DEFAULT, TUNED, TUNINGS, AgentSetup, Tuning, Waterfall, add_up

SETUP = AgentSetup(
    port=8000,
    tuning="tuned",
    whisper="/models/whisper",
    voices="/models/piper",
    voice="joe",
    llm_url="http://127.0.0.1:1/v1",
    prompt="You are é receptionist.",
    greeting="Hello!",
    temperature=0.7,
    max_tokens=150,
    stop=("\n\n",),
    turns_file="/tmp/turns.jsonl",
)


def test_an_agent_reads_what_the_bench_wrote() -> None:
    assert AgentSetup.decode(SETUP.encode()) == SETUP


def test_a_waterfall_is_one_line_that_can_be_read_again() -> None:
    waterfall = Waterfall("CA1", {"transcription": 12.5})
    assert waterfall.encode().count("\n") == 1
    assert Waterfall.decode(waterfall.encode()) == waterfall


def test_parts_of_the_same_name_are_added_up() -> None:
    assert add_up([("llm", 0.1), ("tts", 0.25), ("llm", 0.2)]) == {
        "llm": 0.1 * 1000 + 0.2 * 1000,
        "tts": 250.0,
    }


def test_the_default_touches_nothing() -> None:
    assert replace(DEFAULT, name="x") == Tuning("x")
    assert DEFAULT.explain() == "everything as shipped"


def test_every_setting_that_differs_is_explained() -> None:
    told = TUNED.explain()
    for part in ("int8", "beam 1", "stop_secs 1.2", "clauses", "1 thread"):
        assert part in told
    assert set(TUNINGS) == {"default", "tuned"}
