from pathlib import Path

import pytest

from tests.doctor.configs import derived
from voxd.config import Config
from voxd.doctor.database import check_database
from voxd.doctor.finding import Finding, Verdict


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOXD_DATABASE_URL", raising=False)


async def found(config: Config) -> Finding:
    [finding] = [finding async for finding in check_database(config)]
    return finding


async def test_a_file_that_can_be_written_is_good(tmp_path: Path) -> None:
    finding = await found(derived(tmp_path, records__database="records.db"))
    assert finding.verdict is Verdict.GOOD and "records.db" in finding.told


async def test_a_place_that_is_away_is_bad_and_told_without_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOXD_DATABASE_URL", "postgresql://voxd:hidden@127.0.0.1:9/voxd")
    finding = await found(derived(tmp_path))
    assert finding.verdict is Verdict.BAD and "cannot be stored" in finding.told
    assert "hidden" not in str(finding)


async def test_without_records_nothing_is_tried(tmp_path: Path) -> None:
    finding = await found(derived(tmp_path, records__database=""))
    assert finding.verdict is Verdict.GOOD and "none are kept" in finding.told
