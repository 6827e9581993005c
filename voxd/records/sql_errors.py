"""What SQL libraries raise, to what the writer of records knows. Pure.

Of an error its class is kept and nothing else: what libraries say quotes the statement and its
words, or the address and its password.
"""

import contextlib
from collections.abc import Iterator

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
    StatementError,
)

from voxd.records.store import RecordRefused, StoreAway

REFUSED = ("21", "22", "23")
"""Classes of PostgreSQL's codes for data that will never fit."""


@contextlib.contextmanager
def mapped_errors() -> Iterator[None]:
    """Errors of libraries to ours, while the body runs.

    Raises:
        StoreAway: the database does not work now.
        RecordRefused: it never takes this.
    """
    try:
        yield
    except SQLAlchemyError as error:
        kind = RecordRefused if _is_of_the_data(error) else StoreAway
        _let_go(error)
        raise kind(_name(error)) from None
    except OverflowError as error:  # sqlite3's, of a number
        raise RecordRefused(type(error).__name__) from None
    except _connect_errors() as error:
        raise StoreAway(type(error).__name__) from None


def _is_of_the_data(error: SQLAlchemyError) -> bool:
    """Whether it would be the same again. Of asyncpg's errors SQLAlchemy itself tells few apart."""
    if isinstance(error, (DataError, IntegrityError)):
        return True
    if not isinstance(error, DBAPIError):
        return isinstance(error, StatementError)  # a value that has no place in a statement
    if isinstance(getattr(error.orig, "__cause__", None), ValueError):  # asyncpg's, of a value
        return True
    return (getattr(error.orig, "sqlstate", None) or "").startswith(REFUSED)


def _let_go(error: BaseException) -> None:
    """Have an error hold no frames any more.

    aiosqlite's hold the error and a cursor: with it, a file that was closed would stay open until
    the garbage collector comes by, which is seldom here.
    """
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__


def _connect_errors() -> tuple[type[Exception], ...]:
    """What SQLAlchemy lets pass until there is a connection, such as a wrong password."""
    import asyncpg

    return (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


def _name(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None)
    inner = getattr(cause, "__cause__", None) or cause or error
    return type(inner).__name__
