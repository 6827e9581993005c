"""Who may read what, with a service's user that is made up: root is not needed."""

import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from voxd.server.service_user import is_kept_from_service

OPEN = Path("/etc/passwd")
"""Everybody may read it, wherever tests run."""
GROUPS = Path("/etc/shadow")
"""Its owner and its group may read it: Debian's mode 640."""


@pytest.fixture
def asked_by_root(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The user that the service is said to have: a stranger to every file here."""
    user = SimpleNamespace(pw_uid=4_000_001, pw_gid=4_000_001)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", lambda _: user)
    monkeypatch.setattr(os, "getgrouplist", lambda _, gid: [gid])
    return user


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A file as certbot leaves one: for its owner only."""
    file = tmp_path / "privkey.pem"
    file.touch(0o600)
    return file


def test_a_file_for_its_owner_only_is_kept_from_the_service(
    asked_by_root: SimpleNamespace, key: Path
) -> None:
    assert is_kept_from_service(key)
    asked_by_root.pw_uid = key.stat().st_uid
    assert not is_kept_from_service(key)


def test_a_group_that_may_read_it_is_enough(asked_by_root: SimpleNamespace) -> None:
    assert not is_kept_from_service(OPEN)
    assert is_kept_from_service(GROUPS)
    asked_by_root.pw_gid = GROUPS.stat().st_gid
    assert not is_kept_from_service(GROUPS)


def test_a_folder_on_the_way_that_lets_nobody_pass_counts(
    asked_by_root: SimpleNamespace, tmp_path: Path
) -> None:
    closed = tmp_path / "archive"
    closed.mkdir(0o700)
    (closed / "cert.pem").touch(0o644)
    link = tmp_path / "cert.pem"
    link.symlink_to(closed / "cert.pem")
    assert is_kept_from_service(link)


def test_only_root_is_told_and_only_of_a_user_that_exists(
    asked_by_root: SimpleNamespace, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(name: str) -> None:
        raise KeyError(name)

    assert not is_kept_from_service(key.with_name("missing.pem"))
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: 1000)
        assert not is_kept_from_service(key)
    monkeypatch.setattr(pwd, "getpwnam", unknown)
    assert not is_kept_from_service(key)
