"""Every query as a value: prepared on both databases, its rows found by an index, reached or reviewed."""

import contextlib
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import psycopg
import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import SQLModel

from postroom.model.tenant import Reach
from postroom.store import queries, tables
from postroom.store.migrations.versions import (
    m0001_first,
    m0006_webhooks,
    m0010_totals,
    m0017_counts,
    m0020_headers_and_marks,
)
from postroom.store.query import Query, shape_of
from postroom.store.sqlite import DIALECT

POSTGRES = Path("/usr/lib/postgresql/15/bin")
NUMBERED = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
REACHES = (
    Reach.EVERYWHERE,
    Reach(org_id="o"),
    Reach(org_id="o", pod_id="p"),
    Reach(org_id="o", pod_id="p", inbox_id="i"),
)
# Read by keys that a reached query gave in the same transaction, or by internal operations alone. A new name here is a
# decision: whoever adds one has looked at who calls it.
INNER = """
claims.forget claims.note uploads.blob_used uploads.sweep
messages.headers oauth.by_code oauth.client oauth.count_clients oauth.delete_grant oauth.delete_tokens oauth.ended
oauth.evict_client
oauth.is_answered oauth.redeem oauth.replace oauth.sweep_clients oauth.sweep_tokens oauth.token oauth.use_client
opens.open opens.untrack references.delete_all_of_message references.delete_not_borne
references.delete_of_message threads.correct threads.parts
deliveries.claim deliveries.delete_of_message deliveries.give_back deliveries.next_due deliveries.owners
deliveries.record deliveries.set_state
domains.host domains.taken
draft_files.blob_used draft_files.delete draft_files.get draft_files.of_inbox
drafts.claim drafts.fail drafts.give_back drafts.next_due drafts.owners
events.by_position idempotency.finish idempotency.get idempotency.is_kept idempotency.release idempotency.retake
idempotency.sweep
events.feed events.newest
inboxes.count_words_by_org_id inboxes.count_words_by_pod_id inboxes.destination inboxes.mailbox
keys.by_prefix keys.count keys.delete_of_inbox keys.of_inbox keys.use
counts.marks counts.outgoing labels.delete labels.in_use labels.remove
lists.allowing lists.fitting
references.contact references.contacts messages.bodies messages.origins_of_thread
metrics.end_thread metrics.forget metrics.held metrics.next_place metrics.thin
messages.blob_used messages.delete_body messages.to_purge
notifications.claim notifications.delete_of_inbox notifications.delete_of_webhook
notifications.end_of_inbox notifications.give_back
notifications.is_waiting notifications.next_due notifications.owners notifications.record notifications.sweep
notifications.take
organizations.all organizations.by_id organizations.first
pods.default
purges.end purges.next
references.delete references.get references.moved_thread
search.to_index
texts.delete texts.of_bytes texts.of_part
trash.due trash.remove trash.remove_drafts_of_inbox trash.taken trash.taken_client_id
threads.by_subject threads.delete threads.labels_of_messages threads.of_inbox threads.set_labels threads.update
counts.inboxes_by_org_id counts.inboxes_by_pod_id counts.of_inbox
messages.number_with_0_without_0 messages.number_with_0_without_4 messages.number_with_1_without_0
messages.number_with_2_without_5_from
webhooks.count webhooks.delete_of_inbox webhooks.disable webhooks.fail webhooks.first webhooks.of_organization
webhooks.recover
approvals.blob_used approvals.expired
correspondents.delete_of_inbox correspondents.is_known correspondents.tenth
families.of keys.standing
messages.came messages.wrote_here taints.at taints.forget threads.came threads.exchanged
policies.counted policies.forget_counts policies.of_places
"""
_LARGE = (
    "message",
    "message_body",
    "message_label",
    "message_reference",
    "thread",
    "event",
    "delivery",
    "webhook_delivery",
    "webhook",
    "inbox",
    "draft",
    "draft_file",
    "claim",
    "upload",
)
# Whoever looks for leases walks the part of an index that has them: as many rows as are under way.
_MAY_SCAN = {"deliveries.owners", "drafts.owners", "notifications.owners", "webhooks.first"}


def _all() -> dict[str, Query[Any]]:
    found: dict[str, Query[Any]] = {}
    for module in iter_modules(queries.__path__):
        for value in vars(import_module(f"{queries.__name__}.{module.name}")).values():
            for query in value if isinstance(value, tuple) else (value,):
                if isinstance(query, Query):
                    assert found.setdefault(query.name, query) is query, f"two queries are named {query.name}"
    return found


QUERIES = _all()
LISTS = sorted(name for name in QUERIES if ".page" in name)


def test_the_queries_that_nothing_reaches_are_the_reviewed_ones() -> None:
    assert {name for name, query in QUERIES.items() if query.inner} == set(INNER.split())


