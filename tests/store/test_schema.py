"""Migrations: they make what the tables say, all or nothing, once, and never touch a newer database."""

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from postroom.store import tables
from postroom.store.schema import head, migrate, revision


def _tables(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY 1")]


def test_a_new_database_is_what_the_tables_say(migrated: Path) -> None:
    assert tables.MessageRow.metadata is SQLModel.metadata
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _parents: kind != "table" or "message_search" not in str(name)},
        )
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_every_table_keeps_the_row_numbers_that_its_model_says(migrated: Path) -> None:
    schema = "\n".join(_tables(migrated))
    for table in SQLModel.metadata.sorted_tables:
        made = next(sql for sql in _tables(migrated) if sql.replace('"', "").startswith(f"CREATE TABLE {table.name} "))
        without = table.dialect_options["sqlite"]["with_rowid"] is False
        assert ("WITHOUT ROWID" in made) is without, table.name
        assert ("AUTOINCREMENT" in made) is bool(table.dialect_options["sqlite"]["autoincrement"]), table.name
    assert "fts5" in schema


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    assert revision(path) is None
    migrate(path, tmp_path)
    before = _tables(path)
    migrate(path, tmp_path)
    assert (_tables(path), revision(path)) == (before, head())


def test_a_migration_that_breaks_off_leaves_nothing_behind_and_the_next_start_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new.db"
    make = op.create_table

    def breaks(name: str, *columns: Any, **more: Any) -> Any:
        if name == "delivery":
            raise OSError("power cut")
        return make(name, *columns, **more)

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_table", breaks)
        with pytest.raises(OSError, match="power cut"):
            migrate(path, tmp_path)
    assert _tables(path) == []
    migrate(path, tmp_path)
    assert revision(path) == head()


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    migrate(path, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = _tables(path)
    with pytest.raises(RuntimeError, match="newer"):
        migrate(path, tmp_path)
    assert _tables(path) == before


@pytest.mark.parametrize("name", ["a b?c.db", "100%.db", "#ü.db"])
def test_a_data_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    migrate(tmp_path / name, tmp_path)
    assert (tmp_path / name).is_file()
    assert revision(tmp_path / name) == head()


def test_a_file_that_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"no database at all " * 400)
    with pytest.raises(RuntimeError, match="other"):
        migrate(tmp_path / "other.db", tmp_path)


def test_four_processes_that_start_at_once_make_one_schema(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    code = "import sys, pathlib; from postroom.store.schema import migrate as m; m(*map(pathlib.Path, sys.argv[1:]))"
    command = [sys.executable, "-c", code, str(path), str(tmp_path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate(timeout=50)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    assert revision(path) == head()


def test_a_new_database_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    migrate(tmp_path / "postroom.db", tmp_path / "run")
    assert (tmp_path / "postroom.db").stat().st_mode & 0o777 == 0o600
