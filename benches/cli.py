"""Arguments of `scripts/bench`, and which bench they start."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches import prompts
from benches.daemon import DaemonFailed
from benches.faults import FAULT_NAMES, SCENARIOS
from voxd.errors import VoxdError

if TYPE_CHECKING:
    from benches import cloud

DESCRIPTION = """\
Measures voxd on this machine with a human voice: the telephone prompts of Debian's
asterisk-core-sounds-en (installed if this is root; 8 kHz, one speaker).

  scripts/bench v2v        how soon a caller is answered, and how often too soon (about 12 min)
  scripts/bench calls      1, 2, 4, 6 and 10 calls at once (about 7 min)
  scripts/bench room       three times as many calls as there is room for (about 5 min)
  scripts/bench cloud      own overhead of cloud calls, 1 and 50 at once (about 9 min)
  scripts/bench start      how soon a daemon is ready, and its memory (about 3 min)
  scripts/bench soak       calls without a pause: does anything grow? (about 14 min)
  scripts/bench failover   what each failure of a provider costs a caller (about 40 min)
  scripts/bench peer       pipecat beside voxd, same caller and weights (about an hour)
  scripts/bench barge      what silences the agent, how soon, and what does not (about 3 min)
  scripts/bench twiml      calls in turns (Gather, Say) with the local model (about 12 min)
  scripts/bench turns      callers cut off in a pause, and the delay at real ends (about 5 min)
  scripts/bench tools      what the shipped language model makes of tools (about 2 min)
  scripts/bench wer        word errors: short Whisper window against 30 s (about 3 min)
  scripts/bench fresh      a bare Debian, the README's two commands, each step (about 6 min; root)
  scripts/bench prompts    the recordings, for `voxd call`

