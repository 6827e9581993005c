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
from voxd.frozen import default_config, how_to_get_models, licences, version_note
from voxd.history.arguments import add_commands
from voxd.quickly import import_beside, starting

_EPILOG = """\
examples:
  voxd --config config.toml                 answer calls until Ctrl-C (twice: at once)
  voxd check --config config.toml           judge the file, say what a call would get
  voxd doctor                               try what the file names: keys, models, this machine
  voxd call question.wav                    place a call to the daemon on this machine
  voxd history                              the last calls; voxd show last tells the newest

The file config.toml documents every key. Secrets (TWILIO_AUTH_TOKEN) come from the environment
or from systemd credentials, never from the file. Exit status: 0 done, 1 it failed, 2 the
arguments or the configuration cannot be used.
"""


_DOCTOR = """\
Tries what the configuration names: each provider's key and model by one small request (a few
words; providers charge for them), the public address and its certificate, the models' hashes, the
records' database, and this machine: open files, room on the disk, the clock. Then, for some 25 s,
calls ring here for the local models, and it says how many this machine holds; --quick leaves that
out, and while voxd runs here it is left out, because its callers would suffer.

Each line is good, warn or bad, and says what to do. Exit status: 0 all is good, 1 something to look
at, 2 something that calls will meet. Nothing is changed (but a database without tables gets them),
and no secret is shown.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["worker"]:
        return _worker(arguments[1:])
    if arguments[:1] == ["call"]:
        return _call(arguments[1:])
    if arguments[:1] == ["fetch-models"]:
        return _fetch_models(arguments[1:])
    args = _build_parser().parse_args(arguments)
    try:
        match args.command:
            case "check":
                return _check(args.config, as_json=args.json)
            case "doctor":
                return _doctor(args)
            case "history" | "show" | "stats":
                return _history(args)
            case _:
                return _serve(args.config)
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
    parser.add_argument(
        "--version", action="version", version=f"voxd {__version__}{version_note()}"
    )
    parser.add_argument(
        "--licences",
        action="version",
        version=licences(),
        help="say under which licences all of this is, and exit",
    )
    _add_config(parser, default_config())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands.add_parser("serve", help="answer calls (the default)")
    commands.add_parser("call", help="be a caller: place a call and measure it (see call --help)")
    commands.add_parser("fetch-models", help="get better models (see fetch-models --help)")
    check = commands.add_parser("check", help="judge a configuration without starting anything")
    check.add_argument("--json", action="store_true", help="for programs, not for people")
    doctor = commands.add_parser(
        "doctor",
        help="try what a configuration names, and this machine",
        description=_DOCTOR,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    doctor.add_argument("--json", action="store_true", help="for programs, not for people")
    doctor.add_argument("--quick", action="store_true", help="leave out the benchmark")
    add_commands(commands)
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
        help="the configuration (default: config.toml in this directory, else /etc/voxd's)",
    )


def _serve(path: Path) -> int:
    with starting():
        return _serve_quickly(path)


def _serve_quickly(path: Path) -> int:
    import_beside("aiohttp")
    from voxd.app import run_daemon
    from voxd.check import find_problems
    from voxd.config import load_config, locate_problems
    from voxd.engines.registry import settings_types
    from voxd.server.keys import read_keys
    from voxd.telemetry.logs import configure_logging

    config, keys = load_config(path, settings_types()), read_keys()
    # All of it before anything is begun: no socket, no worker, no file for a config that cannot be.
    problems = find_problems(config, keys)
    if problems:
        raise ConfigError(str(path), locate_problems(problems, path))
    configure_logging(config.log)
    run_daemon(config, keys, _say, lambda: load_config(path, settings_types()))
    return 0


def _check(path: Path, *, as_json: bool) -> int:
    import json

    from voxd.check import check_file
    from voxd.server.keys import read_keys

    judged = check_file(path, read_keys())
    problems = judged.problems
    if as_json:
        _say(json.dumps(judged.to_json(), indent=2, ensure_ascii=False))
    elif not judged.description:
        raise ConfigError(judged.source, problems)
    else:
        _say(f"{path}: {len(problems)} problem(s)" if problems else f"{path} is good.")
        for problem in problems:
            _say(f"  {problem}")
        _say(judged.description)
    return 2 if problems else 0


def _doctor(args: argparse.Namespace) -> int:
    from voxd.doctor.command import run_doctor

    return run_doctor(args.config, _say, as_json=args.json, is_quick=args.quick)


def _history(args: argparse.Namespace) -> int:
    from voxd.history.command import run_history

    return run_history(args, _say)


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


def _fetch_models(arguments: list[str]) -> int:
    from voxd.weights.command import run

    return run(arguments)


def _worker(arguments: list[str]) -> int:
    """Hidden: what the daemon starts for each local model."""
    from voxd.engines.local.worker import run_worker

    parser = argparse.ArgumentParser(prog="voxd worker")
    parser.add_argument("kind", choices=("stt", "llm", "tts", "turn"))
    parser.add_argument("--fd", type=int, required=True, help="socket to the daemon")
    args = parser.parse_args(arguments)
    with starting():
        return run_worker(args.kind, args.fd)


def _say(text: str) -> None:
    print(text, flush=True)


def _fail(error: VoxdError) -> int:
    print(f"voxd: {error}", file=sys.stderr)
    if isinstance(error, ModelError) and "fetch-models" not in str(error):
        print(f"voxd: {how_to_get_models()}", file=sys.stderr)
    return 2 if isinstance(error, ConfigError) else 1


def _first(group: BaseExceptionGroup[VoxdError]) -> VoxdError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, VoxdError)
    return error
