"""Drafts in the trash: neither seen nor sent, brought back as they were for 30 days, then gone with their files."""

import base64

import pytest

from postroom.model.draft import Draft, SendStatus
from postroom.model.errors import Conflict, Forbidden, NotFound
from postroom.model.event import EventType
from postroom.model.tenant import SYSTEM
from postroom.service.inboxes import TRASH_MS
from postroom.store.invariants import check
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock

AGENT = f"agent@{DOMAIN}"
HOUR_MS = 3_600_000


async def _draft(house: Bed, **given: object) -> Draft:
    draft: Draft = await house.call("drafts.create", inbox_id=AGENT, to=["ann@example.com"], text="t", **given)
    return draft


async def _empty(house: Bed) -> None:
    while await house.desk.call("trash.empty", SYSTEM, {}):
        pass


async def test_a_draft_in_the_trash_is_absent_and_comes_back_as_it_was(house: Bed) -> None:
    await house.inbox()
    draft = await _draft(house, attachments=[{"content": base64.b64encode(b"x").decode(), "filename": "a.txt"}])
    ref = {"draft_id": draft.draft_id}
    gone = await house.call("drafts.trash", inbox_id=AGENT, **ref)
    assert (gone.inbox_id, gone.draft_id, gone.until) == (AGENT, draft.draft_id, house.now() + TRASH_MS)
    assert (await house.call("drafts.list")).items == ()
    for operation in ("drafts.get", "drafts.send", "drafts.update", "drafts.trash"):
        with pytest.raises(NotFound):
            await house.call(operation, **ref, **({"text": "u"} if operation == "drafts.update" else {}))
    (item,) = (await house.call("trash.list")).items
    assert item.draft is not None
    assert item.draft.draft_id == draft.draft_id
    await house.call("drafts.restore", **ref)
    assert (await house.call("drafts.get", **ref)).attachments == draft.attachments
    assert (await house.call("trash.list")).items == ()
    # A second time changes nothing.
    assert (await house.call("drafts.restore", **ref)).draft_id == draft.draft_id


async def test_a_draft_is_gone_with_its_files_after_thirty_days(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    draft = await _draft(house, attachments=[{"content": base64.b64encode(b"x").decode(), "filename": "a.txt"}])
    await house.call("drafts.trash", draft_id=draft.draft_id)
    clock.advance(TRASH_MS - 1)
    await _empty(house)
    assert len((await house.call("trash.list")).items) == 1
    clock.advance(1)
    await _empty(house)
    for table in ("trash", "draft", "draft_file"):
        assert house.rows(f"SELECT * FROM {table}") == []
    with pytest.raises(NotFound):
        await house.call("drafts.restore", draft_id=draft.draft_id)


async def test_a_scheduled_draft_in_the_trash_is_not_sent_and_fails_when_it_comes_back_too_late(
    house: Bed, clock: FakeClock
) -> None:
    inbox = await house.inbox()
    early = await _draft(house, send_at=clock() + HOUR_MS)
    late = await _draft(house, send_at=clock() + 3 * HOUR_MS)
    for draft in (early, late):
        await house.call("drafts.trash", draft_id=draft.draft_id)
    clock.advance(2 * HOUR_MS)
    await house.settled()
    assert await house.messages(AGENT) == []
    failed = await house.call("drafts.restore", draft_id=early.draft_id)
    assert (failed.send_status, "in the trash" in failed.send_error) == (SendStatus.FAILED, True)
    assert len(await house.events(inbox, EventType.DRAFT_FAILED)) == 1
    waits = await house.call("drafts.restore", draft_id=late.draft_id)
    assert (waits.send_status, waits.send_at) == (SendStatus.SCHEDULED, late.send_at)
    assert await check(house.database) == []


async def test_a_key_that_may_not_send_drafts_brings_back_none_that_would_be_sent(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    draft = await _draft(house, send_at=clock() + HOUR_MS)
    plain = await _draft(house)
    key = await house.key(permissions=["draft_read", "draft_delete", "inbox_read"])
    for one in (draft, plain):
        await house.call("drafts.trash", key, draft_id=one.draft_id)
    with pytest.raises(Forbidden, match="draft_send"):
        await house.call("drafts.restore", key, draft_id=draft.draft_id)
    assert (await house.call("drafts.restore", key, draft_id=plain.draft_id)).draft_id == plain.draft_id


async def test_a_held_draft_waits_for_nobody_once_it_was_in_the_trash(house: Bed) -> None:
    await house.inbox()
    await house.call("policies.set", inbox_id=AGENT, approval="all")
    held = await house.call("messages.send", inbox_id=AGENT, to=["ann@example.com"], text="t")
    await house.call("drafts.trash", draft_id=held.draft_id)
    assert (await house.call("approvals.get", approval_id=held.approval_id)).state == "voided"
    assert (await house.call("drafts.restore", draft_id=held.draft_id)).send_status is None
    assert await check(house.database) == []


async def test_the_client_id_of_a_draft_in_the_trash_stays_taken(house: Bed) -> None:
    await house.inbox()
    draft = await _draft(house, client_id="mine")
    await house.call("drafts.trash", draft_id=draft.draft_id)
    with pytest.raises(Conflict, match="in the trash"):
        await _draft(house, client_id="mine")
    await house.call("drafts.restore", draft_id=draft.draft_id)
    assert (await _draft(house, client_id="mine")).draft_id == draft.draft_id


async def test_a_draft_is_deleted_for_good_from_the_trash_and_with_its_inbox(house: Bed) -> None:
    await house.inbox()
    first, second = await _draft(house), await _draft(house)
    for draft in (first, second):
        await house.call("drafts.trash", draft_id=draft.draft_id)
    await house.call("drafts.delete", draft_id=first.draft_id)
    assert house.rows("SELECT id FROM trash") == [(second.draft_id,)]
    await house.call("inboxes.delete", inbox_id=AGENT)
    assert house.rows("SELECT * FROM trash") == house.rows("SELECT * FROM draft") == []


async def test_a_draft_out_of_reach_is_neither_put_into_the_trash_nor_brought_back(house: Bed) -> None:
    await house.inbox()
    other = await house.inbox("other")
    draft = await _draft(house)
    key, stranger = await house.key(inbox_id=other.address), await house.stranger()
    for who in (key, stranger):
        with pytest.raises(NotFound):
            await house.call("drafts.trash", who, draft_id=draft.draft_id)
    await house.call("drafts.trash", draft_id=draft.draft_id)
    for who in (key, stranger):
        with pytest.raises(NotFound):
            await house.call("drafts.restore", who, draft_id=draft.draft_id)
        with pytest.raises(NotFound):
            await house.call("drafts.delete", who, draft_id=draft.draft_id)
        assert (await house.call("trash.list", who)).items == ()
    reader = await house.key(permissions=["message_read"])
    assert (await house.call("trash.list", reader)).items == ()
