"""The number that tells whether anybody has committed."""

import contextlib
import sqlite3

import pytest

from postroom.model.errors import Temporary
from postroom.store.watch import Watch
from tests.fakes.bed import Bed


async def test_the_number_changes_with_the_commits_of_this_process_and_of_others_and_stands_otherwise(
    house: Bed,
) -> None:
    with contextlib.closing(Watch(house.database)) as watch:
        seen = {watch.version()}
        assert {watch.version() for _ in range(5)} == seen
        await house.inbox()
        seen.add(watch.version())
        assert len(seen) == 2
        await house.call("inboxes.list")
        assert watch.version() in seen
        with contextlib.closing(sqlite3.connect(house.database)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE inbox SET display_name = 'x'")
            assert watch.version() in seen
            other.rollback()
            assert watch.version() in seen
            with other:
                other.execute("UPDATE inbox SET display_name = 'x'")
        assert watch.version() not in seen


def test_a_watch_that_cannot_read_says_that_the_database_failed(house: Bed) -> None:
    house.home.mkdir()
    watch = Watch(house.database)
    watch.close()
    with pytest.raises(Temporary):
        watch.version()
    house.database.unlink()
