"""The kinds of columns that there are."""

from typing import Any

from sqlalchemy import BigInteger, Integer, Text
from sqlmodel import Field

# SQLite counts rows by itself only in a column that is INTEGER to the letter.
_ROWID = BigInteger().with_variant(Integer(), "sqlite")


def string(**given: Any) -> Any:
    """A text; lists and maps are JSON."""
    return Field(sa_type=Text, **given)


def number(**given: Any) -> Any:
    """A large integer: UTC milliseconds, bytes, a row number of another table."""
    return Field(sa_type=BigInteger, **given)


def row_number() -> Any:
    """The number that the database gives a row."""
    return Field(sa_type=_ROWID, primary_key=True)
