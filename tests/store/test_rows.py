"""A row becomes the record that checking every field of it would have made."""

import contextlib
import dataclasses
import pickle
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroom.model.message import Attachment, MessageSummary
from postroom.model.tenant import Reach
from postroom.store.json import as_json
from postroom.store.queries import messages
from postroom.store.sqlite import DIALECT
from postroom.store.transaction import Transaction

FILE = Attachment(
    attachment_id="att_1", part=2, filename=None, content_type="a/b", size=3, disposition="inline", content_id=None
)
PLAIN: dict[str, Any] = {
    "seq": 1,
    "id": "msg_1",
    "message_id": "<1@example.com>",
    "thread_id": "thd_1",
    "org_id": "org_1",
    "pod_id": "pod_1",
    "inbox_id": "inb_1",
    "inbox_address": "agent@example.com",
    "labels": (),
    "timestamp": 5,
    "from_": "",
    "reply_to": (),
    "to": (),
    "cc": (),
    "bcc": (),
    "subject": None,
    "preview": None,
    "attachments": (),
    "in_reply_to": None,
    "size": 0,
    "parse_error": None,
    "created_at": 6,
    "updated_at": 7,
    "origin": "smtp",
    "tainted": False,
}
FULL = PLAIN | {
    "labels": ("received", "unread"),
    "from_": "Ann <ann@example.com>",
    "to": tuple(f"{n}@example.com" for n in range(100)),
    "cc": ("c@example.com",),
    "subject": "Grüße",
    "preview": "",
    "attachments": (FILE, FILE),
    "in_reply_to": "<0@example.com>",
    "parse_error": "It does not parse.",
    "origin": "local",
    "tainted": True,
}


def _row(fields: dict[str, Any]) -> tuple[Any, ...]:
    plain = fields | {"attachments": tuple(file.model_dump() for file in fields["attachments"])}
    kept = {name: as_json(value) if isinstance(value, tuple) else value for name, value in plain.items()}
    return tuple(kept[name] for name in MessageSummary.model_fields)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_COLUMN = {"from_": "from", "message_id": "public_id"}


@pytest.mark.parametrize("fields", [PLAIN, FULL])
def test_a_summary_read_from_a_row_is_the_record_that_checking_would_make(fields: dict[str, Any]) -> None:
    read, checked = messages.BY_ID.row(_row(fields)), MessageSummary(**fields)
    assert read == checked
    assert (hash(read), repr(read)) == (hash(checked), repr(checked))
    assert read.model_dump_json() == checked.model_dump_json()
    assert read.model_fields_set == checked.model_fields_set
    assert pickle.loads(pickle.dumps(read)) == checked
    changed = read.model_copy(update={"labels": ("x",)})
    assert (changed.labels, read.labels) == (("x",), checked.labels)


def test_a_summary_read_from_a_row_is_frozen_too() -> None:
    read = messages.BY_ID.row(_row(PLAIN))
    with pytest.raises(ValueError, match="frozen"):
        read.size = 1  # type: ignore[misc]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), max_size=40)] * 3), number=st.integers(0, 2**62)
)
def test_rows_that_are_handed_over_as_one_text_are_the_rows(
    migrated: Path, texts: tuple[str, str, str], number: int
) -> None:
    page = messages.page(ascending=False, labelled=False)
    apart = dataclasses.replace(page, packed=False, _compiled={})
    subject, preview, sender = texts
    strange = PLAIN | {"inbox_id": "inb_1", "subject": subject, "preview": preview, "from_": sender, "size": number}
    row = dict(zip((_COLUMN.get(name, name) for name in MessageSummary.model_fields), _row(strange), strict=True))
    names = ", ".join(f'"{name}"' for name in row)
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        with contextlib.closing(sqlite3.connect(migrated)) as template:
            template.backup(connection)
        for seq in (1, 2):
            values = {**row, "seq": seq, "id": f"msg_{seq}", "timestamp": seq}
            marks = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO message ({names}) VALUES ({marks})", tuple(values.values()))
        tx = Transaction(connection, DIALECT, Reach.EVERYWHERE, 1)
        wanted = {"inbox_id": "inb_1", "at": 9, "seq": 9, "since": 0, "n": 5}
        assert tx.all(page, **wanted) == tx.all(apart, **wanted)
        assert [m.seq for m in tx.all(page, **wanted)] == [2, 1]