v2v, calls, room, cloud and failover start daemons of their own on free loopback ports with the
shipped config.toml (the last two: and loopback stand-ins of the providers), and end them. Leave the
machine alone meanwhile: what else computes is measured, too. Every bench exits with 0 when what the
project promises was kept, 1 when it was not, 2 when it could not measure.
"""

EXIT_KEPT, EXIT_BROKEN, EXIT_UNABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench that was asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.run is not _run_fresh:  # its caller gets recordings of its own, in there
            prompts.install()
        code: int = options.run(options)
        return code
    except (VoxdError, DaemonFailed, prompts.PromptsMissing) as error:
        print(f"bench: {error}", file=sys.stderr)
        return EXIT_UNABLE
    except KeyboardInterrupt:
        return EXIT_UNABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="BENCH")

    v2v = commands.add_parser("v2v", help="voice_to_voice, waterfall, premature replies")
    v2v.add_argument("--turns", type=_positive, default=24, help="prompts said (24)")
    v2v.add_argument("--turns-per-call", type=_positive, default=12, help="in one call (12)")
    v2v.add_argument(
        "--pause-prompts",
        type=int,
        choices=range(len(prompts.PAUSE_PROMPTS) + 1),
        default=16,
        metavar=f"0..{len(prompts.PAUSE_PROMPTS)}",
        help="prompts said with each length of pause; 0 leaves that part out (16)",
    )
    v2v.add_argument(
        "--no-speculation",
        action="store_true",
        help="the other side: no reply is begun before the turn is over",
    )
    v2v.set_defaults(run=_run_v2v)

    calls = commands.add_parser("calls", help="several calls at once")
    calls.add_argument("--turns", type=_positive, default=4, help="turns of each call (4)")
    calls.add_argument(
        "--calls", type=_positive, nargs="+", metavar="N", help="calls at once (1 2 4 6 10)"
    )
    calls.set_defaults(run=_run_calls)

    room = commands.add_parser("room", help="a crowd, and those who found room in it")
    room.add_argument("--turns", type=_positive, default=5, help="turns of each call (5)")
    room.add_argument("--limit", type=_positive, metavar="N", help="calls (two per core)")
    room.set_defaults(run=_run_room)

    start = commands.add_parser("start", help="time until ready, memory")
    start.add_argument("--starts", type=_positive, default=5, help="warm starts of each (5)")
    start.add_argument("--calls", type=_positive, default=2, help="at once, for memory (2)")
    start.add_argument("--kinds", nargs="+", choices=("local", "cloud"), help="(both)")
    start.add_argument("--cold", action="store_true", help="one start with an empty page cache too")
    start.set_defaults(run=_run_start)

    soak = commands.add_parser("soak", help="memory, descriptors, tasks, latency over time")
    soak.add_argument("--minutes", type=float, default=10.0, help="that count, after 3 more (10)")
    soak.add_argument(
        "--calls", type=_positive, metavar="N", help="at once (80 %% of what the machine carries)"
    )
    soak.set_defaults(run=_run_soak)

    cloud = commands.add_parser("cloud", help="cloud tiers on loopback providers")
    cloud.add_argument(
        "--design", action="store_true", help="the design's delays (150, 220, 90 ms)"
    )
    cloud.add_argument("--interim-s", type=float, default=1.0, help="between interims (1.0)")
    cloud.add_argument(
        "--interim-ms",
        type=_positive,
        nargs="+",
        metavar="MS",
        help="one call, words so far told this long after they were said (try 100 250 1000)",
    )
    cloud.add_argument("--tiers", nargs="+", choices=("pro", "enterprise"), help="(both)")
    cloud.add_argument(
        "--calls", type=_positive, nargs="+", metavar="N", help="calls at once (1 50)"
    )
    cloud.add_argument("--turns", type=_positive, default=16, help="turns of a single call (16)")
    cloud.add_argument(
        "--crowd-turns", type=_positive, default=6, help="turns of each of many calls (6)"
    )
    cloud.add_argument(
        "--no-local", action="store_true", help="no local engines behind the cloud's"
    )
    cloud.set_defaults(run=_run_cloud)

    failover = commands.add_parser("failover", help="every failure of every provider")
    failover.add_argument("--stages", nargs="+", choices=tuple(SCENARIOS), help="(all)")
    failover.add_argument("--faults", nargs="+", choices=FAULT_NAMES, help="(all)")
    failover.add_argument(
        "--matrix", action="store_true", help="only the eight faults of each stage alone"
    )
    failover.set_defaults(run=_run_failover)

    peer = commands.add_parser("peer", help="pipecat beside voxd")
    peer.add_argument("--turns", type=_positive, default=40, help="prompts said to each (40)")
    peer.add_argument("--turns-per-call", type=_positive, default=8, help="in one call (8)")
    peer.add_argument(
        "--pause-prompts",
        type=int,
        choices=range(len(prompts.PAUSE_PROMPTS) + 1),
        default=16,
        metavar=f"0..{len(prompts.PAUSE_PROMPTS)}",
        help="prompts said with each length of pause; 0 leaves that part out (16)",
    )
    peer.add_argument(
        "--settings",
        choices=("default", "tuned", "both"),
        default="both",
        help="pipecat as shipped, at the best that we found, or one beside the other (both)",
    )
    peer.set_defaults(run=_run_peer)

    barge = commands.add_parser("barge", help="interruptions, and sounds that are none")
    barge.add_argument(
        "--tuned", action="store_true", help="the half that constants were tuned on, instead"
    )
    barge.add_argument(
        "--draws",
        type=_positive,
        default=5,
        metavar="N",
        help="so often each recording is used, each time at another level and moment (5)",
    )
    barge.set_defaults(run=_run_barge)

    twiml = commands.add_parser("twiml", help="calls in turns: Twilio hears and speaks")
    twiml.add_argument("--calls", type=_positive, default=4, help="of each tier (4)")
    twiml.add_argument("--turns", type=_positive, default=5, help="turns of each call (5)")
    twiml.add_argument("--at-once", type=_positive, default=1, help="calls at once (1)")
    twiml.add_argument("--tiers", nargs="+", choices=("free", "starter"), help="(both)")
    twiml.add_argument(
        "--no-partials", action="store_true", help="no words are told before the result"
    )
    twiml.set_defaults(run=_run_twiml)

    turns = commands.add_parser("turns", help="when a pause is taken for the end of a turn")
    turns.add_argument(
        "--picture", action="store_true", help="draw the curves into docs/turns.svg, too"
    )
    turns.set_defaults(run=_run_turns)

    tools = commands.add_parser("tools", help="tools and the language model on this machine")
    tools.set_defaults(run=_run_tools)

    wer = commands.add_parser("wer", help="word error rate of the short window")
    wer.add_argument("--limit", type=_positive, metavar="N", help="only N of the prompts")
    wer.add_argument("--errors", action="store_true", help="show where the windows differ")
    wer.set_defaults(run=_run_wer)

    fresh = commands.add_parser("fresh", help="from a bare Debian to the first answered call")
    fresh.set_defaults(run=_run_fresh)

    listing = commands.add_parser("prompts", help="list the recordings and their words")
    listing.add_argument(
        "--call", action="store_true", help="only the paths of three for a first `voxd call`"
    )
    listing.set_defaults(run=_run_prompts)

    for command in (v2v, calls, peer):
        command.add_argument("--tier", metavar="NAME", help="tier of every call (as shipped)")
    for command in (v2v, calls, room, cloud, failover, peer, twiml, start, soak):
        command.add_argument("--keep", type=Path, metavar="DIR", help="keep the daemon's log there")
    measures = (v2v, calls, room, cloud, failover, peer, barge, twiml, turns, tools, wer)
    for command in (*measures, start, soak, fresh):
        command.add_argument("--json", action="store_true", help="figures as JSON on stdout")
    return parser


def _run_v2v(options: argparse.Namespace) -> int:
    from benches import v2v

    with _Directory(options.keep) as directory:
        result = asyncio.run(
            v2v.run(
                directory,
                options.turns,
                options.turns_per_call,
                options.pause_prompts,
                options.tier,
                speculates=not options.no_speculation,
            )
        )
    if options.json:
        _print_json(result.to_json())
    else:
        v2v.show(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_calls(options: argparse.Namespace) -> int:
    from benches import calls

    steps = options.calls or [*calls.STEPS, calls.CROWD]
    if not options.json:
        calls.show_header()
    with _Directory(options.keep) as directory:
        result = asyncio.run(
            calls.run(directory, options.turns, steps, options.tier, not options.json)
        )
    if options.json:
        _print_json(result.to_json())
    else:
        calls.show_verdict(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_room(options: argparse.Namespace) -> int:
    from benches import room

    with _Directory(options.keep) as directory:
        result = asyncio.run(room.run(directory, options.turns, options.limit))
    if options.json:
        _print_json(result.to_json())
    else:
        room.show(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_start(options: argparse.Namespace) -> int:
    from benches import start

    with _Directory(options.keep) as directory:
        results = [
            start.run(directory / kind, kind, options.starts, options.calls, has_cold=options.cold)
            for kind in options.kinds or start.PROMISED_S
        ]
    if options.json:
        _print_json([result.to_json() for result in results])
    else:
        start.show(results)
    return EXIT_KEPT if all(result.is_good for result in results) else EXIT_BROKEN


def _run_soak(options: argparse.Namespace) -> int:
    from benches import soak

    callers = options.calls or soak.limit()
    with _Directory(options.keep) as directory:
        result = asyncio.run(soak.run(directory, options.minutes, callers, _tell))
    if options.json:
        _print_json(result.to_json())
    else:
        soak.show(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _tell(line: str) -> None:
    """Progress, beside the figures."""
    print(line, file=sys.stderr, flush=True)


def _run_cloud(options: argparse.Namespace) -> int:
    from benches import cloud
    from benches.cores import split_cores
    from benches.providers import DESIGN, REAL

    delays = replace(DESIGN if options.design else REAL, interim_s=options.interim_s)
    asked = cloud.Options(
        delays,
        tiers=tuple(options.tiers or cloud.TIERS),
        calls=tuple(options.calls or cloud.CALLS),
        turns=options.turns,
        crowd_turns=options.crowd_turns,
        has_local=not options.no_local,
    )
    if options.interim_ms:
        return _run_interims(options, asked)
    if not options.json:
        cloud.show_header(delays, split_cores())
    show = (lambda step: None) if options.json else cloud.show_step
    with _Directory(options.keep) as directory:
        result = asyncio.run(cloud.run(directory, asked, show))
    if options.json:
        _print_json(result.to_json())
    else:
        cloud.show_verdict(result)
    if result.is_void:
        return EXIT_UNABLE
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_interims(options: argparse.Namespace, asked: "cloud.Options") -> int:
    from benches import cloud, interims

    show = (lambda step: None) if options.json else cloud.show_step
    with _Directory(options.keep) as directory:
        found = asyncio.run(interims.run(directory, asked, options.interim_ms, show))
    if options.json:
        _print_json(interims.to_json(found))
    else:
        interims.show(found)
    if interims.is_void(found):
        return EXIT_UNABLE
    return EXIT_KEPT if interims.is_good(found) else EXIT_BROKEN


def _run_failover(options: argparse.Namespace) -> int:
    from benches import failover, outcomes

    wanted = failover.choose_faults(
        options.stages or (), options.faults or (), matrix=options.matrix
    )
    with _Directory(options.keep) as directory:
        result = failover.run(directory, wanted, not options.json)
    if options.json:
        _print_json(result.to_json())
    else:
        outcomes.show_verdict(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_peer(options: argparse.Namespace) -> int:
    from benches.peer import bench, table

    with _Directory(options.keep) as directory:
        result = asyncio.run(
            bench.run(
                directory,
                options.turns,
                options.turns_per_call,
                options.pause_prompts,
                bench.choose_tunings(options.settings),
                options.tier,
            )
        )
    if options.json:
        _print_json(result.to_json())
    else:
        table.show(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_tools(options: argparse.Namespace) -> int:
    from benches import tool_calls

    results = tool_calls.run()
    if options.json:
        _print_json({result.way: result.to_json() for result in results})
    else:
        tool_calls.show(results)
    return EXIT_KEPT if all(result.is_good for result in results) else EXIT_BROKEN


def _run_barge(options: argparse.Namespace) -> int:
    from benches import barge

    prompts.install_tools()
    result = barge.run(0 if options.tuned else 1, options.draws)
    if options.json:
        _print_json(result.to_json())
    else:
        barge.show(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_twiml(options: argparse.Namespace) -> int:
    from benches import twiml

    asked = twiml.Options(
        tuple(options.tiers or twiml.TIERS),
        options.calls,
        options.turns,
        options.at_once,
        tells_partials=not options.no_partials,
    )
    with _Directory(options.keep) as directory:
        result = asyncio.run(twiml.run(directory, asked, not options.json))
    if options.json:
        _print_json(result.to_json())
    else:
        twiml.show_verdict(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_turns(options: argparse.Namespace) -> int:
    from benches import turns

    result = turns.run()
    if options.picture:
        turns.write_picture(result)
    if options.json:
        _print_json(result.to_json())
    else:
        turns.show(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_wer(options: argparse.Namespace) -> int:
    from benches import wer

    result = wer.run(options.limit, options.errors)
    if options.json:
        _print_json(result.to_json())
    else:
        wer.show(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_fresh(options: argparse.Namespace) -> int:
    from benches import fresh

    result = fresh.run(_tell)
    if options.json:
        _print_json(result.to_json())
    else:
        fresh.show(result)
    return EXIT_KEPT if result.is_good else EXIT_BROKEN


def _run_prompts(options: argparse.Namespace) -> int:
    if options.call:
        for name in prompts.CALL_PROMPTS:
            print(prompts.SOUNDS / f"{name}.wav")
        return EXIT_KEPT
    for prompt in prompts.load_labels().values():
        print(f"{prompts.SOUNDS / prompt.name}.wav\t{prompt.words}")
    return EXIT_KEPT


class _Directory:
    """A folder that is kept when named and otherwise lives as long as the block."""

    def __init__(self, kept: Path | None) -> None:
        self._kept = kept
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Path:
        if self._kept is not None:
            self._kept.mkdir(parents=True, exist_ok=True)
            return self._kept.resolve()
        self._temporary = tempfile.TemporaryDirectory(prefix="voxd-bench-")
        return Path(self._temporary.name)

    def __exit__(self, *exception: object) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _print_json(figures: dict[str, Any] | list[dict[str, Any]]) -> None:
    print(json.dumps(figures, indent=2))
