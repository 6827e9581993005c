"""A bare Debian with this commit in it, which reaches packages as this machine does. I/O.

For `fresh`. Nothing of this machine goes in but what apt and pip need to find their indexes: where
those are (in the environment, and for apt in a file), folders with packages (mounted), how names
are resolved, and which certificates are believed. No key and no .netrc does. What is made goes with
the block; only the bare root of the tests (`tests.debian_root`) stays, under var/.
"""

import ast
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from benches.daemon import ROOT
from benches.steps import find_hosts, redact
from tests.debian_root import DebianRoot, clean_environment, copy_root
from voxd.errors import VoxdError

TREE = "/srv/voxd"
"""Where the commit is put."""
CERTIFICATES = "/etc/ssl/of-this-machine.crt"
APT = "etc/apt/apt.conf.d/90-of-this-machine"
_APT_KEYS = ("Acquire::http", "Acquire::Check-", "Acquire::Retries")
"""The first one is of https, too."""
_PIP_KEYS = (
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host"),
    *("proxy", "timeout", "default-timeout", "retries"),
)
_PIP_SECTIONS = ("global", "install", ":env:")
"""What comes later wins."""
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_BUNDLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Variables that name a file of certificates; the first that is there."""


class NoMachine(VoxdError):
    """The bare Debian could not be made, and why."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A bare Debian to start programs in."""

    root: DebianRoot
    environ: Mapping[str, str]
    """Of every program, beside what a login has."""
    hosts: frozenset[str]
    """Of the indexes: not to be shown."""

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in the tree, as leader of a session of its own, so that all that it has
        started can be ended with it."""
        shell = ("sh", "-c", f'cd {TREE} && exec "$@"', "sh")
        return subprocess.Popen(
            self.root.command(*shell, *command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=clean_environment(self.environ),
            start_new_session=True,
        )


@contextmanager
def open_machine() -> Iterator[Machine]:
    """A bare Debian until the block ends; no program of it may run then.

    Raises:
        NoMachine: it could not be made.
    """
    below = ROOT / "var"
    below.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fresh-", dir=below) as directory:
        try:
            machine = _make(Path(directory) / "root")
        except (AssertionError, OSError, subprocess.CalledProcessError) as error:
            told = redact(str(error).strip().splitlines()[-1] if str(error) else repr(error))
            raise NoMachine(f"the bare Debian could not be made: {told}") from error
        yield machine


def _make(target: Path) -> Machine:
    settings = decode_pip(_ask(sys.executable, "-m", "pip", "config", "list"))
    folders = [path for path in find_folders(settings.values()) if path.is_dir()]
    root = copy_root(target, {path: str(path) for path in folders})
    for file in map(Path, ("/etc/resolv.conf", "/etc/hosts")):
        if file.exists():
            root.put(file, str(file))
    apt = decode_apt(_ask("apt-config", "dump"))
    (target / APT).write_text(apt, encoding="utf-8")
    _make_null(target / "dev/null")
    _put_commit(target / TREE.lstrip("/"))
    environ = {**settings, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    environ |= {name: value for name, value in os.environ.items() if name.lower() in _PROXIES}
    bundles = (Path(os.environ[name]) for name in _BUNDLES if name in os.environ)
    if bundle := next((path for path in bundles if path.is_file()), None):
        root.put(bundle.resolve(), CERTIFICATES)
        environ["PIP_CERT"] = CERTIFICATES
    sources = (target / "etc/apt/sources.list").read_text(encoding="utf-8")
    return Machine(root, environ, frozenset(find_hosts([*environ.values(), apt, sources])))


def decode_pip(listing: str) -> dict[str, str]:
    """Where pip looks for packages, as variables of the environment.

    Args:
        listing: what `pip config list` prints, `section.key='value'` a line.
    """
    ranked = []
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if key in _PIP_KEYS and section in _PIP_SECTIONS:
            ranked.append((_PIP_SECTIONS.index(section), key, str(ast.literal_eval(value))))
    return {
        f"PIP_{key.replace('-', '_').upper()}": " ".join(value.split())
        for _, key, value in sorted(ranked)
    }


def find_folders(values: Iterable[str]) -> set[Path]:
    """Folders that pip's settings name; a program in the root must see them at the same place."""
    found = set()
    for word in " ".join(values).split():
        path = Path(unquote(urlsplit(word).path) if word.startswith("file:") else word)
        # The pages of an index link to files that lie beside it.
        path = path.parent if path.name == "simple" else path
        if path.is_absolute() and path != Path("/"):
            found.add(path)
    return found


def decode_apt(dump: str) -> str:
    """How apt reaches its packages, as apt's configuration.

    Args:
        dump: what `apt-config dump` prints.
    """
    lines = [line for line in dump.splitlines() if line.startswith(_APT_KEYS)]
    return "".join(f"{line}\n" for line in lines)


def _ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _make_null(place: Path) -> None:
    """debootstrap inside a container leaves a plain file there."""
    if not place.is_char_device():
        place.unlink(missing_ok=True)
        os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        place.chmod(0o666)


def _put_commit(target: Path) -> None:
    """The tree of HEAD, as a fresh clone has it."""
    target.mkdir(parents=True)
    archive = ["git", "-C", str(ROOT), "archive", "HEAD"]
    with subprocess.Popen(archive, stdout=subprocess.PIPE) as git:
        subprocess.run(["tar", "-x", "-C", target], stdin=git.stdout, check=True)
    if git.returncode != 0:
        raise OSError("git archive HEAD failed in this checkout")
