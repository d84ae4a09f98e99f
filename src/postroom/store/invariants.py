"""The invariants of a whole database: what must be true between its rows, whatever happened to it. Read-only.

Each rule is SQL that selects what breaks it. Rows of inboxes whose purge is under way are let alone: they are going.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import aiosqlite

from postroom.store.blobs import Blobs
from postroom.store.rules import COUNTED, LABELLED, OAUTH
from postroom.store.rules import Rule as _Rule

MAX_EACH = 20
_GOING = "(SELECT inbox_id FROM purge)"
_ENDED = "('delivered', 'bounced', 'rejected', 'captured')"
_OF_INBOX = (
    *("thread", "message", "message_label", "message_reference", "delivery", "draft", "draft_file", "claim", "upload"),
    *("trash", "label"),
)


_BODIES = (
    _Rule("message {} has no body", "SELECT id FROM message WHERE seq NOT IN (SELECT message_seq FROM message_body)"),
    _Rule(
        "message_body {} belongs to no message",
        "SELECT message_seq FROM message_body WHERE message_seq NOT IN (SELECT seq FROM message)",
    ),
    _Rule(
        "message_body {} has not exactly one of raw and blob",
        "SELECT message_seq FROM message_body WHERE (raw IS NULL) = (blob IS NULL)",
    ),
    _Rule(
        "message {} does not have the size of its bytes",
        "SELECT m.id FROM message m JOIN message_body b ON b.message_seq = m.seq"
        " WHERE b.raw IS NOT NULL AND length(b.raw) <> m.size",
    ),
    _Rule(
        "message_body {} has its text twice, or where there are no bytes",
        "SELECT message_seq FROM message_body WHERE text_at IS NOT NULL"
        " AND (text IS NOT NULL OR raw IS NULL OR text_at > length(raw))",
    ),
)
_THREADS = (
    _Rule(
        "message {} has no thread in its inbox",
        "SELECT m.id FROM message m LEFT JOIN thread t ON t.id = m.thread_id AND t.inbox_id = m.inbox_id"
        " WHERE t.seq IS NULL",
    ),
    _Rule(
        "thread {} has no message",
        f"SELECT id FROM thread WHERE inbox_id NOT IN {_GOING} AND id NOT IN (SELECT thread_id FROM message)",
    ),
    *(
        _Rule(
            f"thread {{}} has a {column} that its messages have not",
            f"SELECT t.id FROM thread t JOIN (SELECT thread_id, {value} AS v FROM message m GROUP BY thread_id) s"
            f" ON s.thread_id = t.id WHERE t.{column} IS NOT s.v AND t.inbox_id NOT IN {_GOING}",
        )
        for column, value in (
            ("message_count", "count(*)"),
            ("size", "sum(size)"),
            ("timestamp", "max(timestamp)"),
            ("received_timestamp", "max(CASE WHEN labels LIKE '%\"received\"%' THEN timestamp END)"),
            ("sent_timestamp", "max(CASE WHEN labels LIKE '%\"received\"%' THEN NULL ELSE timestamp END)"),
        )
    ),
    _Rule(
        "thread {} names a last message that is not its newest",
        f"SELECT t.id FROM thread t WHERE t.inbox_id NOT IN {_GOING} AND t.last_message_id IS NOT"
        " (SELECT m.public_id FROM message m WHERE m.thread_id = t.id"
        " ORDER BY m.timestamp DESC, m.seq DESC LIMIT 1)",
    ),
    _Rule(
        "thread {} has labels that are not the union of its messages'",
        f"SELECT t.id FROM thread t WHERE t.inbox_id NOT IN {_GOING} AND"
        " (SELECT group_concat(value, char(10)) FROM (SELECT value FROM json_each(t.labels) ORDER BY 1)) IS NOT"
        " (SELECT group_concat(value, char(10)) FROM (SELECT DISTINCT j.value FROM message m, json_each(m.labels) j"
        " WHERE m.thread_id = t.id ORDER BY 1))",
    ),
)
_LABELS = (
    _Rule(
        "message {} has a label twice",
        "SELECT id FROM message m WHERE (SELECT count(*) - count(DISTINCT value) FROM json_each(m.labels)) > 0",
    ),
    _Rule(
        "message {} has a label without a row of message_label",
        f"SELECT m.id || ' ' || j.value FROM message m, json_each(m.labels) j WHERE m.inbox_id NOT IN {_GOING}"
        " AND NOT EXISTS (SELECT 1 FROM message_label l WHERE l.inbox_id = m.inbox_id AND l.label = j.value"
        " AND l.timestamp = m.timestamp AND l.message_seq = m.seq)",
    ),
    _Rule(
        "message_label {} is no label of its message",
        "SELECT l.message_seq || ' ' || l.label FROM message_label l LEFT JOIN message m ON m.seq = l.message_seq"
        f" AND m.inbox_id = l.inbox_id AND m.timestamp = l.timestamp WHERE l.inbox_id NOT IN {_GOING} AND"
        " (m.seq IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(m.labels) j WHERE j.value = l.label))",
    ),
)
_REFERENCES = (
    _Rule(
        "message_reference {} names a thread that is not in its inbox",
        "SELECT r.reference FROM message_reference r LEFT JOIN thread t ON t.id = r.thread_id AND"
        f" t.inbox_id = r.inbox_id WHERE t.seq IS NULL AND r.inbox_id NOT IN {_GOING}",
    ),
    _Rule(
        "message {} is not found in its thread by its public id",
        f"SELECT m.id FROM message m WHERE m.inbox_id NOT IN {_GOING} AND NOT EXISTS (SELECT 1 FROM"
        " message_reference r WHERE r.inbox_id = m.inbox_id AND r.reference = m.public_id"
        " AND r.thread_id = m.thread_id AND r.message_seq = m.seq)",
    ),
    _Rule(
        "message_reference {} is of a message that does not exist",
        "SELECT reference FROM message_reference WHERE message_seq IS NOT NULL AND inbox_id NOT IN"
        f" {_GOING} AND message_seq NOT IN (SELECT seq FROM message)",
    ),
    _Rule(
        "message_open {} is of no message that was sent",
        "SELECT message_seq FROM message_open WHERE message_seq NOT IN (SELECT seq FROM message WHERE origin = 'sent')",
    ),
    _Rule(
        "attachment_text {} is of no message",
        "SELECT message_seq FROM attachment_text WHERE message_seq NOT IN (SELECT seq FROM message)",
    ),
    _Rule(
        "public id {} is given to two messages of one inbox",
        "SELECT public_id FROM message GROUP BY inbox_id, public_id HAVING count(*) > 1",
    ),
)
_QUEUES = (
    _Rule(
        "sent message {} has no delivery",
        "SELECT id FROM message WHERE origin = 'sent' AND id NOT IN (SELECT message_id FROM delivery)",
    ),
    _Rule(
        "delivery {} is of no message of its inbox",
        "SELECT d.id FROM delivery d LEFT JOIN message m ON m.id = d.message_id AND m.inbox_id = d.inbox_id"
        " WHERE m.seq IS NULL",
    ),
    _Rule(
        "delivery {} has ended and is due, or goes on and is not",
        f"SELECT id FROM delivery WHERE (state IN {_ENDED}) <> (due_at IS NULL)",
    ),
    _Rule(
        "delivery {} has a lease without its owner, or an owner without the state of sending",
        "SELECT id FROM delivery WHERE (lease_owner IS NULL) <> (lease_until = 0)"
        " OR (lease_owner IS NULL) = (state = 'sending')",
    ),
    _Rule(
        "message {} has no event that tells of it",
        "SELECT id FROM message WHERE origin <> 'import'"
        " AND id NOT IN (SELECT json_extract(data, '$.message') FROM event"
        " WHERE type LIKE 'message.received%' OR type = 'message.sent')",
    ),
    _Rule(
        "event position {} could be given again",
        "SELECT max(seq) FROM event HAVING max(seq) > (SELECT coalesce(max(seq), 0) FROM sqlite_sequence"
        " WHERE name = 'event')",
    ),
)
_TO_DO = (
    "m.labels LIKE '%\"received\"%' AND m.labels LIKE '%\"unread\"%' AND m.labels NOT LIKE '%\"spam\"%'"
    " AND m.labels NOT LIKE '%\"blocked\"%' AND m.labels NOT LIKE '%\"unauthenticated\"%'"
    " AND m.labels NOT LIKE '%\"trash\"%'"
)
_CLAIMS = (
    _Rule(
        "message {} is to be dealt with, and its thread does not wait for it",
        f"SELECT m.id FROM message m WHERE {_TO_DO} AND m.inbox_id NOT IN {_GOING}"
        " AND m.thread_id NOT IN (SELECT thread_id FROM claim)",
    ),
    _Rule(
        "claim {} is of no thread of its inbox",
        "SELECT c.thread_id FROM claim c LEFT JOIN thread t ON t.id = c.thread_id AND t.inbox_id = c.inbox_id"
        " AND t.pod_id = c.pod_id AND t.org_id = c.org_id WHERE t.seq IS NULL",
    ),
    _Rule(
        "claim {} has a lease without its token, is due while it is held, or names no message that is held",
        "SELECT thread_id FROM claim WHERE (token IS NULL) <> (lease_until = 0) OR due_at < lease_until"
        " OR (token IS NULL) <> (messages = '[]')",
    ),
    _Rule(
        "upload {} has not exactly one of content and blob, or not the size of its bytes",
        "SELECT id FROM upload WHERE (content IS NULL) = (blob IS NULL) OR length(content) <> size",
    ),
)
_DRAFTS = (
    _Rule(
        "draft {} is due and not scheduled, or scheduled and not due",
        "SELECT id FROM draft WHERE (due_at IS NULL) <>"
        " (coalesce(send_status, 'failed') IN ('failed', 'pending_approval'))"
        " OR (due_at IS NOT NULL AND due_at IS NOT send_at)",
    ),
    _Rule(
        "draft {} has a lease without its owner, or an owner without the state of sending",
        "SELECT id FROM draft WHERE (lease_owner IS NULL) <> (lease_until = 0)"
        " OR (lease_owner IS NULL) = (send_status IS 'sending')",
    ),
    _Rule(
        "draft {} lists files that it has not, or has files that it does not list",
        "SELECT d.id FROM draft d WHERE (SELECT group_concat(id || size) FROM (SELECT id, size FROM draft_file f"
        " WHERE f.inbox_id = d.inbox_id AND f.draft_id = d.id ORDER BY id)) IS NOT"
        " (SELECT group_concat(id || size) FROM (SELECT value ->> '$.attachment_id' AS id, value ->> '$.size' AS size"
        " FROM json_each(d.attachments) ORDER BY 1))",
    ),
    _Rule(
        "draft {} waits for approval and nothing asks for it",
        f"SELECT d.id FROM draft d WHERE d.send_status = 'pending_approval' AND d.inbox_id NOT IN {_GOING}"
        " AND NOT EXISTS (SELECT 1 FROM approval a"
        " WHERE a.draft_id = d.id AND a.draft_version = d.version AND a.state = 'pending')",
    ),
    _Rule(
        "approval {} is pending and its draft does not wait",
        f"SELECT a.id FROM approval a WHERE a.state = 'pending' AND a.inbox_id NOT IN {_GOING} AND NOT EXISTS"
        " (SELECT 1 FROM draft d WHERE d.id = a.draft_id AND d.version = a.draft_version"
        " AND d.send_status = 'pending_approval')",
    ),
    _Rule(
        "approval {} was given and its message did not leave, or has bytes where it is decided",
        "SELECT id FROM approval WHERE (state = 'pending') = (content IS NULL AND blob IS NULL)"
        " OR (state = 'approved' AND decided_at IS NULL)",
    ),
    _Rule(
        "correspondent of {}, an inbox that is neither here nor going",
        "SELECT DISTINCT inbox_id FROM correspondent WHERE inbox_id NOT IN (SELECT inbox_id FROM inbox)"
        f" AND inbox_id NOT IN {_GOING}",
    ),
    _Rule(
        "key_family of {} does not begin with a key that is of no other family",
        "SELECT api_key_id FROM key_family WHERE family IN (SELECT api_key_id FROM key_family)",
    ),
    _Rule(
        "draft_file {} is of no draft of its inbox",
        f"SELECT f.id FROM draft_file f WHERE f.inbox_id NOT IN {_GOING} AND NOT EXISTS"
        " (SELECT 1 FROM draft d WHERE d.id = f.draft_id AND d.inbox_id = f.inbox_id)",
    ),
    _Rule(
        "draft_file {} has not exactly one of content and blob, or not the size of its bytes",
        "SELECT id FROM draft_file WHERE (content IS NULL) = (blob IS NULL) OR length(content) <> size",
    ),
)
_SEARCH = (
    _Rule(
        "message {} is neither in the search index nor waiting for it",
        "SELECT id FROM message WHERE seq < (SELECT max(id) FROM message_search_docsize)"
        " AND seq NOT IN (SELECT id FROM message_search_docsize)",
    ),
    _Rule(
        "message number {} is in the search index and nowhere else",
        "SELECT id FROM message_search_docsize WHERE id NOT IN (SELECT seq FROM message)",
    ),
)
_OWNERS = (
    *(
        _Rule(
            f"{table} {{}} does not belong where its inbox does",
            f"SELECT x.{key} FROM {table} x JOIN inbox i ON i.inbox_id = x.inbox_id"
            f" WHERE x.org_id <> i.org_id OR x.pod_id <> i.pod_id{more}",
        )
        for table, key, more in (
            ("thread", "id", " OR x.inbox_address <> i.address"),
            ("message", "id", " OR x.inbox_address <> i.address"),
            ("delivery", "id", ""),
            ("event", "seq", ""),
            ("draft", "id", " OR x.inbox_address <> i.address"),
        )
    ),
    *(
        _Rule(
            f"{table} keeps rows of the inbox {{}}, which does not exist",
            f"SELECT DISTINCT inbox_id FROM {table} WHERE inbox_id NOT IN (SELECT inbox_id FROM inbox)"
            f" AND inbox_id NOT IN {_GOING}",
        )
        for table in _OF_INBOX
    ),
    _Rule(
        "API key {} is of an inbox that does not exist",
        "SELECT id FROM api_key WHERE inbox_id IS NOT NULL AND inbox_id NOT IN (SELECT inbox_id FROM inbox)",
    ),
    _Rule(
        "inbox {} is in no pod of its organization",
        "SELECT i.inbox_id FROM inbox i LEFT JOIN pod p ON p.id = i.pod_id AND p.org_id = i.org_id"
        " LEFT JOIN organization o ON o.id = i.org_id WHERE p.id IS NULL OR o.id IS NULL",
    ),
    _Rule(
        "organization {} has no default pod",
        "SELECT id FROM organization WHERE id NOT IN (SELECT default_of FROM pod WHERE default_of = org_id)",
    ),
    _Rule(
        "API key {} is of a pod that does not exist in its organization",
        "SELECT k.id FROM api_key k LEFT JOIN pod p ON p.id = k.pod_id AND p.org_id = k.org_id"
        " WHERE k.pod_id IS NOT NULL AND p.id IS NULL",
    ),
    _Rule(
        "inbox {} has no word by which it is found",
        "SELECT inbox_id FROM inbox WHERE inbox_id NOT IN (SELECT inbox_id FROM inbox_word)",
    ),
    _Rule(
        "inbox_word {} is of no inbox, or not where its inbox is",
        "SELECT w.word FROM inbox_word w LEFT JOIN inbox i ON i.inbox_id = w.inbox_id AND i.org_id = w.org_id"
        " AND i.pod_id = w.pod_id WHERE i.inbox_id IS NULL",
    ),
    _Rule(
        "inbox {} exists while it is being purged",
        f"SELECT inbox_id FROM inbox WHERE inbox_id IN {_GOING}",
    ),
)
_TRASH = (
    _Rule(
        "trash {} is neither an inbox, nor a draft of one, nor a message of one that is labelled trash",
        f"SELECT t.id FROM trash t LEFT JOIN message m ON m.id = t.id AND m.inbox_id = t.inbox_id WHERE t.inbox_id NOT"
        f" IN {_GOING} AND t.id <> t.inbox_id AND (m.id IS NULL OR instr(m.labels, '\"trash\"') = 0)"
        " AND NOT EXISTS (SELECT 1 FROM draft d WHERE d.id = t.id AND d.inbox_id = t.inbox_id)",
    ),
    _Rule(
        "draft {} is in the trash, and is being sent or waits for a person",
        "SELECT d.id FROM draft d JOIN trash t ON t.id = d.id WHERE d.send_status IN ('sending', 'pending_approval')",
    ),
    _Rule(
        "trash {} does not belong where its inbox does",
        "SELECT t.id FROM trash t JOIN inbox i ON i.inbox_id = t.inbox_id WHERE t.org_id <> i.org_id"
        " OR t.pod_id <> i.pod_id",
    ),
)
_LISTS = (
    _Rule(
        "list entry {} does not belong where its list is",
        "SELECT place || ' ' || entry FROM list_entry WHERE place IS NOT coalesce(inbox_id, pod_id, org_id)"
        " OR (inbox_id IS NULL) <> (inbox_address IS NULL)",
    ),
    _Rule(
        "list entry {} is of an inbox, a pod or an organization that does not exist",
        "SELECT l.place || ' ' || l.entry FROM list_entry l LEFT JOIN organization o ON o.id = l.org_id"
        " LEFT JOIN pod p ON p.id = l.pod_id AND p.org_id = l.org_id"
        " LEFT JOIN inbox i ON i.inbox_id = l.inbox_id AND i.pod_id = l.pod_id WHERE o.id IS NULL"
        " OR (l.pod_id IS NOT NULL AND p.id IS NULL) OR (l.inbox_id IS NOT NULL AND i.inbox_id IS NULL)",
    ),
    _Rule(
        "list entry {} is not of the kind that it says",
        "SELECT place || ' ' || entry FROM list_entry WHERE (entry_type = 'email') <> (instr(entry, '@') > 0)",
    ),
)
_DOMAINS = (
    _Rule(
        "domain {} is in no pod of its organization",
        "SELECT d.id FROM domain d LEFT JOIN organization o ON o.id = d.org_id"
        " LEFT JOIN pod p ON p.id = d.pod_id AND p.org_id = d.org_id"
        " WHERE o.id IS NULL OR (d.pod_id IS NOT NULL AND p.id IS NULL) OR d.inbox_id IS NOT NULL",
    ),
    _Rule(
        "domain {} has the status of being verified and carries no mail, or was never looked for and carries it",
        "SELECT id FROM domain WHERE (status = 'VERIFIED' AND verified_at IS NULL)"
        " OR (status = 'NOT_STARTED' AND verified_at IS NOT NULL)",
    ),
)
_WEBHOOKS = (
    _Rule(
        "webhook delivery {} is to no webhook of its organization",
        "SELECT d.id FROM webhook_delivery d LEFT JOIN webhook w ON w.id = d.webhook_id AND w.org_id = d.org_id"
        " WHERE w.id IS NULL",
    ),
    _Rule(
        "webhook delivery {} tells of no event of its organization",
        "SELECT d.id FROM webhook_delivery d LEFT JOIN event e ON e.seq = d.event_seq AND e.org_id = d.org_id"
        " WHERE e.seq IS NULL",
    ),
    _Rule(
        "webhook delivery {} has ended and is due, or goes on and is not",
        "SELECT id FROM webhook_delivery WHERE (state = 'pending') <> (due_at IS NOT NULL)",
    ),
    _Rule(
        "webhook delivery {} has ended and keeps its body or a lease",
        "SELECT id FROM webhook_delivery WHERE state <> 'pending' AND (body IS NOT NULL OR lease_owner IS NOT NULL)",
    ),
    _Rule(
        "webhook delivery {} has a lease without its owner",
        "SELECT id FROM webhook_delivery WHERE (lease_owner IS NULL) <> (lease_until = 0)",
    ),
    _Rule(
        "event {} waits for webhooks and does not exist",
        "SELECT event_seq FROM event_waiting WHERE event_seq NOT IN (SELECT seq FROM event)",
    ),
    _Rule(
        "webhook {} is of an inbox that does not exist",
        "SELECT id FROM webhook WHERE inbox_id IS NOT NULL AND inbox_id NOT IN (SELECT inbox_id FROM inbox)",
    ),
)
_NAMED = (
    "SELECT b.blob, m.size FROM message_body b JOIN message m ON m.seq = b.message_seq"
    " WHERE b.blob IS NOT NULL GROUP BY b.blob, m.size"
    " UNION SELECT blob, size FROM draft_file WHERE blob IS NOT NULL"
    " UNION SELECT blob, size FROM upload WHERE blob IS NOT NULL"
)
RULES: Sequence[_Rule] = (
    *_BODIES,
    *_THREADS,
    *_LABELS,
    *_REFERENCES,
    *_QUEUES,
    *_CLAIMS,
    *_DRAFTS,
    *_SEARCH,
    *_OWNERS,
    *_TRASH,
    *_LISTS,
    *_DOMAINS,
    *_WEBHOOKS,
    *COUNTED,
    *LABELLED,
    *OAUTH,
)


async def check(path: Path, blobs: Path | None = None) -> list[str]:
    """Return a sentence for each violation in the database file, at most 20 for a rule; an empty list is health.

    With `blobs`, the folder of large messages, their files are looked for as well. A running server may go on writing:
    all rules but the index's own check see one snapshot.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not await asyncio.to_thread(path.is_file):
        raise FileNotFoundError(f"There is no database at {path}.")
    try:
        return [*await _broken(path, blobs), *await _index_damage(path)]
    except sqlite3.DatabaseError as error:  # too damaged to be asked, or no database of Postroom at all
        return [f"SQLite: {error}"]


