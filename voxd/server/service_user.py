"""Whether the service could read a file, when root asks, who can read all. I/O: looks at files.

`voxd check` is started by root, because only root can read the secrets, and the daemon by systemd
for a user of its own. Judged by owner, group and mode, of the file and of every folder on the way:
access lists are not looked at.
"""

import os
import pwd
from pathlib import Path

USER = "voxd"
"""Of systemd/voxd.service."""


def is_kept_from_service(path: Path) -> bool:
    """Whether the service's user cannot read a file; False where nobody can tell from here.

    Args:
        path: absolute.
    """
    if os.geteuid() != 0 or not path.is_file():
        return False
    try:
        user = pwd.getpwnam(USER)
    except KeyError:  # no service on this machine
        return False
    groups = os.getgrouplist(USER, user.pw_gid)
    # certbot's files are links into another folder: both ways have to be open.
    folders = {*path.parents, *path.resolve().parents}
    is_open = all(_may(0o1, folder, user.pw_uid, groups) for folder in folders)
    return not (is_open and _may(0o4, path, user.pw_uid, groups))


def _may(wanted: int, path: Path, uid: int, groups: list[int]) -> bool:
    """Whether a user has a right (4: read, 1: pass), by the three that a mode tells."""
    found = path.stat()
    if found.st_uid == uid:
        return bool(found.st_mode >> 6 & wanted)
    if found.st_gid in groups:
        return bool(found.st_mode >> 3 & wanted)
    return bool(found.st_mode & wanted)
