"""Brings a database to the tables of this version, by alembic, from inside the package.

Runs within one transaction that nobody shares, so that two daemons which start at once do it once.
alembic itself is imported only where there is something to do.
"""

from typing import cast

from sqlalchemy import Connection, inspect, text

from voxd.records.store import StoreAway

VERSION_TABLE = "voxd_schema_version"
"""Not alembic's own `alembic_version`, which may be that of another program in this database."""
HEAD = "0001"
"""The last revision of `migrations`."""
_LOCK = 0x766F7864
"""PostgreSQL's advisory lock for it: "voxd"."""


def migrate(connection: Connection) -> bool:
    """Make what is missing; returns whether anything was.

    Args:
        connection: in a transaction; of SQLite, one that has begun to write.

    Raises:
        StoreAway: the tables are those of a later version of voxd.
    """
    if _version(connection) == HEAD:
        return False
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
        if _version(connection) == HEAD:  # whoever had the lock has done it
            return False
    _run(connection)
    return True


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"select version_num from {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def _run(connection: Connection) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.runtime.migration import RevisionStep
    from alembic.script.base import Script
    from alembic.script.revision import RevisionMap

    from voxd.records.migrations import MIGRATIONS

    scripts = [Script(module, module.revision, module.__name__) for module in MIGRATIONS]
    known = {script.revision for script in scripts}
    revisions = RevisionMap(lambda: scripts)

    def pending(heads: tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        if any(head not in known for head in heads):
            raise StoreAway("later_version")
        newest_first = revisions.iterate_revisions("head", heads or "base")
        due = [cast(Script, found) for found in reversed(list(newest_first))]
        return [RevisionStep(revisions, script, True) for script in due]

    context = MigrationContext.configure(
        connection, opts={"fn": pending, "version_table": VERSION_TABLE}
    )
    with Operations.context(context):
        context.run_migrations()