def test_a_list_never_selects_a_body() -> None:
    body = tables.MessageBodyRow.__table__  # type: ignore[attr-defined]
    for name in (*LISTS, "messages.of_thread", "messages.by_id", "messages.by_public_id"):
        statement = QUERIES[name].statement
        assert isinstance(statement, Select)
        assert all(column.table is not body for column in statement.selected_columns), name


def _plan(connection: sqlite3.Connection, query: Query[Any], reach: Reach) -> list[str]:
    compiled = query.compiled(DIALECT, shape_of(DIALECT, reach))
    values = compiled.values(defaultdict(lambda: None))
    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled.text}", values)]
    # What a packed query gathers into one text it reads as any other does.
    return [step for step in steps if not (query.packed and step in ("CO-ROUTINE anon_1", "SCAN anon_1"))]


@pytest.mark.parametrize("reach", REACHES, ids=["everywhere", "organization", "pod", "inbox"])
def test_no_query_walks_a_whole_table_of_mail(migrated: Path, reach: Reach) -> None:
    with contextlib.closing(sqlite3.connect(migrated)) as connection:
        for name, query in QUERIES.items():
            plan = _plan(connection, query, reach)
            walked = [step for step in plan for table in _LARGE if step.split(" USING")[0] == f"SCAN {table}"]
            assert not walked or name in _MAY_SCAN, (name, plan)


@pytest.mark.parametrize("reach", REACHES, ids=["everywhere", "organization", "pod", "inbox"])
@pytest.mark.parametrize("name", LISTS)
def test_a_page_is_read_in_the_order_of_its_index(migrated: Path, name: str, reach: Reach) -> None:
    with contextlib.closing(sqlite3.connect(migrated)) as connection:
        plan = _plan(connection, QUERIES[name], reach)
    assert not [step for step in plan if "TEMP B-TREE" in step], plan
    assert plan[0].startswith("SEARCH"), plan


def test_the_messages_of_a_thread_and_lists_of_threads_are_found_by_their_own_index(migrated: Path) -> None:
    """A reach that names the inbox as well leads to no index of the inbox, which is a thousand times longer."""
    wanted = {
        "messages.of_thread": "message_by_thread",
        "threads.page_down_by_inbox_id": "thread_by_time",
        "threads.page_down_by_pod_id": "thread_by_pod",
        "threads.page_down_by_org_id": "thread_by_organization",
        "events.page_of_labels_down": "event_of_labels",
    }
    with contextlib.closing(sqlite3.connect(migrated)) as connection:
        for name, index in wanted.items():
            for reach in REACHES:
                step, *rest = _plan(connection, QUERIES[name], reach)
                assert f"INDEX {index} " in step, (name, reach, step)
                # Beside the walk, at most one look whether the inbox of a row is still there.
                known = ("CORRELATED", "sqlite_autoindex_purge_1", "SEARCH kept USING PRIMARY KEY")
                assert all(any(word in one for word in known) for one in rest), rest


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL of our own with our tables, reached by a socket; gives the connection string."""
    if not (POSTGRES / "initdb").exists():
        pytest.skip(f"PostgreSQL 15 is not installed (looked for {POSTGRES / 'initdb'})")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        as_user = _as_user(folder)
        data, log = str(folder / "data"), str(folder / "log")
        _run(
            [*as_user, str(POSTGRES / "initdb"), "-D", data, "-A", "trust", "-U", "tester", "-N", "-E", "UTF8"], folder
        )
        control = [*as_user, str(POSTGRES / "pg_ctl"), "-D", data, "-w", "-t", "30"]
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=5 -c shared_buffers=1MB"
        _run([*control, "-l", log, "-o", options, "start"], folder)
        try:
            yield f"host={folder} user=tester dbname=postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_user(folder: Path) -> list[str]:
    """Return how to run a program of PostgreSQL, which refuses to be run by root."""
    if os.geteuid() != 0:
        return []
    names = {user.pw_name for user in pwd.getpwall()}
    user = next((name for name in ("postgres", "nobody") if name in names), None)
    if user is None or shutil.which("runuser") is None:
        pytest.skip("PostgreSQL does not run as root, and there is no other user to run it as")
    shutil.chown(folder, user)
    return ["runuser", "-u", user, "--"]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=40, check=False)
    # The server that pg_ctl starts would hold a pipe open; capture_output ends with pg_ctl since the log takes over.
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def connection(postgres: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to PostgreSQL in a transaction that is rolled back, with our tables."""
    with psycopg.connect(postgres) as connected:
        for table in SQLModel.metadata.sorted_tables:
            connected.execute(str(CreateTable(table).compile(dialect=NUMBERED)).encode())
            for made in table.indexes:
                connected.execute(str(CreateIndex(made).compile(dialect=NUMBERED)).encode())
        for statement in (
            *m0001_first.filing("postgresql", "tainted", "automatic", "origin"),
            *m0006_webhooks.marking("postgresql"),
        ):
            connected.execute(statement.encode())
        yield connected
        connected.rollback()


