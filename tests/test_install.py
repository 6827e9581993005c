"""scripts/install on a Debian that debootstrap just made: no systemd, no Python.

The program that is installed is a script of one line: what is tried here is what the installer
needs and what it leaves behind. tests/test_service.py installs what answers calls, under systemd.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.debian_root import DebianRoot, copy_root

ROOT = Path(__file__).parent.parent
CONFIG = "etc/voxd/config.toml"
OURS = ("opt/voxd", "etc/voxd", "etc/systemd/system/voxd.service", "usr/local/bin/voxd")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianRoot]:
    """With a checkout in /src that has no weights: a test brings some of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a Debian and enter it")
    debian = copy_root(tmp_path_factory.mktemp("debian") / "root")
    put_source(debian.path / "src")
    yield debian
    shutil.rmtree(debian.path)  # hundreds of megabytes, that pytest would keep


def put_source(target: Path) -> None:
    """As much of this checkout as the installer itself looks at."""
    for folder in ("scripts", "systemd"):
        shutil.copytree(ROOT / folder, target / folder)
    for file in ("config.toml", "voxd/__init__.py", "models/manifest.toml"):
        (target / file).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / file, target / file)


def put_program(debian: DebianRoot, version: str) -> None:
    program = debian.path / "new/voxd"
    (program.parent / "models/llm").mkdir(parents=True, exist_ok=True)
    (program.parent / "models/llm/some.gguf").write_bytes(b"weights")
    program.write_text(f"#!/bin/sh\necho voxd {version} $*\n")
    program.chmod(0o755)


