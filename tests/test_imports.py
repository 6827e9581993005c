"""The row table of `voxd/__init__.py`, in executable form: who may import whom.

A module belongs to the longest entry of `ROWS` that its name begins with. It may import its own
package, every row above its own, and nothing beside or below. Imports inside functions count;
imports under `if TYPE_CHECKING` count, too.
"""

import ast
import sys
from pathlib import Path

import pytest

import voxd

PACKAGE = Path(voxd.__file__).parent

ROWS: dict[str, float] = {
    "voxd": 0,  # the bare package holds the version
    "voxd.events": 0,
    "voxd.commands": 0,
    "voxd.errors": 0,
    "voxd.frozen": 0,
    "voxd.contracts": 0,
    "voxd.config": 0,
    "voxd.line": 0,
    "voxd.phrases": 0,
    "voxd.quickly": 0,
    "voxd.placeholders": 0,
    "voxd.schema": 0,
    "voxd.settings": 0,
    "voxd.signing": 0,
    "voxd.audio": 1,
    "voxd.twilio": 1,
    "voxd.dialog": 1,
    "voxd.selection": 1,
    "voxd.letting_go": 1.5,  # tasks, of engines and calls alike
    "voxd.posting": 1.5,  # under all of row 2 that asks a service of the operator's
    "voxd.engines": 2,
    "voxd.storage": 2,
    "voxd.telemetry": 2,
    "voxd.lookup": 2,
    "voxd.telephony": 2,
    "voxd.tools": 2,
    "voxd.notify": 2,
    "voxd.records": 2.2,  # stores what telemetry tells
    "voxd.weights": 2,
    "voxd.chains": 2.5,  # parts of runtime in files of their own
    "voxd.rendering": 2.55,
    "voxd.warmup": 2.6,
    "voxd.runtime": 3,
    "voxd.stack": 3.5,
    "voxd.call": 4,
    "voxd.caller": 0.5,  # a stranger on the line: of voxd it may know the errors only
    "voxd.server": 5,
    "voxd.app": 6,
    "voxd.reload": 6,
    "voxd.standing": 6,
    "voxd.check": 6,
    "voxd.doctor": 6,
    "voxd.history": 6,
    "voxd.reference": 6,
    "voxd.cli": 6,
    "voxd.__main__": 6,
}

IMPURE = set(
    "aiohttp asyncio concurrent ctypes faster_whisper http io llama_cpp multiprocessing onnxruntime"
    " os pathlib piper queue random requests secrets select shutil signal socket socketserver"
    " sqlite3 ssl subprocess sys tempfile threading time urllib uuid uvloop".split()
)
"""What rows 0 and 1 leave to others: loops, sockets, files, threads, clocks, chance, models."""

PURE_EXCEPTIONS = {
    "voxd.frozen": {"os", "pathlib", "sys"},  # which program this is, and what lies beside it
    "voxd.quickly": {"os", "sys", "threading"},  # how imports go, before there is anything else
    "voxd.settings.reading": {"os", "pathlib"},  # reads the file and the environment
    "voxd.settings.whole": {"pathlib"},  # paths are relative to the file
    "voxd.settings.machine": {"os"},  # how many cores there are
    "voxd.settings.records": {"urllib"},  # urllib.parse only computes
    "voxd.twilio.signature": {"urllib"},  # urllib.parse only computes
}

CALLER_LIBRARIES = {"aiohttp", "numpy", "soxr", "rich", "voxd"}


def name_of(path: Path) -> str:
    """The dotted name of a module file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports_of(path: Path) -> set[str]:
    """Full dotted names of everything that a module imports, anywhere in it."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            # `from voxd import errors` means voxd.errors, `from voxd.errors import X` does not.
            found |= {f"{base}.{alias.name}" if base == "voxd" else base for alias in node.names}
    return {name.removesuffix(".__version__") for name in found}


def unit_of(name: str) -> str | None:
    """The entry of `ROWS` that a name falls under; None outside of the table."""
    parts = name.split(".")
    for length in range(len(parts), 1 if len(parts) > 1 else 0, -1):
        if (unit := ".".join(parts[:length])) in ROWS:
            return unit
    return None


MODULES = sorted(PACKAGE.rglob("*.py"))
each_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


@each_module
def test_every_module_stands_in_the_table(path: Path) -> None:
    assert unit_of(name_of(path)), f"give {name_of(path)} a row"


@each_module
def test_modules_import_only_rows_above_their_own(path: Path) -> None:
    own = unit_of(name_of(path))
    assert own
    for name in imports_of(path):
        if not name.startswith("voxd.") or ROWS[own] == 6:
            continue
        unit = unit_of(name)
        assert unit, f"{name} stands in no row"
        vocabulary = ROWS[own] == ROWS[unit] == 0
        assert unit == own or vocabulary or ROWS[unit] < ROWS[own], f"{own} imports {name}"


@each_module
def test_rows_0_and_1_are_pure(path: Path) -> None:
    name = name_of(path)
    if ROWS[unit_of(name) or name] not in (0, 1):
        return
    tops = {imported.split(".")[0] for imported in imports_of(path)}
    assert tops & IMPURE <= PURE_EXCEPTIONS.get(name, set())


@each_module
def test_the_caller_knows_nothing_of_voxd_but_its_errors(path: Path) -> None:
    if unit_of(name_of(path)) != "voxd.caller":
        return
    for name in imports_of(path):
        if name.startswith("voxd"):
            assert name == "voxd.errors" or name.startswith("voxd.caller"), name
    foreign = {name.split(".")[0] for name in imports_of(path)} - sys.stdlib_module_names
    assert foreign <= CALLER_LIBRARIES


@each_module
def test_calls_know_engines_only_by_their_contracts(path: Path) -> None:
    if unit_of(name_of(path)) == "voxd.call":
        assert not {name for name in imports_of(path) if name.startswith("voxd.engines")}


@each_module
def test_only_telephony_asks_twilios_rest_api(path: Path) -> None:
    """Its client ignores its timeout and misreads booleans (twilio 9.13): tests/telephony shows
    that the one place that uses it knows."""
    if unit_of(name_of(path)) != "voxd.telephony":
        assert not {name for name in imports_of(path) if name.startswith("twilio.rest")}


def test_the_table_is_the_one_that_the_package_prints() -> None:
    for unit in ROWS:
        word = unit.removeprefix("voxd.")
        if word not in ("voxd", "__main__"):
            assert word in (voxd.__doc__ or ""), f"{word} is missing in voxd/__init__.py"
