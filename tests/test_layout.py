"""tests/ mirrors voxd/ file by file, and the repository holds what the README promises."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

COVERED_ELSEWHERE = {
    "__main__.py": "tests/test_cli.py starts it",
    "commands.py": "dataclasses without behaviour; tests/dialog uses every one",
    "contracts.py": "protocols; tests/engines/contract.py is their suite",
    "errors.py": "an exception tree; each error is tested where it is raised",
    "events.py": "dataclasses without behaviour; tests/dialog uses every one",
    "line.py": "four numbers",
    **{
        f"settings/{table}.py": "a part of voxd.config; tests/test_config.py judges every table"
        for table in (
            *("agents", "calls", "machine", "numbers", "phrases", "services", "table", "tiers"),
            *("alerts", "values", "reading", "whole"),
        )
    },
    "call/transport.py": "a protocol; tests/fakes and tests/server implement it",
    "records/store.py": "a protocol; tests/records/stores.py and both stores implement it",
}


def modules() -> list[str]:
    package = ROOT / "voxd"
    paths = (path.relative_to(package) for path in sorted(package.rglob("*.py")))
    return [path.as_posix() for path in paths if path.name != "__init__.py"]


@pytest.mark.parametrize("module", modules())
def test_every_module_has_its_mirrored_test(module: str) -> None:
    path = Path(module)
    mirror = ROOT / "tests" / path.parent / f"test_{path.name}"
    assert mirror.exists() or module in COVERED_ELSEWHERE, (
        f"voxd/{module} wants {mirror.relative_to(ROOT)}"
    )


def test_the_exceptions_exist() -> None:
    assert set(COVERED_ELSEWHERE) <= set(modules())


def test_every_folder_of_tests_is_a_package() -> None:
    """Else two test files of the same name hide each other."""
    for folder in {path.parent for path in (ROOT / "tests").rglob("test_*.py")}:
        assert (folder / "__init__.py").exists(), folder


@pytest.mark.parametrize(
    "name", ["run", "test", "check", "fix", "lock", "fetch-models", "install", "build-binary"]
)
def test_scripts_can_be_started(name: str) -> None:
    assert (ROOT / "scripts" / name).stat().st_mode & 0o111
