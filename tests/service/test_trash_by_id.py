"""What an inbox in the trash has is absent by its id too, and comes back with it."""

from collections.abc import AsyncIterator

import pytest

from postroom.model.errors import NotFound
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"


async def test_approvals_claims_and_files_of_an_inbox_in_the_trash_are_absent_until_it_comes_back(house: Bed) -> None:
    await house.inbox()
    sender = await house.key(inbox_id=AGENT)
    await house.receive(mail())
    claim = await house.call("claims.next", inbox_id=AGENT)
    file = await house.call("attachments.upload", inbox_id=AGENT, pieces=_pieces(b"x"))
    await house.call("policies.set", approval="all")
    held = await house.call("messages.send", sender, inbox_id=AGENT, to="a@example.com", text="t")
    by_id: list[tuple[str, dict[str, str]]] = [
        ("approvals.get", {"approval_id": held.approval_id}),
        ("approvals.approve", {"approval_id": held.approval_id}),
        ("approvals.reject", {"approval_id": held.approval_id}),
        ("attachments.get", {"handle": file.handle}),
        ("attachments.delete", {"handle": file.handle}),
        ("claims.reply", {"claim_id": claim.claim_id, "text": "t"}),
        ("claims.nack", {"claim_id": claim.claim_id}),
        ("claims.ack", {"claim_id": claim.claim_id}),
    ]
    await house.call("inboxes.trash", inbox_id=AGENT)
    for operation, given in by_id:
        with pytest.raises(NotFound):
            await house.call(operation, **given)
    assert (await house.call("approvals.list")).items == ()
    await house.call("inboxes.restore", inbox_id=AGENT)
    assert [one.approval_id for one in (await house.call("approvals.list")).items] == [held.approval_id]
    assert (await house.call("attachments.get", handle=file.handle)).size == 1
    assert (await house.call("claims.ack", claim_id=claim.claim_id)).waits is False
    assert await house.call("approvals.approve", approval_id=held.approval_id)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
