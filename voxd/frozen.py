"""What is different when voxd runs from its single executable (scripts/build-binary).

That file unpacks itself once and starts the program from there, so that `sys.executable` lies in a
folder of the unpacked; the file itself is named by `VOXD_PROGRAM`, which its first lines set. From
a checkout or an installed package all of this says: as ever. Reads the environment and asks whether
files exist; imports nothing of voxd.
"""

import os
import sys
from pathlib import Path

PROGRAM = "VOXD_PROGRAM"
"""Environment variable with the path of the single executable."""
INSTALLED_CONFIG = Path("/etc/voxd/config.toml")
"""What scripts/install makes, for the service."""
PACKAGE = Path(__file__).resolve().parent
WHOLE_SET = ("whisper-tiny.en", "piper-joe", "smart-turn", "qwen2.5-0.5b")
"""Names for `voxd fetch-models`: the smallest that make a call without a provider."""
LICENCES = "licences"
"""Folder of the bundle: `NOTICE`, and a folder of texts for each part."""
_SOURCE_LICENCES = """\
voxd is under the Apache License 2.0. The packages that it was installed with keep their own
licences; the README lists them. piper-tts, which speaks on this machine, is under the
GPL-3.0-or-later."""


def is_frozen() -> bool:
    """This is the single executable."""
    return bool(getattr(sys, "frozen", False))


def bundle_dir() -> Path | None:
    """Where the single executable has its own files; None from source."""
    return Path(str(sys._MEIPASS)) if is_frozen() else None  # type: ignore[attr-defined]


def program_dir() -> Path | None:
    """The folder that the single executable lies in; None from source."""
    if not is_frozen():
        return None
    return Path(os.environ.get(PROGRAM) or sys.executable).resolve().parent


def default_config() -> Path:
    """The configuration when none is named: `config.toml` of this directory, else the service's.

    The single executable looks beside itself before it takes the service's, and last of all takes
    the one that it brings along.
    """
    here = Path("config.toml")
    beside, bundle = program_dir(), bundle_dir()
    places = (here, INSTALLED_CONFIG) if beside is None else (here, beside / here, INSTALLED_CONFIG)
    last = here if bundle is None else bundle / here
    return next((path for path in places if os.path.exists(path)), last)


def models_dir() -> Path:
    """Where models are put when no folder is named.

    Beside the single executable, or in this directory; where scripts/install put the program, in
    the folder that all its versions share: theirs is a link, and they are removed in time.
    """
    folder = (program_dir() or PACKAGE.parent) / "models"
    return folder.resolve() if is_frozen() or folder.is_symlink() else Path("models")


def how_to_get_models() -> str:
    """What to do about missing models, in a sentence."""
    if is_frozen():
        return f"`voxd fetch-models {' '.join(WHOLE_SET)}` gets models and says what to set"
    return "scripts/fetch-models gets the shipped models"


def folder_of(config: Path) -> Path:
    """Where the relative paths of a config file start: in its own folder.

    Those of the file that the single executable brings along start in the working directory,
    because nothing may be written to where it was unpacked.
    """
    folder = config.resolve().parent
    bundle = bundle_dir()
    return Path.cwd() if bundle is not None and folder == bundle.resolve() else folder


def find(path: Path, given: Path) -> Path:
    """`path`; or what lies beside the single executable under its `given` name, where only that is.

    Args:
        path: absolute, made of `given` and `folder_of`.
        given: as the config says it.
    """
    beside = program_dir()
    if beside is None or path.exists() or not (beside / given).exists():
        return path
    return beside / given


def version_note() -> str:
    """What `--version` adds: which licence the single executable is under; empty from source."""
    bundle = bundle_dir()
    if bundle is None:
        return ""
    licence, *_ = (bundle / LICENCES / "NOTICE").read_text(encoding="utf-8").splitlines()
    return f" ({licence})"


def licences() -> str:
    """The text of `--licences`."""
    bundle = bundle_dir()
    if bundle is None:
        return _SOURCE_LICENCES
    notice = (bundle / LICENCES / "NOTICE").read_text(encoding="utf-8").rstrip()
    return f"{notice}\n\nTheir full texts: {bundle / LICENCES}"
