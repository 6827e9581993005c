"""The `voxd` command: arguments only, no logic.

Nothing heavy is imported at the top: a model worker starts through here and must not pay for
the daemon's libraries, nor `--version` for anybody's.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from voxd import __version__
from voxd.errors import ConfigError, ModelError, VoxdError

_EPILOG = """\
examples:
  voxd --config config.toml                 answer calls until Ctrl-C (twice: at once)
  voxd check --config config.toml           judge the file, say what a call would get
  voxd call question.wav                    place a call to the daemon on this machine

The file config.toml documents every key. Secrets (TWILIO_AUTH_TOKEN) come from the environment
or from systemd credentials, never from the file. Exit status: 0 done, 1 it failed, 2 the
arguments or the configuration cannot be used.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["worker"]:
        return _worker(arguments[1:])
    if arguments[:1] == ["call"]:
        return _call(arguments[1:])
    args = _build_parser().parse_args(arguments)
    try:
        return _check(args.config) if args.command == "check" else _serve(args.config)
    except VoxdError as error:
        return _fail(error)
    except BaseExceptionGroup as group:
        # Task groups wrap what ended them; an expected error is a sentence all the same.
        expected = group.subgroup(VoxdError)
        if expected is None:
            raise
        return _fail(_first(expected))


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="voxd",
        description="voxd answers telephone calls with a voice AI. Without a command it serves.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"voxd {__version__}")
    _add_config(parser, Path("config.toml"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands.add_parser("serve", help="answer calls (the default)")
    commands.add_parser("call", help="be a caller: place a call and measure it (see call --help)")
    commands.add_parser("check", help="judge a configuration without starting anything")
    for command in commands.choices.values():
        # Also after the command; without a default, so that it does not undo the one before it.
        _add_config(command, argparse.SUPPRESS)
    return parser


def _add_config(parser: argparse.ArgumentParser, default: Path | str) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=default,
        metavar="FILE",
        help="the configuration (default: config.toml in this directory)",
    )


def _serve(path: Path) -> int:
    from voxd.app import run_daemon
    from voxd.config import load_config
    from voxd.engines.registry import settings_types
    from voxd.server.keys import read_keys
    from voxd.telemetry.logs import configure_logging

    config = load_config(path, settings_types())
    configure_logging(config.log)
    run_daemon(config, read_keys(), _say)
    return 0


def _check(path: Path) -> int:
    from voxd.check import check_config
    from voxd.config import load_config
    from voxd.engines.registry import settings_types
    from voxd.server.keys import read_keys

    config = load_config(path, settings_types())
    problems, description = check_config(config, read_keys())
    _say(f"{path}: {len(problems)} problem(s)" if problems else f"{path} is good.")
    for problem in problems:
        _say(f"  {problem}")
    _say(description)
    return 2 if problems else 0


def _call(arguments: list[str]) -> int:
    import asyncio

    from voxd.caller.command import add_arguments, run

    parser = argparse.ArgumentParser(
        prog="voxd call", description="Place calls to a voxd as Twilio would, and measure them."
    )
    add_arguments(parser)
    try:
        return asyncio.run(run(parser.parse_args(arguments)))
    except VoxdError as error:
        return _fail(error)


def _worker(arguments: list[str]) -> int:
    """Hidden: what the daemon starts for each local model."""
    from voxd.engines.local.worker import run_worker

    parser = argparse.ArgumentParser(prog="voxd worker")
    parser.add_argument("kind", choices=("stt", "llm", "tts", "turn"))
    parser.add_argument("--fd", type=int, required=True, help="socket to the daemon")
    args = parser.parse_args(arguments)
    return run_worker(args.kind, args.fd)


def _say(text: str) -> None:
    print(text, flush=True)


def _fail(error: VoxdError) -> int:
    print(f"voxd: {error}", file=sys.stderr)
    if isinstance(error, ModelError) and "fetch-models" not in str(error):
        print("voxd: scripts/fetch-models gets the shipped models again", file=sys.stderr)
    return 2 if isinstance(error, ConfigError) else 1


def _first(group: BaseExceptionGroup[VoxdError]) -> VoxdError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, VoxdError)
    return error
