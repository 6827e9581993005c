"""A bare Debian in a folder, made by debootstrap: what an operator's new machine has, and no more.

Made once and kept under var/, so that several tests share the minute it takes; each test works on a
copy. The packages come from wherever this machine's apt gets its own. Programs run in it by chroot,
within mount namespaces of their own, so that nothing stays mounted whatever becomes of the test.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "var/debian-root"

MOUNT_AND_ENTER = """
set -e
root=$1; shift
mount --make-rprivate /
mount -t proc proc "$root/proc"
mkdir -p "$root/dev/shm"
mount -t tmpfs tmpfs "$root/dev/shm"
while [ "$1" != -- ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  shift 2
done
shift
exec chroot "$root" "$@"
"""
"""Arguments: the root, then pairs of (folder here, folder there), `--`, and the command."""


@dataclass(frozen=True)
class DebianRoot:
    """A root file system to run programs in."""

    path: Path
    binds: Mapping[Path, str] = field(default_factory=dict)
    """Folders of this machine and where programs in the root see them."""

    def command(self, *command: str | Path) -> list[str]:
        """What to execute here for a command in the root. The process id stays the same, so that
        signals reach the command."""
        pairs = [str(part) for pair in self.binds.items() for part in pair]
        inside = [str(part) for part in command]
        shell = ["unshare", "--mount", "--", "sh", "-c", MOUNT_AND_ENTER, "sh", str(self.path)]
        return [*shell, *pairs, "--", *inside]

    def run(
        self, *command: str | Path, timeout_s: float = 120, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the root and wait for it."""
        return subprocess.run(
            self.command(*command),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=clean_environment(environ),
            check=False,
        )

    def start(self, *command: str | Path, **environ: str) -> subprocess.Popen[str]:
        """Start a command in the root; its output can be read from `stdout`."""
        return subprocess.Popen(
            self.command(*command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environment(environ),
        )

    def put(self, source: Path, target: str) -> None:
        """Copy a file of this machine into the root."""
        place = self.path / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, place)


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """What a login in the root would have; nothing of this machine's."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", **more}


def copy_root(target: Path, binds: Mapping[Path, str] | None = None) -> DebianRoot:
    """A fresh copy of the bare root in the folder `target`, which must not exist."""
    kept = make_root()
    subprocess.run(["cp", "-a", "--reflink=auto", kept, target], check=True)
    return DebianRoot(target, binds or {})


def make_root() -> Path:
    """The bare root, made unless it is there. Not to be changed: `copy_root` makes a copy."""
    suite = _suite()
    root = KEPT / suite
    KEPT.mkdir(parents=True, exist_ok=True)
    with _alone(KEPT / ".lock"):
        if root.is_dir():
            return root
        part = KEPT / f"{suite}.part"
        shutil.rmtree(part, ignore_errors=True)  # left by a run that was killed
        if shutil.which("debootstrap") is None:
            _install(["debootstrap"])
        command = ["debootstrap", "--variant=minbase", suite, str(part), _mirror(suite)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | _proxies(), check=False
        )
        assert done.returncode == 0, f"debootstrap failed:\n{done.stdout[-2000:]}{done.stderr}"
        for left in (part / "var/cache/apt/archives").glob("*.deb"):
            left.unlink()
        part.rename(root)
    return root


def _install(packages: Sequence[str]) -> None:
    subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=True)
    quiet = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*quiet, *packages], capture_output=True, env=environ, check=True)


def _suite() -> str:
    """The release of this machine: what is built here runs there."""
    for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise AssertionError("this machine's release has no name in /etc/os-release")


def _mirror(suite: str) -> str:
    """Where this machine's apt gets the packages of a release."""
    listing = [
        "apt-get",
        "indextargets",
        "--format",
        "$(RELEASE)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)",
    ]
    done = subprocess.run(
        [*listing, "Created-By: Packages"], capture_output=True, text=True, check=True
    )
    for line in done.stdout.splitlines():
        release, codename, component, address = line.split("|", 3)
        if suite in (release, codename) and component == "main":
            return address
    raise AssertionError(f"this machine's apt has no packages of {suite}: run apt-get update")


def _proxies() -> dict[str, str]:
    """The proxy that apt goes through, for debootstrap's own downloads."""
    done = subprocess.run(
        ["apt-config", "shell", "proxy", "Acquire::http::Proxy"],
        capture_output=True,
        text=True,
        check=True,
    )
    proxy = done.stdout.strip().partition("=")[2].strip("'")
    return {"http_proxy": proxy} if proxy and proxy != "DIRECT" else {}


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
