"""The invariant check finds each kind of damage, and nothing in a database that is whole."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from postroom.cli.commands import run
from postroom.store.invariants import check
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
Damage = Callable[[sqlite3.Connection], object]


@pytest.fixture
def whole(tmp_path: Path, clock: FakeClock, migrated: Path) -> Path:
    """A data folder with mail of every kind; its database is named so that the test bed does not check it again."""
    home = tmp_path / "home"

    async def fill() -> None:
        async with asyncio.timeout(20), Bed(home, clock, migrated) as house:
            await house.inbox()
            await house.inbox("other")
            first = await house.receive(mail(subject="first", files={"a.bin": b"x" * 90_000}))
            await house.receive(mail(answers=first.message_id, references="<never@example.com>"))
            await house.call("messages.update", inbox_id=AGENT, message_id=first.id, add_labels="mine")
            await house.call("keys.create", inbox_id=AGENT)
            await house.send(AGENT, f"other@{DOMAIN}", "a@example.com", f"nobody@{DOMAIN}")
            await house.settled()
            hook = await house.call("webhooks.create", url="https://hooks.example.com", inbox_ids=[AGENT])
            await house.receive(mail(subject="told"))
            await house.until(lambda: bool(house.rows("SELECT 1 FROM webhook_delivery WHERE state = 'delivered'")))
            await house.call("webhooks.update", webhook_id=hook.webhook_id, enabled=False)
            files = [{"content": "YQ=="}]
            at = clock.now + 3_600_000
            await house.call("drafts.create", inbox_id=AGENT, text="later", attachments=files, send_at=at)
            await house.indexed()
            await house.receive(mail(subject="not indexed yet"))

    asyncio.run(fill())
    (home / "postroom.db").rename(home / "mail.db")
    return home


def _violations(home: Path) -> list[str]:
    return asyncio.run(check(home / "mail.db", home / "blobs"))


DAMAGES: dict[str, tuple[str, str]] = {
    "a count of hidden mail that is wrong": (
        "INSERT INTO hidden_count SELECT inbox_id, 1, 0 FROM inbox LIMIT 1",
        "hides",
    ),
    "a client id of nothing": (
        "INSERT INTO client_id (kind, place, client_id, id) VALUES ('inbox', 'pod', 'mine', 'inb')",
        "client id mine",
    ),
    "a message in the trash without its label": (
        "INSERT INTO trash SELECT id, org_id, pod_id, inbox_id, 1 FROM message LIMIT 1",
        "labelled trash",
    ),
    "an inbox in the trash of another pod": (
        "INSERT INTO trash SELECT inbox_id, org_id, 'pod_x', inbox_id, 1 FROM inbox LIMIT 1",
        "does not belong where its inbox does",
    ),
    "a draft that is never due": ("UPDATE draft SET due_at = NULL", "scheduled and not due"),
    "a draft due at another time": ("UPDATE draft SET due_at = 1", "scheduled and not due"),
    "a draft half leased": ("UPDATE draft SET lease_owner = 'p'", "a lease without its owner"),
    "a file of a draft lost": ("DELETE FROM draft_file", "lists files that it has not"),
    "a file of no draft": ("DELETE FROM draft", "of no draft of its inbox"),
    "a file of a draft without bytes": ("UPDATE draft_file SET content = NULL", "not exactly one of content and blob"),
    "a draft in another pod": ("UPDATE draft SET pod_id = 'pod_x'", "does not belong where its inbox does"),
    "a family within a family": (
        "INSERT INTO key_family VALUES ('key_b', 'key_a'), ('key_c', 'key_b')",
        "does not begin with a key that is of no other family",
    ),
    "a webhook lost": ("DELETE FROM webhook", "is to no webhook"),
    "a telling of nothing": ("UPDATE webhook_delivery SET event_seq = 9999", "tells of no event"),
    "a telling that never ends": ("UPDATE webhook_delivery SET state = 'pending'", "has ended and is due"),
    "a telling that keeps its body": ("UPDATE webhook_delivery SET body = x'00'", "keeps its body"),
    "a telling half leased": ("UPDATE webhook_delivery SET lease_until = 1", "a lease without its owner"),
    "a waiting that is of nothing": ("INSERT INTO event_waiting VALUES (9999)", "waits for webhooks"),
    "a webhook of no inbox": ("UPDATE webhook SET inbox_id = 'inb_x'", "of an inbox that does not exist"),
    "a body is lost": ("DELETE FROM message_body WHERE message_seq = 1", "has no body"),
    "a body is left": ("DELETE FROM message WHERE seq = 2", "belongs to no message"),
    "no bytes": ("UPDATE message_body SET raw = NULL WHERE message_seq = 2", "exactly one of raw and blob"),
    "bytes twice": ("UPDATE message_body SET raw = x'00' WHERE message_seq = 1", "exactly one of raw and blob"),
    "bytes cut": ("UPDATE message_body SET raw = x'00' WHERE message_seq = 2", "size of its bytes"),
    "another file": ("UPDATE message_body SET blob = 'ab12' WHERE message_seq = 1", "file ab12 is missing"),
    "another size": ("UPDATE message SET size = size + 1 WHERE seq = 1", "does not have the size of its message"),
    "no thread": ("DELETE FROM thread WHERE seq = 1", "no thread in its inbox"),
    "a thread elsewhere": ("UPDATE thread SET inbox_id = 'inb_x' WHERE seq = 1", "no thread in its inbox"),
    "an empty thread": (
        "INSERT INTO thread SELECT 99, 'thd_x', org_id, pod_id, inbox_id, inbox_address, subject, subject_key, preview,"
        " labels, senders, recipients, last_message_id, 0, 0, timestamp, NULL, NULL, created_at, updated_at FROM thread"
        " LIMIT 1",
        "has no message",
    ),
    "a wrong count": ("UPDATE thread SET message_count = 9 WHERE seq = 1", "message_count"),
    "a wrong sum": ("UPDATE thread SET size = 9 WHERE seq = 1", "has a size"),
    "a wrong time": ("UPDATE thread SET timestamp = 9 WHERE seq = 1", "has a timestamp"),
    "a wrong arrival": ("UPDATE thread SET received_timestamp = NULL WHERE seq = 1", "received_timestamp"),
    "a wrong send": ("UPDATE thread SET sent_timestamp = 9 WHERE seq = 1", "sent_timestamp"),
    "a wrong last message": ("UPDATE thread SET last_message_id = '<x>' WHERE seq = 1", "not its newest"),
    "wrong labels of a thread": ("UPDATE thread SET labels = '[\"mine\"]' WHERE seq = 1", "not the union"),
    "a label twice": ('UPDATE message SET labels = \'["a","a"]\' WHERE seq = 2', "a label twice"),
    "a label without a row": ("DELETE FROM message_label WHERE label = 'mine'", "without a row of message_label"),
    "a row without a label": ("UPDATE message SET labels = '[]' WHERE seq = 1", "no label of its message"),
    "a reference to no thread": ("UPDATE message_reference SET thread_id = 'thd_x'", "not in its inbox"),
    "a message under no id": ("DELETE FROM message_reference WHERE message_seq = 1", "by its public id"),
    "one id twice": (
        "UPDATE message SET public_id = (SELECT public_id FROM message WHERE seq = 1) WHERE seq = 2",
        "given to two messages",
    ),
    "sent to nobody": ("DELETE FROM delivery", "has no delivery"),
    "a delivery of nothing": ("UPDATE delivery SET message_id = 'msg_x'", "of no message of its inbox"),
    "ended and due": ("UPDATE delivery SET due_at = 1", "has ended and is due"),
    "queued and never due": ("UPDATE delivery SET state = 'queued'", "or goes on and is not"),
    "a lease of nobody": ("UPDATE delivery SET lease_until = 5", "a lease without its owner"),
    "an idle owner": ("UPDATE delivery SET lease_owner = 'x', lease_until = 5", "without the state of sending"),
    "no event": ("DELETE FROM event WHERE type = 'message.received'", "no event that tells of it"),
    "positions again": ("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'event'", "could be given again"),
    "searchable and nowhere": (
        "INSERT INTO message_search_docsize VALUES (99, x'00')",
        "in the search index and nowhere else",
    ),
    "a text that ends the bytes": ("UPDATE message_body SET text_at = 9999 WHERE text_at > 0", "its text twice, or"),
    "another pod": ("UPDATE message SET pod_id = 'pod_x' WHERE seq = 1", "does not belong where its inbox does"),
    "another address": ("UPDATE thread SET inbox_address = 'x@y' WHERE seq = 1", "does not belong where its inbox"),
    "an inbox gone": ("DELETE FROM inbox WHERE address LIKE 'agent@%'", "which does not exist"),
    "a key of nothing": (
        "UPDATE api_key SET inbox_id = 'inb_x' WHERE inbox_id IS NOT NULL",
        "of an inbox that",
    ),
    "an inbox of no pod": ("DELETE FROM pod", "in no pod of its organization"),
    "an organization of no pod": ("UPDATE pod SET default_of = NULL", "has no default pod"),
    "a key of no pod": ("UPDATE api_key SET pod_id = 'pod_x'", "of a pod that does not exist"),
    "an inbox that nobody finds": ("DELETE FROM inbox_word", "no word by which it is found"),
    "words of nothing": ("UPDATE inbox_word SET pod_id = 'pod_x'", "is of no inbox, or not where"),
    "a purge of the living": ("INSERT INTO purge SELECT inbox_id, 1 FROM inbox", "exists while it is being purged"),
    "a text of nothing": (
        "INSERT INTO attachment_text VALUES (9999, 1, 'org_a', 'x', 1, 'words', NULL, 0, NULL)",
        "attachment_text 9999 is of no message",
    ),
    "an index that has lost its words": ("DELETE FROM message_search_data WHERE id > 10", "the search index"),
    "an index that has lost a row": ("DELETE FROM message_search_docsize WHERE id = 1", "neither in the search index"),
}


def test_a_whole_database_is_whole(whole: Path) -> None:
    assert _violations(whole) == []


def test_each_kind_of_damage_is_found_and_named(whole: Path) -> None:
    content = (whole / "mail.db").read_bytes()
    missed: list[str] = []
    for name, (damage, says) in DAMAGES.items():
        (whole / "mail.db").write_bytes(content)
        with contextlib.closing(sqlite3.connect(whole / "mail.db")) as connection, connection:
            connection.execute(damage)
        found = _violations(whole)
        if not any(says in sentence for sentence in found):
            missed.append(f"{name}: {found}")
    assert not missed, "\n".join(missed)


def test_a_lost_file_is_missed_with_its_folder_and_without(whole: Path) -> None:
    (file,) = (whole / "blobs").glob("??/*")
    file.unlink()
    assert [s for s in _violations(whole) if "is missing" in s]
    assert asyncio.run(check(whole / "mail.db", whole / "nowhere")) == [
        "the folder of large messages is missing, 1 are named"
    ]
    assert asyncio.run(check(whole / "mail.db")) == []


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("hello" * 1_000)
    (tmp_path / "empty.db").touch()
    for name in ("text.db", "empty.db"):
        (violation,) = asyncio.run(check(tmp_path / name))
        assert violation.startswith("SQLite: ")


def test_damaged_pages_are_reported_and_not_raised(whole: Path) -> None:
    content = bytearray((whole / "mail.db").read_bytes())
    content[3 * 4096 : 12 * 4096] = b"\xa5" * (9 * 4096)
    (whole / "mail.db").write_bytes(content)
    assert _violations(whole)


def test_the_check_runs_beside_an_open_house(whole: Path, clock: FakeClock, migrated: Path, tmp_path: Path) -> None:
    async def beside() -> list[str]:
        async with asyncio.timeout(20), Bed(tmp_path / "open", clock, migrated) as house:
            await house.inbox()
            arriving = [asyncio.create_task(house.take(mail(), AGENT)) for _ in range(20)]
            found = await check(house.database, house.home / "blobs")
            await asyncio.gather(*arriving)
            return found

    assert asyncio.run(beside()) == []


def test_the_command_says_ok_or_what_is_wrong(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSTROOM_HOME", str(whole))
    assert run(["db", "check"]) == 1
    assert "There is no database" in capsys.readouterr().err
    (whole / "mail.db").rename(whole / "postroom.db")
    assert (run(["db", "check"]), capsys.readouterr().out) == (0, "ok\n")
    with contextlib.closing(sqlite3.connect(whole / "postroom.db")) as connection, connection:
        connection.execute("UPDATE thread SET message_count = 9 WHERE seq = 1")
    assert run(["db", "check"]) == 1
    assert "message_count" in capsys.readouterr().out
    assert run(["db", "check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    (whole / "postroom.db").rename(whole / "mail.db")
