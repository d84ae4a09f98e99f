"""Brings the schema of a database up to date, under a lock, before anybody uses it."""

import re
import sqlite3
from pathlib import Path

from postroom.store.locks import held
from postroom.store.sqlite import connect

_FOLDER = Path(__file__).parent / "migrations"
_NUMBERED = re.compile(r"m(\d{4})_\w+\.py")


def head() -> str:
    """Return the revision that this code expects: the highest number among the migrations."""
    return max(m[1] for f in (_FOLDER / "versions").iterdir() if (m := _NUMBERED.fullmatch(f.name)))


def revision(path: Path) -> str | None:
    """Return the revision of the database file, None for a new one.

    Raises:
        RuntimeError: the file cannot be opened, or is no database.
    """
    try:
        connection = connect(path)
    except sqlite3.Error as error:
        raise RuntimeError(f"{path} cannot be opened as a database: {error}.") from error
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()
    return str(row[0]) if row else None


def migrate(path: Path, locks: Path) -> None:
    """Apply the migrations that the database file lacks. Returns at once where it lacks none.

    Raises:
        RuntimeError: the database was written by a newer Postroom, or cannot be opened.
    """
    path.touch(mode=0o600)  # SQLite gives its other files the mode of this one
    found = revision(path)
    if found == head():
        return
    if found is not None and found > head():
        raise RuntimeError(f"The database has schema {found}, this Postroom knows {head()}: install a newer one.")
    with held(locks / "migrate.lock"):
        _upgrade(path)


def _upgrade(path: Path) -> None:
    # Half a second of imports that a start without news does not pay.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine("sqlite://", creator=lambda: connect(path), poolclass=NullPool)
    with engine.begin() as connection:
        # The driver begins no transaction before DDL: a process that is killed here would leave half a schema.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
