"""A machine for a test: real systemd as process 1, over a copy of this machine's files.

Namespaces of its own for mounts, processes and control groups; the file system is an overlay whose
upper half is in memory, so that nothing here changes; the network is this machine's, so that a test
can call what runs there. Of this machine's units none runs, only what systemd itself needs. This is
what systemd-nspawn does, by hand: nspawn is a package of its own, which would bring another version
of systemd along.

It needs root, and a kernel that lets root make namespaces and mount overlays.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent

BOOT = r"""
set -e
dir=$1 boot=$2
mount --make-rprivate /
mkdir -p "$dir/cgroup" "$dir/memory"
mount -t cgroup2 cgroup2 "$dir/cgroup"
mkdir "$dir/cgroup/$boot"
echo $$ >"$dir/cgroup/$boot/cgroup.procs"
mount -t tmpfs tmpfs "$dir/memory"
mkdir "$dir/memory/upper" "$dir/memory/work" "$dir/memory/root"
mount -t overlay overlay "$dir/memory/root" \
  -o "lowerdir=/,upperdir=$dir/memory/upper,workdir=$dir/memory/work"
exec unshare --pid --fork --kill-child --cgroup --ipc --uts bash -c "$3" bash "$dir/memory/root"
"""
"""Arguments: a folder to work in, a name for the control group, and what comes then."""

INIT = r"""
set -e
root=$1
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
mkdir -p "$root/opt/here" "$root/opt/python"
mount --bind -o ro HERE "$root/opt/here"
mount --bind -o ro PYTHON "$root/opt/python"
# As a machine has it; else no mount of a helper of systemd reaches anybody, credentials above all.
mount --make-rshared "$root"
rm -rf "$root"/etc/systemd/system/* "$root/etc/systemd/journald.conf.d" "$root"/usr/local/bin/voxd
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' \
  >"$root/etc/systemd/journald.conf.d/test.conf"
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' \
  >"$root/etc/systemd/system/default.target"
exec env -i container=voxd-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  chroot "$root" /lib/systemd/systemd --log-target=journal --show-status=no
"""

WRAPPER = """\
#!/bin/sh
# This checkout's voxd, by a Python that a service can reach.
export PYTHONPATH=/opt/here:/opt/here/.venv/lib/{version}/site-packages PYTHONDONTWRITEBYTECODE=1
export LD_LIBRARY_PATH=/opt/python/lib
exec /opt/python/bin/{version} -m voxd "$@"
"""
"""Stands for the single executable."""


class Machine:
    """A machine that runs."""

    def __init__(self, init: int, root: Path) -> None:
        self.init = init
        """Its process 1, by the number that it has here."""
        self.root = root
        """Its files, as this machine sees them."""

    def run(self, *command: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command there and wait for it."""
        enter = ["nsenter", "--target", str(self.init), "--mount", "--pid", "--cgroup", "--ipc"]
        environ = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        return subprocess.run(
            [*enter, "--uts", "--root", "--wd", "--", *command],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            cwd="/",
            env={**environ, "HOME": "/root", "LANG": "C.UTF-8"},
            check=False,
        )

    def must(self, *command: str, timeout_s: float = 120) -> str:
        """Run a command that succeeds; what it printed."""
        done = self.run(*command, timeout_s=timeout_s)
        assert done.returncode == 0, (command, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    def show(self, key: str) -> str:
        """What systemd knows of the service."""
        return self.must("systemctl", "show", "--value", "--property", key, "voxd").strip()

    def journal(self, *matches: str) -> str:
        """What the service has logged, entries as JSON, one a line."""
        return self.must("journalctl", "--unit", "voxd", "--output", "json", "--no-pager", *matches)

    def pids(self) -> list[int]:
        """The service's processes, by the numbers that they have here."""
        inside = self.show("ControlGroup")
        listed = self.root / "sys/fs/cgroup" / inside.lstrip("/") / "cgroup.procs"
        return [int(line) for line in listed.read_text().split()]

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file there."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(mode)

    def put_voxd(self, path: str, note: str = "") -> None:
        """Put a program there that stands for the single executable.

        Args:
            note: makes it another version.
        """
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.put(path, WRAPPER.format(version=version) + f"# {note}\n", 0o755)


@contextmanager
def machine(directory: Path) -> Iterator[Machine]:
    """A machine until the body ends; none of its processes is left then.

    Args:
        directory: empty, on a file system of this machine.
    """
    if shutil.which("systemctl") is None or not Path("/lib/systemd/systemd").exists():
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "systemd"]
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=True)
        environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(install, capture_output=True, env=environ, check=True)
    name = f"voxd-test-{os.getpid()}"
    init = INIT.replace("HERE", str(ROOT)).replace("PYTHON", sys.base_prefix)
    boot = ["unshare", "--mount", "bash", "-c", BOOT, "bash", str(directory), name, init]
    log = directory / "boot.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            boot, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield _wait_for_boot(process, log)
    finally:
        process.kill()  # and with it, by the kernel, all that it started
        process.wait()
        _remove_control_groups(directory, name)


def _wait_for_boot(process: "subprocess.Popen[bytes]", log: Path) -> Machine:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"no machine: {log.read_text()}"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if children:
            found = Machine(int(children[0]), Path(f"/proc/{children[0]}/root"))
            state = found.run("systemctl", "is-system-running").stdout.strip()
            if state in ("running", "degraded"):
                return found
        time.sleep(0.1)
    raise AssertionError(f"systemd did not come up: {log.read_text()}")


def _remove_control_groups(directory: Path, name: str) -> None:
    """They outlive their processes."""
    script = (
        'mount -t cgroup2 cgroup2 "$1" && for try in $(seq 50); do'
        ' find "$1/$2" -depth -type d -exec rmdir {} + 2>/dev/null && break; sleep 0.2; done'
    )
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(directory / "cgroup"), name]
    subprocess.run(command, capture_output=True, check=False)
