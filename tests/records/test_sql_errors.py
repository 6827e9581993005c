"""What the libraries raise by themselves is shown by tests/records/test_sql.py."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError, StatementError

from voxd.records.sql_errors import mapped_errors
from voxd.records.store import RecordRefused, StoreAway


class DriverError(Exception):
    """As SQLAlchemy dresses one of asyncpg's."""

    def __init__(self, sqlstate: str | None, cause: Exception | None = None) -> None:
        self.sqlstate = sqlstate
        self.__cause__ = cause
        super().__init__("secret words")


def of_driver(error: DriverError) -> DBAPIError:
    return DBAPIError("insert secret words", None, error)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (of_driver(DriverError("22P05")), "DriverError"),
        (of_driver(DriverError("21000", asyncpg.CardinalityViolationError("x"))), "Cardinality"),
        (of_driver(DriverError(None, asyncpg.exceptions._base.DataError("x"))), "DataError"),
        (StatementError("secret", "insert", None, TypeError("secret")), "TypeError"),
        (OverflowError("secret"), "OverflowError"),
    ],
)
def test_what_would_be_the_same_again_is_refused(error: Exception, reason: str) -> None:
    with pytest.raises(RecordRefused, match=reason) as caught, mapped_errors():
        raise error
    assert "secret" not in repr(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        of_driver(DriverError("53100", asyncpg.DiskFullError("secret"))),
        of_driver(DriverError(None, asyncpg.InterfaceError("secret"))),
        OperationalError("secret", None, Exception("secret")),
        SQLAlchemyError("secret"),
        asyncpg.InvalidPasswordError("secret"),
        ConnectionRefusedError("secret"),
        TimeoutError("secret"),
    ],
)
def test_what_may_pass_is_a_store_that_is_away(error: Exception) -> None:
    with pytest.raises(StoreAway) as caught, mapped_errors():
        raise error
    assert "secret" not in repr(caught.value)


def test_what_is_no_librarys_passes() -> None:
    with pytest.raises(KeyError), mapped_errors():
        raise KeyError