def install(debian: DebianRoot, *arguments: str) -> str:
    done = debian.run("/src/scripts/install", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def files_of(root: Path) -> set[str]:
    places = [root / place for place in OURS]
    found = {path for place in places for path in (place, *place.rglob("*"))}
    return {str(path.relative_to(root)) for path in found if path.exists() or path.is_symlink()}


def test_a_dry_run_tells_and_does_nothing(debian: DebianRoot) -> None:
    put_program(debian, "1")
    said = install(debian, "--dry-run", "--binary", "/new/voxd")
    assert "would run: 'useradd'" in said
    assert files_of(debian.path) == set()


def test_an_install_leaves_a_command_a_user_a_config_and_an_enabled_unit(
    debian: DebianRoot,
) -> None:
    said = install(debian, "--binary", "/new/voxd")
    assert "systemd is not running here" in said
    assert debian.run("voxd", "check").stdout == "voxd 1 check\n"
    assert "/var/lib/voxd:/usr/sbin/nologin" in debian.run("getent", "passwd", "voxd").stdout
    text = (debian.path / CONFIG).read_text()
    assert '"models/' not in text and '"var/' not in text
    assert '"/opt/voxd/models/llm/' in text and '"/var/lib/voxd/voxd.db"' in text
    unit = debian.path / "etc/systemd/system/voxd.service"
    assert unit.read_text() == (ROOT / "systemd/voxd.service").read_text()
    wanted = unit.parent / "multi-user.target.wants/voxd.service"
    assert os.readlink(wanted) == "../voxd.service"
    assert (debian.path / "opt/voxd/models/llm/some.gguf").read_bytes() == b"weights"
    assert (debian.path / "etc/credstore").stat().st_mode & 0o777 == 0o700


def test_what_a_short_config_leaves_out_is_where_the_service_has_it(debian: DebianRoot) -> None:
    places = [debian.path / "etc/voxd" / name for name in ("models", "var")]
    assert [os.readlink(place) for place in places] == ["/opt/voxd/models", "/var/lib/voxd"]


def test_the_same_again_changes_nothing(debian: DebianRoot) -> None:
    def state() -> dict[str, int]:
        paths = [debian.path / name for name in files_of(debian.path)]
        return {str(path): path.lstat().st_mtime_ns for path in paths if not path.is_dir()}

    before = state()
    install(debian, "--binary", "/new/voxd")
    changed = {name for name, at in state().items() if before.get(name) != at}
    assert {Path(name).name for name in changed} <= {".complete"}


def test_an_upgrade_keeps_the_config_and_tells_of_new_defaults(debian: DebianRoot) -> None:
    own = debian.path / CONFIG
    own.write_text(own.read_text().replace("port = 8080", "port = 8081"))
    put_program(debian, "2")
    install(debian, "--binary", "/new/voxd")
    assert debian.run("voxd").stdout == "voxd 2\n"
    assert "port = 8081" in own.read_text()
    assert not (debian.path / f"{CONFIG}.new").exists()  # the defaults are those of before
    old = debian.path / "opt/voxd/current/config.default.toml"
    old.write_text(old.read_text().replace("lead_s = 0.2", "lead_s = 0.1"))
    put_program(debian, "3")
    assert "new defaults" in install(debian, "--binary", "/new/voxd")
    assert "lead_s = 0.2" in (debian.path / f"{CONFIG}.new").read_text()
    assert "port = 8081" in own.read_text()
    releases = set((debian.path / "opt/voxd/releases").iterdir())
    assert len(releases) == 2  # this one, and the one before
    install(debian, "--binary", "/new/voxd")
    assert set((debian.path / "opt/voxd/releases").iterdir()) == releases


def test_what_is_damaged_is_mended(debian: DebianRoot) -> None:
    (debian.path / "opt/voxd/current/voxd").write_text("half of a progr")
    weights = debian.path / "opt/voxd/models/llm/some.gguf"
    weights.rename(f"{weights}.part")  # as a copy that broke off leaves it
    install(debian, "--binary", "/new/voxd")
    assert debian.run("voxd").stdout == "voxd 3\n"
    assert weights.read_bytes() == b"weights"


def test_what_cannot_be_written_ends_it(debian: DebianRoot) -> None:
    blocked = debian.path / f"{CONFIG}.new.part/of/another"
    blocked.mkdir(parents=True)
    (debian.path / f"{CONFIG}.new").unlink()
    (debian.path / "opt/voxd/current/config.default.toml").unlink()
    done = debian.run("/src/scripts/install", "--binary", "/new/voxd")
    assert done.returncode == 1
    assert f"/{CONFIG}.new cannot be written" in done.stderr
    shutil.rmtree(debian.path / f"{CONFIG}.new.part")
    assert "new defaults" in install(debian, "--binary", "/new/voxd")


PREPARE = """
prepare() {
  [[ ! -e $venv/prepared-runtime ]] || return 0
  mkdir -p "$venv/bin"
  printf '#!/bin/sh\\necho voxd of "$0" $*\\n' >"$venv/bin/voxd"
  chmod 755 "$venv/bin/voxd"
  echo "$1" >"$venv/prepared-runtime"
}
"""
"""Stands for making the environment, which takes minutes and the package index: scripts/run and
scripts/test have done it before this test runs."""


def test_a_checkout_is_copied_and_prepared_where_it_will_run(debian: DebianRoot) -> None:
    put_source(debian.path / "checkout")
    with (debian.path / "checkout/scripts/lib/prepare.sh").open("a") as file:
        file.write(PREPARE)
    put_program(debian, "4")
    shutil.copytree(debian.path / "new/models", debian.path / "checkout/models", dirs_exist_ok=True)

    def install_checkout() -> None:
        done = debian.run("/checkout/scripts/install")
        assert done.returncode == 0, done.stdout + done.stderr

    install_checkout()
    assert debian.run("voxd", "check").stdout == "voxd of /usr/local/bin/voxd check\n"
    release = (debian.path / "opt/voxd/current").resolve()
    assert (release / "voxd/__init__.py").exists() and (release / "config.toml").exists()
    assert os.readlink(release / "models") == "../../models"
    assert (release / "models/manifest.toml").exists()
    assert not (debian.path / "checkout/.venv").exists()
    (release / ".venv/prepared-runtime").unlink()  # an environment that was never finished
    (release / ".venv/bin/voxd").unlink()
    install_checkout()
    assert debian.run("voxd").stdout == "voxd of /usr/local/bin/voxd\n"
    assert (debian.path / "opt/voxd/current").resolve() == release


def test_an_uninstall_leaves_the_config_and_a_purge_nothing(debian: DebianRoot) -> None:
    (debian.path / "etc/credstore/GROQ_API_KEY").write_text("x")
    install(debian, "--uninstall")
    weights = {"opt/voxd/models", "opt/voxd/models/llm", "opt/voxd/models/llm/some.gguf"}
    config = {"etc/voxd", "etc/voxd/models", "etc/voxd/var", CONFIG, f"{CONFIG}.new"}
    left = files_of(debian.path)
    assert config | {"opt/voxd"} | weights <= left
    assert all(name in config or name.startswith("opt/voxd") for name in left)
    assert not (debian.path / "opt/voxd/releases").exists()
    assert "GROQ_API_KEY" in install(debian, "--uninstall", "--purge")
    assert files_of(debian.path) == set()
    assert debian.run("getent", "passwd", "voxd").returncode != 0
    assert (debian.path / "etc/credstore/GROQ_API_KEY").exists()


def test_it_can_fill_an_image_from_outside(tmp_path: Path) -> None:
    program = tmp_path / "voxd"
    program.write_text("#!/bin/sh\n")
    image = tmp_path / "image"
    put_source(tmp_path / "source")
    script = tmp_path / "source/scripts/install"
    command = [str(script), "--root", str(image), "--binary", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert os.readlink(image / "usr/local/bin/voxd") == "/opt/voxd/current/voxd"
    assert (image / CONFIG).exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--purge"], "--purge goes with --uninstall"),
        (["--root", "/nowhere"], "--root needs --binary"),
        (["--binary"], "--binary needs a file"),
        (["--frobnicate"], "what is --frobnicate?"),
    ],
)
def test_what_makes_no_sense_is_told(arguments: list[str], told: str) -> None:
    # Should it believe them after all, nothing happens to this machine.
    command = [str(ROOT / "scripts/install"), "--dry-run", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert told in done.stderr


def test_the_help_names_every_option() -> None:
    command = [str(ROOT / "scripts/install"), "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    script = (ROOT / "scripts/install").read_text()
    options = re.findall(r"^ +(--[\w-]+)\)", script, re.MULTILINE)
    assert {"--binary", "--root", "--purge"} <= set(options)
    for option in options:
        assert option in text