async def _broken(path: Path, blobs: Path | None) -> list[str]:
    found: list[str] = []
    async with aiosqlite.connect(_uri(path, "ro"), uri=True, isolation_level=None) as connection:
        await connection.execute("BEGIN")
        rows = await connection.execute_fetchall(f"PRAGMA integrity_check({MAX_EACH})")
        found += [f"SQLite: {row[0]}" for row in rows if row[0] != "ok"]
        for rule in RULES:
            broken = await connection.execute_fetchall(f"{rule.sql} LIMIT {MAX_EACH}")
            found += [rule.says.format(row[0]) for row in broken]
        if blobs is not None:
            named = await connection.execute_fetchall(_NAMED)
            found += await asyncio.to_thread(_missing, blobs, [(str(row[0]), int(row[1])) for row in named])
    return found


def _missing(folder: Path, named: list[tuple[str, int]]) -> list[str]:
    if not folder.is_dir():
        return [f"the folder of large messages is missing, {len(named)} are named"] if named else []
    blobs = Blobs(folder)
    found: list[str] = []
    for sha256, size in named:
        try:
            if blobs.path(sha256).stat().st_size != size:
                found.append(f"file {sha256} does not have the size of its message")
        except FileNotFoundError:
            found.append(f"file {sha256} is missing")
    return found[:MAX_EACH]


async def _index_damage(path: Path) -> list[str]:
    """Let the search index check itself: a command that has the form of an INSERT and needs the write lock."""
    async with aiosqlite.connect(_uri(path, "rw"), uri=True, isolation_level=None, timeout=10) as connection:
        try:
            await connection.execute("BEGIN IMMEDIATE")
            await connection.execute("INSERT INTO message_search(message_search) VALUES ('integrity-check')")
        except sqlite3.DatabaseError as error:
            return [f"the search index: {error}"]
        finally:
            if connection.in_transaction:
                await connection.execute("ROLLBACK")
    return []


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"
