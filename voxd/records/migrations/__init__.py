"""Every change of the tables since the first, as alembic's revisions, oldest first.

They are modules and not a folder of scripts, because the single executable has no such folder. A
new one gets a file, a `down_revision`, and its place at the end of `MIGRATIONS`.
"""

from types import ModuleType

from voxd.records.migrations import first

MIGRATIONS: tuple[ModuleType, ...] = (first,)
