from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.call import make_config
from tests.records.databases import nobody_special
from voxd.config import Config, Records
from voxd.errors import ConfigError
from voxd.records.place import PlaceKind, check_records, describe_records, find_place

WITH_PASSWORD = "postgresql://voxd:hush@db.example.com/calls"
SUPABASE = "https://abc.supabase.co"


def config(database: str, **records: Any) -> Config:
    return make_config(records={"database": database, **records})


def test_a_path_is_a_file_beside_the_config() -> None:
    whole = config("var/voxd.db").model_copy(update={"base_dir": Path("/srv/voxd")})
    place = find_place(whole, {})
    assert place is not None
    assert (place.kind, place.path) == (PlaceKind.SQLITE, Path("/srv/voxd/var/voxd.db"))


def test_postgresql_is_named_without_its_secrets() -> None:
    place = find_place(config("postgresql://voxd@db.example.com/calls"), {})
    assert place is not None
    assert (place.kind, place.shown) == (
        PlaceKind.POSTGRESQL,
        "PostgreSQL 'calls' at db.example.com",
    )


def test_the_secret_address_goes_before_the_configs() -> None:
    place = find_place(config("var/voxd.db"), {"VOXD_DATABASE_URL": WITH_PASSWORD})
    assert place is not None
    assert (place.kind, place.url) == (PlaceKind.POSTGRESQL, WITH_PASSWORD)
    assert "hush" not in f"{place!r}{place.shown}"


def test_supabase_wants_its_key() -> None:
    (problem,) = check_records(config(SUPABASE), {})
    assert problem.key == "records.database" and "SUPABASE_SERVICE_KEY" in problem.message
    with pytest.raises(ConfigError):
        find_place(config(SUPABASE), {})
    place = find_place(config(f"{SUPABASE}/"), {"SUPABASE_SERVICE_KEY": "hush"})
    assert place is not None
    assert (place.kind, place.url, place.key) == (PlaceKind.SUPABASE, SUPABASE, "hush")
    assert "hush" not in f"{place!r}{place.shown}"


def test_a_secret_that_is_no_address_is_a_problem() -> None:
    (problem,) = check_records(config("var/voxd.db"), {"VOXD_DATABASE_URL": "hush"})
    assert "VOXD_DATABASE_URL" in problem.message and "hush" not in problem.message


def test_a_folder_is_a_problem(tmp_path: Path) -> None:
    (problem,) = check_records(config(str(tmp_path)), {})
    assert "folder" in problem.message


def test_nowhere_is_allowed() -> None:
    assert find_place(config(""), {"VOXD_DATABASE_URL": WITH_PASSWORD}) is None
    assert check_records(config(""), {"VOXD_DATABASE_URL": "nonsense"}) == ()
    assert "No records" in describe_records(config(""), {})[0]


@pytest.mark.parametrize(
    "database",
    [
        WITH_PASSWORD,
        "postgresql://db.example.com/calls?password=hush",
        "postgresql://voxd:[hush]@db.example.com/calls",  # no address to newer Pythons
        "postgresql://voxd:hush\u2100@db.example.com/calls",  # nor this one to any
        "mysql://db.example.com/calls",
        "http://abc.supabase.co",
        "https://",
    ],
)
def test_addresses_with_secrets_or_of_other_kinds_are_refused(database: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Records(database=database)
    told = caught.value.errors(include_input=False, include_url=False, include_context=False)
    assert "hush" not in str(told)


def test_what_is_kept_is_told(tmp_path: Path) -> None:
    (line,) = describe_records(config(str(tmp_path / "voxd.db")), {})
    assert line.endswith("words without numbers, masked telephone numbers, for 90 days.")


def test_what_a_look_at_files_cannot_tell_is_said() -> None:
    told = "\n".join(describe_records(config("postgresql://voxd@db.example.com/calls"), {}))
    assert "voxd doctor" in told
    told = "\n".join(describe_records(config(SUPABASE), {"SUPABASE_SERVICE_KEY": "hush"}))
    assert "retention_days" in told


def test_a_file_that_cannot_be_written_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = config(str(tmp_path / "below" / "voxd.db"), spill="")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    told = "\n".join(describe_records(whole, {}))
    assert "cannot be written" in told and "lost" in told


@pytest.mark.parametrize("password", ["h[ush", "p@ss:hush", "hush/x"])
def test_a_password_that_is_not_quoted_is_a_sentence_without_it(password: str) -> None:
    environ = {"VOXD_DATABASE_URL": f"postgresql://voxd:{password}@db.example.com/calls"}
    (problem,) = check_records(config("var/voxd.db"), environ)
    assert "VOXD_DATABASE_URL" in problem.message and "%40" in problem.message
    assert "hush" not in problem.message and "ush" not in problem.message
    assert describe_records(config("var/voxd.db"), environ) == ()


def test_the_configs_own_address_is_judged_as_well() -> None:
    (problem,) = check_records(config("postgresql://db.example.com:port/calls"), {})
    assert "is no address" in problem.message


def test_options_that_the_driver_does_not_understand_are_left_out() -> None:
    environ = {"VOXD_DATABASE_URL": f"{WITH_PASSWORD}?sslmode=require&channel_binding=require"}
    place = find_place(config("var/voxd.db"), environ)
    assert place is not None and place.url == f"{WITH_PASSWORD}?sslmode=require"


def test_a_folder_that_this_user_may_not_enter_is_no_traceback(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    whole = config(str(tmp_path / "below" / "voxd.db"))
    with nobody_special():
        assert check_records(whole, {}) == ()
        describe_records(whole, {})
