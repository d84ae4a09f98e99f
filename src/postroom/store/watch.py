"""Tells whether the database is as it was: a number that changes with every commit of anybody, in any process.

For what is remembered of the database and must never be older than it; it reads no table and never writes.
"""

import sqlite3
from pathlib import Path

from postroom.store.sqlite import connect, translate


class Watch:
    """A connection of its own: SQLite's data_version leaves out the commits of the connection that asks."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)

    def version(self) -> int:
        """Return the number of now, which later ones are compared with (3 us, so the event loop may ask).

        Raises:
            Temporary: the database cannot be read.
        """
        try:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise translate(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
