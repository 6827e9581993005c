"""Starts voxd and the peer, calls them alternately. I/O; `benches.cli` starts it."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from benches.daemon import CONFIG, find_free_port, run_daemon
from benches.line import build_turns, check_connected, place_calls
from benches.peer.environment import LOCK, make_environment, read_version
from benches.peer.order import Said, cut_calls, take_turns
from benches.peer.servers import run_agent, run_llm
from benches.peer.setup import TUNINGS, AgentSetup, Tuning, Waterfall
from benches.peer.verdict import VOXD, Call, Result, list_turns, sum_up_system
from benches.prompts import TURN_PROMPTS, load_labels
from benches.v2v import PAUSES_S, build_paused_turns
from voxd.caller.plan import CallPlan
from voxd.config import Config, load_config
from voxd.dialog.conversation import system_prompt
from voxd.engines.registry import settings_types

TURN_LIMIT_S = 60.0
"""Longest that a turn and its reply may take before the bench gives up."""


async def run(
    directory: Path,
    turns: int,
    turns_per_call: int,
    pause_prompts: int,
    tunings: Sequence[Tuning],
    tier: str | None,
) -> Result:
    """Measure both.

    Args:
        directory: for configs and logs.
        turns: how many prompts are said to each system, over calls of `turns_per_call`.
        pause_prompts: how many prompts are said with each length of pause.
        tunings: ways to set pipecat; each is a system of its own.
        tier: of voxd's calls; None: as shipped.

    Raises:
        BenchFailed: the peer's environment cannot be made, a server does not start, a call fails.
    """
    calls = build_calls(turns, turns_per_call, pause_prompts)
    config = read_config(tier)
    python = make_environment()
    with ExitStack() as stack:
        daemon = stack.enter_context(
            run_daemon(directory, {} if tier is None else {"call.tier": tier})
        )
        urls = {VOXD: daemon.voice_url}
        model = config.resolve(config.engines["llamacpp"].model)
        llm_url = stack.enter_context(run_llm(python, directory, str(model)))
        files = {}
        for tuning in tunings:
            name = system_name(tuning)
            setup = build_setup(config, tuning, directory, llm_url)
            files[name] = Path(setup.turns_file)
            urls[name] = stack.enter_context(run_agent(python, directory, setup))
        await _warm_up(urls, calls[0])
        done = [await _place(urls[name], name, said) for name, said in _show(calls, list(urls))]
    return Result(
        version=read_version("pipecat-ai", LOCK.read_text(encoding="utf-8")),
        cores=os.cpu_count() or 1,
        systems=tuple(
            sum_up_system(
                name,
                [call for call in done if call.system == name],
                read_waterfalls(files[name]) if name in files else (),
            )
            for name in urls
        ),
        settings={
            VOXD: f"tier {config.call.tier}, config.toml as shipped",
            **{system_name(tuning): tuning.explain() for tuning in tunings},
        },
        rows=tuple(list_turns(done)),
    )


def choose_tunings(settings: str) -> tuple[Tuning, ...]:
    """The tunings for `--settings`."""
    return tuple(TUNINGS.values()) if settings == "both" else (TUNINGS[settings],)


def system_name(tuning: Tuning) -> str:
    """How a way to set pipecat is called in the table."""
    return f"pipecat {tuning.name}"


def build_calls(turns: int, turns_per_call: int, pause_prompts: int) -> list[Said]:
    """Everything that is said, to each system."""
    labels = load_labels()
    plain = build_turns(labels[name] for name in islice(cycle(TURN_PROMPTS), turns))
    calls = cut_calls(0.0, plain, turns_per_call)
    for pause_s in PAUSES_S if pause_prompts else ():
        paused = build_paused_turns(pause_s, pause_prompts)
        calls += cut_calls(pause_s * 1000, paused, turns_per_call)
    return calls


def read_config(tier: str | None) -> Config:
    """The shipped config, with calls in this tier; None: in theirs."""
    config = load_config(CONFIG, settings_types())
    if tier is None:
        return config
    return config.model_copy(update={"call": config.call.model_copy(update={"tier": tier})})


def build_setup(config: Config, tuning: Tuning, directory: Path, llm_url: str) -> AgentSetup:
    """What an agent is told, so that it has what voxd has by the same config."""
    engines = config.engines
    voice = config.resolve(engines["piper"].voice)
    return AgentSetup(
        port=find_free_port(),
        tuning=tuning.name,
        whisper=str(config.resolve(engines["faster-whisper"].model)),
        voices=str(voice.parent),
        voice=voice.stem,
        llm_url=llm_url,
        prompt=system_prompt(config),
        greeting=config.phrases.greeting,
        temperature=config.agent.temperature,
        max_tokens=config.agent.max_tokens,
        stop=engines["llamacpp"].stop,
        turns_file=str(directory / f"{tuning.name}-turns.jsonl"),
    )


def read_waterfalls(file: Path) -> list[Waterfall]:
    """What an agent wrote about its replies; nothing when it made none."""
    if not file.is_file():
        return []
    return [Waterfall.decode(line) for line in file.read_text(encoding="utf-8").splitlines()]


async def _warm_up(urls: dict[str, str], said: Said) -> None:
    """A call of one turn to each system, thrown away."""
    for name, url in urls.items():
        await _place(url, name, replace(said, turns=said.turns[:1]))


def _show(calls: Sequence[Said], systems: Sequence[str]) -> Iterator[tuple[str, Said]]:
    total = len(calls) * len(systems)
    for number, (system, said) in enumerate(take_turns(calls, systems), 1):
        if sys.stderr.isatty():
            print(f"\rcall {number} of {total}: {system:<20}", end="", file=sys.stderr)
        yield system, said
    if sys.stderr.isatty():
        print(file=sys.stderr)


async def _place(url: str, system: str, said: Said) -> Call:
    # Only voxd can say which of its replies were the model's and not an apology.
    plan = CallPlan(said.turns, url=url, fetches_daemon_times=system == VOXD)
    [report] = await place_calls([plan], limit_s=30 + TURN_LIMIT_S * len(said.turns))
    check_connected([report])
    return Call(system, said, report)
