"""`voxd fetch-models`: arguments, the list as a table, and what to set afterwards."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from voxd.errors import ModelError
from voxd.frozen import models_dir
from voxd.weights.catalogue import HubModel, read_catalogue
from voxd.weights.hub import Hub

_EPILOG = """\
examples:
  voxd fetch-models --list                      what there is
  voxd fetch-models qwen2.5-1.5b whisper-base   get two models, then say what to set

A download that broke off goes on where it stopped when it is started again. HF_ENDPOINT names
another hub than huggingface.co. Exit status: 0 all in place, 1 something could not be had, 2 no
such model.
"""


def run(arguments: Sequence[str]) -> int:
    """Carry out the command; returns the exit status."""
    options = build_parser().parse_args(arguments)
    models = read_catalogue()
    if options.list or not options.names:
        print_list(models)
        return 0
    unknown = [name for name in options.names if name not in models]
    if unknown:
        _say(f"there is no model {unknown[0]!r}; there are: {', '.join(models)}")
        return 2
    hub = Hub(options.models)
    try:
        for name in dict.fromkeys(options.names):
            fetch_model(hub, models[name], verify=options.verify)
    except (ModelError, OSError) as error:
        _say(str(error))
        return 1
    _say("all in place; in config.toml:")
    for name in dict.fromkeys(options.names):
        sys.stdout.write(f"\n{models[name].config_lines(options.models.as_posix())}\n")
    sys.stdout.flush()
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="voxd fetch-models",
        description="Get models from Hugging Face's hub, each byte checked.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which models")
    parser.add_argument("--list", action="store_true", help="print the models there are")
    parser.add_argument("--verify", action="store_true", help="hash what is in place, too")
    parser.add_argument(
        "--models",
        type=Path,
        default=models_dir(),
        help="where they are put (default: %(default)s)",
    )
    return parser


def fetch_model(hub: Hub, model: HubModel, *, verify: bool = False) -> None:
    """Get what is missing of a model, and with `verify` what is damaged.

    Raises:
        ModelError: it cannot be had.
    """
    missing = []
    for file in model.files:
        if hub.is_there(model, file):
            if not verify or hub.is_right(model, file):
                continue
            _say(f"{file.name} is damaged: fetching it again")
        missing.append(file)
    if not missing:
        _say(f"{model.name} is in place")
        return
    _say(f"{model.name}: {model.size_mb} MB from {model.repo}, licence {model.licence}")
    offers = [hub.look(model, file) for file in missing]
    hub.check_room(model, offers)
    for offer in offers:
        hub.fetch(model, offer)
        _say(f"{offer.file.name}: {offer.size / 1e6:.1f} MB, sha256 as it should be")


def print_list(models: Mapping[str, HubModel]) -> None:
    """The models as a table; what to expect of each stands below it."""
    row = "{:18} {:4} {:10} {:>9} {:>9}  {}\n"
    sys.stdout.write(row.format("name", "for", "languages", "download", "memory", "licence"))
    for model in models.values():
        sizes = (f"{model.size_mb} MB", f"{model.ram_mb} MB")
        languages = " ".join(model.languages)
        sys.stdout.write(row.format(model.name, model.kind, languages, *sizes, model.licence))
        sys.stdout.write(f"    {model.expect}\n")
    sys.stdout.flush()


def _say(line: str) -> None:
    sys.stderr.write(f"fetch-models: {line}\n")
    sys.stderr.flush()
