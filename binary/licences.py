"""Finds whose files go into the single executable, and puts their licences into it.

Used by `voxd.spec`. A file belongs to the Python distribution that installed it, to Python itself,
or to the Debian package of a shared library. What belongs to none of them is named in the notice as
well.
"""

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from os.path import normpath
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

WITH_PIPER = """\
single executable, GPL-3.0-or-later

As a whole it is distributed under the GNU General Public License, version 3 or later, because it
carries piper-tts and espeak-ng. voxd's own source is under the Apache License 2.0."""
WITHOUT_PIPER = """\
single executable, Apache-2.0

voxd is under the Apache License 2.0. This build is without Piper, and nothing in it asks for the
GPL as a whole."""
THEIRS = """\
Each part keeps its own licence. Beside each name: METADATA, which says where its source is, and the
texts that its package brings. num2words and soxr (LGPL) are files of their own that can be
exchanged."""

TEXTS = Path(__file__).parent / "texts"
"""What packages leave out: `NAME-…`, with the name of the distribution in small letters."""

_TEXT = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|COPYRIGHT|AUTHORS|THIRD.?PARTY)", re.IGNORECASE)
_GPL = re.compile(r"(?<![LA])GPL|GNU General Public", re.IGNORECASE)
_GPL_LIBRARIES = ("libreadline", "libgdbm", "libx264", "libx265", "libespeak")


@dataclass(frozen=True, slots=True)
class Part:
    """Something that goes along under a licence of its own."""

    name: str
    version: str
    licence: str
    texts: tuple[Path, ...]


def add_licences(analysis: Any, folder: str, with_piper: bool) -> None:
    """Put `licences/` into the data files of an analysis.

    Args:
        analysis: PyInstaller's; complete.
        folder: where the notice is written.
        with_piper: the build may be under the GPL.

    Raises:
        SystemExit: something under the GPL got into a build that must not be.
    """
    tables = (analysis.pure, analysis.binaries, analysis.datas)
    entries = [
        (name, source)
        for table in tables
        for name, source, kind in table
        if source and kind != "SYMLINK"
    ]
    parts = find_parts({source for _, source in entries})
    if not with_piper:
        refuse_gpl(parts, [name for name, _ in entries])
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    notice = target / "NOTICE"
    notice.write_text(write_notice(parts, with_piper), encoding="utf-8")
    analysis.datas.append(("licences/NOTICE", str(notice), "DATA"))
    for part in parts:
        for number, text in enumerate(part.texts):
            name = text.name if number == 0 or text.name == "METADATA" else f"{number}-{text.name}"
            analysis.datas.append((f"licences/{part.name}/{name}", str(text), "DATA"))


def find_parts(sources: Iterable[str]) -> list[Part]:
    """What these files belong to, by name."""
    owners = {
        normpath(str(found.locate_file(file))): found
        for found in distributions()
        for file in found.files or ()
    }
    used: dict[str, Distribution] = {}
    system = set()
    for source in sources:
        owner = owners.get(normpath(source))
        if owner is not None:
            used[owner.metadata["Name"]] = owner
        elif re.search(r"\.so(\.|$)", source) and not _is_of_python(source):
            system.add(source)
    parts = [_of_distribution(found) for found in used.values() if found.metadata["Name"] != "voxd"]
    parts += [_of_voxd(), _of_python(), _of_loader(), *_of_debian(system)]
    return sorted(parts, key=lambda part: part.name.lower())


def refuse_gpl(parts: Iterable[Part], files: Iterable[str]) -> None:
    """Stop a build that carries something under the GPL.

    Raises:
        SystemExit: it does.
    """
    found = [
        part.name for part in parts if _GPL.search(part.licence) and "exception" not in part.licence
    ]
    found += [file for file in files if Path(file).name.startswith(_GPL_LIBRARIES)]
    if found:
        sys.exit(f"under the GPL, and not to be in this build: {', '.join(sorted(found))}")


def write_notice(parts: Iterable[Part], with_piper: bool) -> str:
    """The text of NOTICE; its first line is what `voxd --version` says."""
    rows = [f"  {part.name:28} {part.version:16} {part.licence}" for part in parts]
    head = WITH_PIPER if with_piper else WITHOUT_PIPER
    return "\n\n".join([head, THEIRS, "\n".join(rows)]) + "\n"


def _of_distribution(found: Distribution) -> Part:
    texts = [
        Path(str(found.locate_file(file)))
        for file in found.files or ()
        if _TEXT.match(file.name) and file.suffix not in (".py", ".pyc", ".pyi")
    ]
    name, licence = found.metadata["Name"], _licence(found)
    texts += sorted(TEXTS.glob(re.sub(r"[-.]", "_", name.lower()) + "-*"))
    if not texts and "Apache" in licence:
        texts.append(ROOT / "LICENSE")
    texts += [
        Path(str(found.locate_file(file)))
        for file in found.files or ()
        if file.name == "METADATA" and file.parent.name.endswith(".dist-info")
    ]
    return Part(name, found.version, licence, tuple(texts))


def _licence(found: Distribution) -> str:
    meta = found.metadata
    said = next((meta[key] for key in ("License-Expression", "License") if key in meta), "")
    if said and "\n" not in said and len(said) < 80 and "Copyright" not in said:
        return said
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in meta.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    return ", ".join(classifiers) or "see its texts"


def _of_voxd() -> Part:
    version = re.search(r'__version__ = "(.+)"', (ROOT / "voxd/__init__.py").read_text("utf-8"))
    return Part("voxd", version[1] if version else "", "Apache-2.0", (ROOT / "LICENSE",))


def _of_python() -> Part:
    version = sys.version.split()[0]
    places = (
        Path(sysconfig.get_path("stdlib")) / "LICENSE.txt",
        Path(f"/usr/share/doc/python{sysconfig.get_python_version()}/copyright"),
    )
    return Part("Python", version, "PSF-2.0", tuple(p for p in places if p.is_file())[:1])


def _is_of_python(source: str) -> bool:
    """A compiled file is a part of Python itself."""
    places = (sysconfig.get_path("stdlib"), sysconfig.get_config_var("DESTSHARED"))
    own = any(source.startswith(f"{place}/") for place in places if place)
    return own or Path(source).name.startswith("libpython")


def _of_loader() -> Part:
    """PyInstaller itself stays behind, but for the program that starts Python."""
    own = next(found for found in distributions() if found.metadata["Name"] == "pyinstaller")
    texts = _of_distribution(own).texts
    return Part("PyInstaller-bootloader", own.version, "GPL-2.0 with bootloader exception", texts)


def _of_debian(files: set[str]) -> list[Part]:
    """The packages of shared libraries that came from the system."""
    packages: dict[str, Part] = {}
    for file in sorted(files):
        package = _package_of(file)
        name = package.partition(":")[0] or Path(file).name
        text = Path(f"/usr/share/doc/{name}/copyright")
        known = package and text.is_file()
        licence = "of the system; see its copyright file" if known else "of the building system"
        packages[name] = Part(name, "", licence, (text,) if known else ())
    return list(packages.values())


def _package_of(file: str) -> str:
    """The Debian package that a file came with; empty if that cannot be told."""
    for path in dict.fromkeys((str(Path(file).resolve()), file)):
        # Where /lib is a link to /usr/lib, packages may know their files by the shorter name.
        for name in (path, path.removeprefix("/usr")):
            try:
                done = subprocess.run(
                    ["dpkg-query", "-S", name], capture_output=True, text=True, check=False
                )
            except OSError:
                return ""
            if done.returncode == 0:
                return done.stdout.partition(": ")[0].partition(", ")[0]
    return ""