def test_every_query_is_prepared_on_postgresql(connection: psycopg.Connection[Any]) -> None:
    refused: list[str] = []
    for name, query in QUERIES.items():
        for number, reach in enumerate(REACHES):
            text = query.compiled(NUMBERED, shape_of(NUMBERED, reach)).text
            try:
                with connection.transaction():
                    connection.execute(f'PREPARE "{name}.{number}" AS {text}'.encode())
            except psycopg.Error as error:
                refused.append(f"{name}: {error}")
                break
    assert not refused, "\n".join(refused)


def test_what_is_read_or_archived_is_counted_on_postgresql_too(connection: psycopg.Connection[Any]) -> None:
    for statement in m0020_headers_and_marks.counting("postgresql"):
        connection.execute(statement.encode())
    message = tables.MessageRow.__table__  # type: ignore[attr-defined]
    plain: dict[type, Any] = {int: 0, bool: False}
    row: dict[str, Any] = {c.name: plain.get(c.type.python_type, "") for c in message.c}
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
    for number, labels in enumerate(('["received","unread"]', '["received"]', '["sent"]', '["archived","received"]')):
        values = {**row, "seq": number + 1, "id": f"msg_{number}", "inbox_id": "inb", "labels": labels}
        connection.execute(f"INSERT INTO message ({names}) VALUES ({marks})".encode(), list(values.values()))
    assert connection.execute(b"SELECT * FROM mark_count").fetchall() == [("inb", 2, 1, 1)]
    connection.execute(b"""UPDATE message SET labels = '["received","spam"]' WHERE seq = 2""")
    assert connection.execute(b"SELECT * FROM mark_count").fetchall() == [("inb", 1, 1, 1)]
    connection.execute(b"DELETE FROM message")
    assert connection.execute(b"SELECT * FROM mark_count").fetchall() == []


def test_what_is_hidden_is_counted_on_postgresql_too(connection: psycopg.Connection[Any]) -> None:
    for statement in (*m0017_counts.counting("postgresql"), *m0017_counts.forgetting("postgresql")):
        connection.execute(statement.encode())
    thread = tables.ThreadRow.__table__  # type: ignore[attr-defined]
    row: dict[str, Any] = {c.name: 0 if c.type.python_type is int else "" for c in thread.c}
    row |= {"seq": 1, "inbox_id": "inb", "labels": '["spam"]'}
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
    connection.execute(f"INSERT INTO thread ({names}) VALUES ({marks})".encode(), list(row.values()))
    assert connection.execute(b"SELECT * FROM hidden_count").fetchall() == [("inb", 0, 1)]
    connection.execute(b"""UPDATE thread SET labels = '["spam","trash"]'""")
    assert connection.execute(b"SELECT threads FROM hidden_count").fetchall() == [(1,)]
    connection.execute(b"""UPDATE thread SET labels = '["own"]'""")
    assert connection.execute(b"SELECT * FROM hidden_count").fetchall() == []


def test_what_is_held_is_counted_on_postgresql_too(connection: psycopg.Connection[Any]) -> None:
    for statement in m0010_totals.counting("postgresql"):
        connection.execute(statement.encode())
    thread = tables.ThreadRow.__table__  # type: ignore[attr-defined]
    texts: dict[str, Any] = {c.name: "" for c in thread.c} | dict.fromkeys(("timestamp", "created_at"), 0)
    row = texts | {"seq": 1, "id": "thd", "inbox_id": "inb", "pod_id": "pod", "org_id": "org", "updated_at": 61_000}
    row |= dict.fromkeys(("received_timestamp", "sent_timestamp")) | {"message_count": 1, "size": 10}
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
    connection.execute(f"INSERT INTO thread ({names}) VALUES ({marks})".encode(), list(row.values()))
    connection.execute(b"UPDATE thread SET message_count = 2, size = 30, updated_at = 125000")
    connection.execute(b"UPDATE thread SET updated_at = 900")
    connection.execute(b"INSERT INTO pod (id, org_id, name, created_at) VALUES ('pod', 'org', 'a', 180000)")
    connection.execute(b"DELETE FROM thread")
    for place in ("inb", "pod", "org"):
        found = connection.execute(
            b"SELECT at, messages, bytes, threads, pods FROM usage WHERE place = %s ORDER BY at", [place]
        ).fetchall()
        last = [(120_000, 2, 30, 1, 0), (180_000, 0, 0, 0, 1)] if place == "org" else [(120_000, 0, 0, 0, 0)]
        assert found == [(60_000, 1, 10, 1, 0), *last]
