"""binary/licences.py: what a build carries, and what a build without Piper must not."""

import re
from importlib.metadata import distributions
from pathlib import Path

import orjson
import pytest

from binary.licences import Part, find_parts, refuse_gpl, write_notice

ROOT = Path(__file__).parent.parent


def part(licence: str) -> Part:
    return Part("acme", "1.0", licence, ())


def test_files_are_traced_to_who_installed_them() -> None:
    (found,) = (one for one in find_parts({orjson.__file__}) if one.name == "orjson")
    assert "Apache" in found.licence
    assert any("LICENSE" in text.name for text in found.texts)
    assert any(text.name == "METADATA" for text in found.texts)


def test_voxd_python_and_the_loader_are_always_there() -> None:
    parts = {one.name: one for one in find_parts(())}
    assert set(parts) == {"voxd", "Python", "PyInstaller-bootloader"}
    assert all(one.texts for one in parts.values())


def test_a_library_of_the_system_is_named_by_its_package() -> None:
    (library,) = (
        line.split()[-1]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if "libc.so" in line and " r-xp " in line
    )
    (found,) = (one for one in find_parts({library}) if one.name.startswith("libc"))
    assert found.name in ("libc6", Path(library).name)


@pytest.mark.parametrize("licence", ["GPL-3.0-or-later", "GNU General Public License v2", "GPLv2"])
def test_the_gpl_stops_a_build_without_piper(licence: str) -> None:
    with pytest.raises(SystemExit, match="under the GPL, and not to be in this build: acme"):
        refuse_gpl([part(licence)], [])


@pytest.mark.parametrize(
    "licence", ["LGPL-2.1-or-later", "LGPL", "MIT", "GPL-2.0 with bootloader exception"]
)
def test_other_licences_do_not(licence: str) -> None:
    refuse_gpl([part(licence)], ["lib/libssl.so.3"])


def test_a_library_that_is_known_to_be_under_the_gpl_does() -> None:
    with pytest.raises(SystemExit, match=r"libreadline\.so\.8"):
        refuse_gpl([], ["libreadline.so.8"])


@pytest.mark.parametrize(
    ("with_piper", "first"),
    [
        (True, "single executable, GPL-3.0-or-later"),
        (False, "single executable, Apache-2.0"),
    ],
)
def test_the_notice_begins_with_the_licence_of_the_whole(with_piper: bool, first: str) -> None:
    notice = write_notice([part("MIT")], with_piper)
    assert notice.splitlines()[0] == first
    assert "  acme " in notice


def test_every_package_that_voxd_needs_has_its_licence_in_words() -> None:
    """At least one text beside METADATA: the package's own, or one of binary/texts."""
    lock = (ROOT / "locks/runtime.txt").read_text(encoding="utf-8")
    needed = {normal(name) for name in re.findall(r"(?m)^([\w.-]+)", lock)} | {"llama-cpp-python"}
    found = [one for one in distributions() if normal(one.metadata["Name"]) in needed]
    files = {str(one.locate_file(file)) for one in found for file in list(one.files or ())[:1]}
    without = [
        one.name
        for one in find_parts(files)
        if not any(text.name != "METADATA" for text in one.texts)
    ]
    assert not without
    assert len(found) > 40


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.lower())
