"""Drafts through the official client: written, changed, listed, answered and forwarded with, sent, and by whom."""

import asyncio
import base64
import contextlib
import os
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from agentmail.core.api_error import ApiError
from agentmail.errors import ConflictError, NotFoundError, ValidationError
from agentmail.inboxes import CreateInboxRequest

from postroom.http.app import build
from postroom.model.tenant import SYSTEM
from postroom.service.links import Links
from postroom.store.secret import Secret
from tests.compat.official import BASE, official, owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import HOUR, MINUTE, FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
LARGE = bytes(range(256)) * 400  # 100 KiB: too large for a row


def file(content: bytes, name: str = "a.bin", **more: Any) -> dict[str, Any]:
    """Return a file as a client gives it."""
    return {"filename": name, "content": base64.b64encode(content).decode(), **more}


async def _download(house: Bed, url: str) -> bytes:
    links = Links(Secret.load(house.home / "secret.key", None), lambda: BASE, house.now)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build(house.desk, links)), base_url=BASE) as browser:
        answer = await browser.get(url)
    assert answer.status_code == 200
    return answer.content


def _letter(**fields: str) -> bytes:
    letter = EmailMessage()
    named = {"From": "Zoe <zoe@example.com>", "To": AGENT, "Subject": "Plans", "Message-ID": "<plans@example.com>"}
    for name, value in (named | {name.replace("_", "-"): value for name, value in fields.items()}).items():
        letter[name] = value
    letter.set_content("Shall we meet?\n")
    letter.add_attachment(b"map", maintype="application", subtype="x-map", filename="map.bin")
    return letter.as_bytes()


@pytest.mark.promise("inboxes.drafts.send", "drafts.sent-is-gone")
async def test_a_draft_is_written_changed_and_sent_and_is_a_message_from_then_on(house: Bed) -> None:
    async with official(house) as client:
        alice = await client.inboxes.create()
        bob = await client.inboxes.create()
        made = await client.inboxes.drafts.create(alice.inbox_id, to=[bob.email], subject="Hello", text="ping")
        assert made.labels == ["draft"]
        assert (made.send_status, made.send_at, made.preview) == (None, None, "ping")
        changed = await client.inboxes.drafts.update(alice.inbox_id, made.draft_id, text="pong", cc=["c@example.com"])
        assert (changed.text, changed.to, changed.cc) == ("pong", [bob.email], ["c@example.com"])
        sent = await client.inboxes.drafts.send(alice.inbox_id, made.draft_id)
        assert (await client.drafts.list()).drafts == []
        for again in (client.drafts.get(made.draft_id), client.inboxes.drafts.send(alice.inbox_id, made.draft_id)):
            with pytest.raises(NotFoundError):
                await again
        message = await client.inboxes.messages.get(alice.inbox_id, sent.message_id)
        assert (message.subject, (message.text or "").strip(), message.labels) == ("Hello", "pong", ["sent"])
        await house.settled()
        (arrived,) = (await client.inboxes.messages.list(bob.inbox_id)).messages
        assert (arrived.message_id, arrived.cc) == (sent.message_id, ["c@example.com"])


@pytest.mark.promise("transport.null-is-not-absent", "drafts.change")
async def test_what_a_change_leaves_out_stays_and_null_or_an_empty_list_clears(house: Bed) -> None:
    async with official(house) as client:
        inbox = (await client.inboxes.create()).inbox_id
        full: dict[str, Any] = {name: [f"{name}@example.com"] for name in ("to", "cc", "bcc", "reply_to")}
        made = await client.inboxes.drafts.create(inbox, **full, subject="S", text="t", html="<p>h</p>")
        same = await client.inboxes.drafts.update(inbox, made.draft_id, subject="S2")
        assert {name: getattr(same, name) for name in full} == full
        assert (same.subject, same.text, same.html) == ("S2", "t", "<p>h</p>")
        await client.inboxes.drafts.update(inbox, made.draft_id, to=[], text=None)
        async with wire(house, await owner_key(house)) as raw:
            path = f"/v0/inboxes/{inbox}/drafts/{made.draft_id}"
            nulls = dict.fromkeys(("cc", "bcc", "reply_to", "subject", "html", "add_labels", "remove_attachments"))
            assert (await raw.patch(path, json=nulls)).status_code == 200
            assert (await raw.patch(path, json={})).status_code == 400
        bare = await client.drafts.get(made.draft_id)
        assert {getattr(bare, name) for name in (*full, "subject", "text", "html", "preview")} == {None}


@pytest.mark.promise("threads.files", "files.signed-for-an-hour", "drafts.files-and-labels")
async def test_files_are_listed_served_taken_off_and_sent(house: Bed, clock: FakeClock) -> None:
    house.fetcher.pages["https://example.com/f.txt"] = b"fetched"
    async with official(house) as client:
        inbox = (await client.inboxes.create()).inbox_id
        made = await client.inboxes.drafts.create(
            inbox, to=["a@example.com"], text="t", attachments=[file(b"small"), {"url": "https://example.com/f.txt"}]
        )
        small, fetched = made.attachments or []
        assert (small.filename, small.size, fetched.filename, fetched.size) == ("a.bin", 5, "f.txt", 7)
        added = await client.inboxes.drafts.update(
            inbox,
            made.draft_id,
            add_attachments=[file(LARGE, "large.bin", content_type="application/pdf")],
            remove_attachments=[small.attachment_id],
        )
        names = [f.filename for f in added.attachments or []]
        assert names == ["f.txt", "large.bin"]
        large = (added.attachments or [])[1]
        for asked in (client.drafts, client.inboxes.drafts):
            place = (inbox,) if asked is not client.drafts else ()
            found = await asked.get_attachment(*place, made.draft_id, large.attachment_id)
            assert (found.filename, found.size, found.content_type) == ("large.bin", len(LARGE), "application/pdf")
            assert found.expires_at == datetime.fromtimestamp((clock.now + HOUR) / 1000, UTC)
            assert await _download(house, found.download_url) == LARGE
        with pytest.raises(NotFoundError):
            await client.drafts.get_attachment(made.draft_id, small.attachment_id)
        with pytest.raises(ValidationError):
            await client.inboxes.drafts.update(inbox, made.draft_id, remove_attachments=[small.attachment_id])
        sent = await client.inboxes.drafts.send(inbox, made.draft_id)
        message = await client.inboxes.messages.get(inbox, sent.message_id)
        assert [(f.filename, f.size) for f in message.attachments or []] == [("f.txt", 7), ("large.bin", len(LARGE))]
    assert house.rows("SELECT * FROM draft_file") == []


async def test_a_restart_loses_neither_a_draft_nor_its_files(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        inbox = (await client.inboxes.create()).inbox_id
        made = await client.inboxes.drafts.create(
            inbox, to=["a@example.com"], text="t", attachments=[file(b"small"), file(LARGE, "b.bin")]
        )
    async with Bed(house.home, clock) as again, official(again) as client:
        assert (await client.drafts.get(made.draft_id)) == made
        urls = [
            (await client.drafts.get_attachment(made.draft_id, f.attachment_id)).download_url
            for f in made.attachments or []
        ]
        assert [await _download(again, url) for url in urls] == [b"small", LARGE]


async def test_the_sweep_leaves_the_files_of_drafts_and_takes_those_of_deleted_ones(house: Bed) -> None:
    inbox = await house.inbox()
    made = await house.call("drafts.create", inbox_id=inbox.address, text="t", attachments=[file(LARGE)])

    async def sweep() -> list[Path]:
        for kept in (house.home / "blobs").glob("??/*"):
            os.utime(kept, (0, 0))
        await house.desk.call("blobs.sweep", SYSTEM, {})
        return list((house.home / "blobs").glob("??/*"))

    assert len(await sweep()) == 1
    await house.call("drafts.delete", draft_id=made.draft_id)
    assert await sweep() == []


async def test_files_that_no_message_could_hold_are_refused(home: Any, clock: FakeClock, migrated: Any) -> None:
    async with Bed(home, clock, migrated, message_bytes=2**20) as house, official(house) as client:
        inbox = (await client.inboxes.create()).inbox_id
        made = await client.inboxes.drafts.create(inbox, attachments=[file(b"x" * 600_000)])
        with pytest.raises(ApiError) as caught:
            await client.inboxes.drafts.update(inbox, made.draft_id, add_attachments=[file(b"y" * 600_000)])
        assert caught.value.status_code == 413
        assert (await client.drafts.get(made.draft_id)) == made


@pytest.mark.promise("messages.extracted", "drafts.kinds", "drafts.references")
async def test_an_answer_knows_its_recipients_and_subject_and_joins_its_thread(house: Bed) -> None:
    await house.inbox()
    original = await house.receive(_letter(Cc=f"Cy <cy@example.com>, {AGENT}", References="<first@example.com>"))
    async with official(house) as client:
        made = await client.inboxes.drafts.create(AGENT, in_reply_to=original.message_id, text="Gladly.")
        assert (made.to, made.cc, made.subject) == (["Zoe <zoe@example.com>"], None, "Re: Plans")
        assert made.references == ["<first@example.com>", original.message_id]
        assert (made.in_reply_to, made.text) == (original.message_id, "Gladly.")
        everybody = await client.inboxes.drafts.create(AGENT, in_reply_to=original.message_id, reply_all=True)
        assert (everybody.to, everybody.cc) == (["Zoe <zoe@example.com>"], ["Cy <cy@example.com>"])
        sent = await client.inboxes.drafts.send(AGENT, made.draft_id)
        assert sent.thread_id == original.thread_id
        message = await client.inboxes.messages.get(AGENT, sent.message_id)
        assert (message.in_reply_to, message.extracted_text) == (original.message_id, "Gladly.")
        assert message.references == made.references
        assert "> Shall we meet?" in (message.text or "")
        renamed = await client.inboxes.drafts.update(AGENT, everybody.draft_id, subject="Another matter", text="x")
        assert renamed.in_reply_to == original.message_id
        other = await client.inboxes.drafts.send(AGENT, everybody.draft_id)
        assert (await client.inboxes.messages.get(AGENT, other.message_id)).subject == "Another matter"


@pytest.mark.promise("drafts.forward-merges-when-sent")
async def test_a_forward_has_the_original_and_its_files_when_it_is_sent(house: Bed) -> None:
    await house.inbox()
    original = await house.receive(_letter())
    async with official(house) as client:
        made = await client.inboxes.drafts.create(
            AGENT, forward_of=original.message_id, to=["b@example.com"], text="See below.", attachments=[file(b"mine")]
        )
        assert (made.subject, made.forward_of, made.text) == ("Fwd: Plans", original.message_id, "See below.")
        assert [f.filename for f in made.attachments or []] == ["a.bin"]
        sent = await client.inboxes.drafts.send(AGENT, made.draft_id)
        message = await client.inboxes.messages.get(AGENT, sent.message_id)
    assert sent.thread_id == original.thread_id
    assert [f.filename for f in message.attachments or []] == ["map.bin", "a.bin"]
    text = message.text or ""
    assert text.index("See below.") < text.index("Shall we meet?")
    assert message.to == ["b@example.com"]


@pytest.mark.parametrize(
    "given",
    [
        {"in_reply_to": "<plans@example.com>", "forward_of": "<plans@example.com>"},
        {"in_reply_to": "<plans@example.com>", "reply_all": True, "to": ["a@example.com"]},
        {"in_reply_to": "<plans@example.com>", "reply_all": True, "bcc": ["a@example.com"]},
        {"reply_all": True},
        {"to": ["nobody"]},
        {"reply_to": ["a@b\r\nBcc: c@example.com"]},
        {"to": [f"a{n}@example.com" for n in range(51)]},
        {"subject": "a\nb"},
        {"labels": ["draft"]},
        {"labels": ["Scheduled"]},
        {"labels": ["sent"]},
        {"client_id": "a@b"},
        {"send_at": "tomorrow"},
        {"send_at": "2026-03-02T08:00:00Z"},
        {"send_at": "9999-12-31T00:00:00Z"},
        {"attachments": [{"content": "not base64!"}]},
        {"attachments": [{"content": "YQ==", "url": "https://example.com"}]},
        {"attachments": [{"content": "YQ==", "filename": "a\nb"}]},
        {"attachments": [{"content": "YQ==", "content_id": "a> <b"}]},
        {"unknown": 1},
    ],
    ids=str,
)
@pytest.mark.promise("drafts.kinds")
async def test_what_no_draft_can_be_is_refused_and_nothing_is_kept(house: Bed, given: dict[str, Any]) -> None:
    await house.inbox()
    await house.receive(_letter())
    async with wire(house, await owner_key(house)) as raw:
        answer = await raw.post(f"/v0/inboxes/{AGENT}/drafts", json=given)
    assert answer.status_code in (400, 413, 422), answer.text
    assert house.rows("SELECT * FROM draft") == []


@pytest.mark.promise("idempotency.client-id-gives-the-first")
async def test_the_same_client_id_gives_the_first_draft(house: Bed) -> None:
    async with official(house) as client:
        first, other = [(await client.inboxes.create()).inbox_id for _ in "ab"]
        made = await client.inboxes.drafts.create(first, client_id="mine", subject="one")
        again = await client.inboxes.drafts.create(first, client_id="mine", subject="two", in_reply_to="<gone@x.org>")
        assert again == made
        assert made.client_id == "mine"
        assert (await client.inboxes.drafts.create(other, client_id="mine")).draft_id != made.draft_id
        both = await asyncio.gather(*(client.inboxes.drafts.create(first, client_id="two") for _ in range(4)))
        assert len({draft.draft_id for draft in both}) == 1


@pytest.mark.promise("labels.of-drafts", "drafts.files-and-labels", "drafts.send-labels")
async def test_labels_are_the_callers_own_and_go_with_the_message(house: Bed) -> None:
    async with official(house) as client:
        inbox = (await client.inboxes.create()).inbox_id
        made = await client.inboxes.drafts.create(inbox, to=["a@example.com"], text="t", labels=["One", "two"])
        assert made.labels == ["draft", "one", "two"]
        changed = await client.inboxes.drafts.update(
            inbox, made.draft_id, add_labels=["three", "two"], remove_labels=["ONE", "two"]
        )
        assert changed.labels == ["draft", "three"]
        for given in ({"add_labels": ["scheduled"]}, {"remove_labels": ["draft"]}):
            with pytest.raises(ValidationError):
                await client.inboxes.drafts.update(inbox, made.draft_id, **given)
            with pytest.raises(ValidationError):
                await client.inboxes.drafts.send(inbox, made.draft_id, **given)
        sent = await client.inboxes.drafts.send(inbox, made.draft_id, add_labels="four", remove_labels=["three"])
        message = await client.inboxes.messages.get(inbox, sent.message_id)
        assert sorted(message.labels) == ["four", "sent"]


@pytest.mark.promise("drafts.list", "inboxes.drafts.list", "pods.drafts.list", "order.drafts")
@pytest.mark.promise("filters.before-and-after")
async def test_drafts_are_listed_by_their_last_change_in_pages(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        pods = [(await client.pods.create(name=name)).pod_id for name in "ab"]
        inboxes = [(await client.pods.inboxes.create(pod)).inbox_id for pod in (pods[0], pods[0], pods[1])]
        ids: list[str] = []
        start = datetime.fromtimestamp(clock.now / 1000, UTC)
        for number in range(6):
            inbox = inboxes[number % 3]
            labels = ["even"] if number % 2 == 0 else []
            ids.append((await client.inboxes.drafts.create(inbox, subject=str(number), labels=labels)).draft_id)
            clock.advance(MINUTE)
        await client.inboxes.drafts.update(inboxes[0], ids[0], text="last")
        newest = [ids[0], *reversed(ids[1:])]
        found: list[str] = []
        token: str | None = None
        while True:
            page = await client.drafts.list(limit=4, page_token=token)
            found += [draft.draft_id for draft in page.drafts]
            assert (page.count, page.limit) == (len(page.drafts), 4)
            if (token := page.next_page_token) is None:
                break
        assert found == newest

        async def listed(where: Any, *place: str, **given: Any) -> list[int]:
            return [ids.index(draft.draft_id) for draft in (await where.list(*place, **given)).drafts]

        assert await listed(client.drafts, ascending=True) == [1, 2, 3, 4, 5, 0]
        assert await listed(client.drafts, labels=["even"]) == [0, 4, 2]
        assert await listed(client.drafts, labels=["even", "draft"], ascending=True) == [2, 4, 0]
        assert await listed(client.pods.drafts, pods[0]) == [0, 4, 3, 1]
        assert await listed(client.pods.drafts, pods[1]) == [5, 2]
        assert await listed(client.inboxes.drafts, inboxes[1]) == [4, 1]
        at = start + timedelta(minutes=3)
        assert await listed(client.drafts, before=at) == [2, 1]
        assert await listed(client.drafts, after=at) == [0, 5, 4, 3]
        assert (await client.pods.drafts.get(pods[0], ids[3])).draft_id == ids[3]
        for absent in (client.pods.drafts.get(pods[1], ids[3]), client.inboxes.drafts.get(inboxes[1], ids[3])):
            with pytest.raises(NotFoundError):
                await absent


async def test_drafts_of_others_are_absent(house: Bed) -> None:
    async with official(house) as client:
        inbox = (await client.inboxes.create()).inbox_id
        made = await client.inboxes.drafts.create(inbox, to=["a@example.com"], text="s", attachments=[file(b"secret")])
        (kept,) = made.attachments or []
    other = await house.inbox("other")
    stranger = await house.stranger()
    keys = [
        (await house.call("keys.create", inbox_id=other.address)).api_key,
        (await house.call("keys.create", stranger)).api_key,
    ]
    for key in keys:
        async with official(house, key) as client:
            assert (await client.drafts.list()).drafts == []
            for absent in (
                client.drafts.get(made.draft_id),
                client.drafts.get_attachment(made.draft_id, kept.attachment_id),
                client.inboxes.drafts.list(inbox),
                client.inboxes.drafts.create(inbox),
                client.inboxes.drafts.get(inbox, made.draft_id),
                client.inboxes.drafts.update(inbox, made.draft_id, text="mine"),
                client.inboxes.drafts.send(inbox, made.draft_id),
                client.inboxes.drafts.delete(inbox, made.draft_id),
            ):
                with pytest.raises(NotFoundError):
                    await absent
    async with official(house) as client:
        assert (await client.drafts.get(made.draft_id)) == made


async def test_a_draft_without_a_recipient_or_without_a_word_is_not_sent_and_stays(house: Bed) -> None:
    async with official(house) as client:
        inbox = (await client.inboxes.create()).inbox_id
        for given in ({"text": "for nobody"}, {"to": ["a@example.com"]}):
            made = await client.inboxes.drafts.create(inbox, **given)
            with pytest.raises(ApiError) as caught:
                await client.inboxes.drafts.send(inbox, made.draft_id)
            assert caught.value.status_code in (400, 422)
            assert (await client.drafts.get(made.draft_id)) == made


async def test_an_answer_to_a_message_that_is_gone_is_a_conflict(house: Bed) -> None:
    await house.inbox()
    original = await house.receive(_letter())
    async with official(house) as client:
        made = await client.inboxes.drafts.create(AGENT, in_reply_to=original.message_id, text="Late.")
        await client.inboxes.messages.delete(AGENT, original.message_id)
        with pytest.raises(ConflictError):
            await client.inboxes.drafts.send(AGENT, made.draft_id)
        with pytest.raises(NotFoundError):
            await client.inboxes.drafts.create(AGENT, in_reply_to=original.message_id)


@pytest.mark.promise("paused.sends-nothing")
async def test_a_paused_inbox_sends_no_draft(house: Bed) -> None:
    async with official(house) as client:
        inbox = (await client.inboxes.create()).inbox_id
        made = await client.inboxes.drafts.create(inbox, to=["a@example.com"], text="t")
        await client.inboxes.update(inbox, status="paused")
        with pytest.raises(ApiError) as caught:
            await client.inboxes.drafts.send(inbox, made.draft_id)
        assert (caught.value.status_code, caught.value.body.code) == (403, "inbox_paused")
        assert (await client.drafts.get(made.draft_id)) == made


async def test_two_who_send_one_draft_at_once_send_it_once(house: Bed) -> None:
    async with official(house) as client:
        inbox = (await client.inboxes.create()).inbox_id
        made = await client.inboxes.drafts.create(inbox, to=["a@example.com"], text="t")
        options: Any = {"max_retries": 0}
        tries = [client.inboxes.drafts.send(inbox, made.draft_id, request_options=options) for _ in range(5)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(not isinstance(r, Exception) for r in results) == 1
        refused = {type(r) for r in results if isinstance(r, Exception)}
        assert refused <= {ConflictError, NotFoundError}
        assert (await client.inboxes.messages.list(inbox)).count == 1


@pytest.mark.parametrize("meanwhile", ["deleted", "changed"])
async def test_a_draft_that_is_deleted_or_changed_while_it_is_composed_is_not_sent(house: Bed, meanwhile: str) -> None:
    inbox = await house.inbox()
    made = await house.call("drafts.create", inbox_id=AGENT, to="a@example.com", text="t")
    parse = house.desk.rooms.parser.parse

    async def slow(incoming: Any) -> Any:
        operation = {"deleted": "drafts.delete", "changed": "drafts.update"}[meanwhile]
        more = {"text": "No, this."} if meanwhile == "changed" else {}
        await house.call(operation, draft_id=made.draft_id, **more)
        return await parse(incoming)

    house.desk.rooms.parser.parse = slow  # type: ignore[method-assign]
    async with official(house) as client:
        options: Any = {"max_retries": 0}
        with pytest.raises(ConflictError):
            await client.inboxes.drafts.send(AGENT, made.draft_id, request_options=options)
        left = [draft.preview for draft in (await client.drafts.list()).drafts]
    assert left == ([] if meanwhile == "deleted" else ["No, this."])
    assert await house.messages(inbox.address) == []


_ASKS: dict[str, str] = {
    "draft_read": "list get get_attachment",
    "draft_create": "create",
    "draft_update": "update",
    "draft_delete": "delete",
    "draft_send": "send create_scheduled update_scheduled change_scheduled",
    "message_read": "create_answer send_answer",
}


async def _ask(house: Bed, client: Any, what: str) -> Any:
    drafts = client.inboxes.drafts
    soon = datetime.fromtimestamp(house.now() / 1000, UTC) + timedelta(hours=1)
    (message,) = [m.message_id for m in await house.messages(AGENT) if "received" in m.labels]
    given: dict[str, Any] = {"to": ["a@example.com"], "text": "t"}
    more: dict[str, dict[str, Any]] = {
        "create": {},
        "create_scheduled": {"send_at": soon},
        "create_answer": {"in_reply_to": message},
    }
    if what in more:
        return await drafts.create(AGENT, **given, **more[what])
    answers = {"in_reply_to": message} if what == "send_answer" else {}
    waits = {"send_at": soon.isoformat()} if what == "change_scheduled" else {}
    made = await house.call("drafts.create", inbox_id=AGENT, **given, **answers, **waits, attachments=[file(b"f")])
    calls = {
        "list": lambda: drafts.list(AGENT),
        "get": lambda: client.drafts.get(made.draft_id),
        "get_attachment": lambda: drafts.get_attachment(AGENT, made.draft_id, made.attachments[0].attachment_id),
        "update": lambda: drafts.update(AGENT, made.draft_id, text="u"),
        "update_scheduled": lambda: drafts.update(AGENT, made.draft_id, send_at=soon),
        "change_scheduled": lambda: drafts.update(AGENT, made.draft_id, text="not what was approved"),
        "delete": lambda: drafts.delete(AGENT, made.draft_id),
        "send": lambda: drafts.send(AGENT, made.draft_id),
        "send_answer": lambda: drafts.send(AGENT, made.draft_id),
    }
    return await calls[what]()


@pytest.mark.parametrize("permission", sorted(_ASKS))
@pytest.mark.promise("drafts.answer-needs-reading")
async def test_each_permission_by_its_absence_forbids_what_it_is_for(house: Bed, permission: str) -> None:
    await house.inbox()
    await house.receive(mail())
    everything = set(_ASKS) | {"message_send", "inbox_read"}
    for allowed, permissions in ((True, everything), (False, everything - {permission})):
        made = await house.call("keys.create", permissions=dict.fromkeys(sorted(permissions), True))
        async with official(house, made.api_key) as client:
            for what in _ASKS[permission].split():
                with contextlib.nullcontext() if allowed else pytest.raises(ApiError) as caught:
                    await _ask(house, client, what)
                if caught is not None:
                    assert caught.value.status_code == 403, what
                    assert "missing_permission" in str(caught.value.body), what
                    assert f"Use a key that has {permission}." in str(caught.value.body), what


async def test_the_drafts_of_a_deleted_inbox_go_with_it(house: Bed) -> None:
    async with official(house) as client:
        inbox = await client.inboxes.create(request=CreateInboxRequest(username="gone"))
        made = await client.inboxes.drafts.create(
            inbox.inbox_id, text="t", attachments=[file(b"s"), file(LARGE)], client_id="mine"
        )
        await client.inboxes.delete(inbox.inbox_id)
        assert (await client.drafts.list()).drafts == []
        await house.until(lambda: house.rows("SELECT 1 FROM draft_file UNION SELECT 1 FROM purge") == [])
        again = await client.inboxes.create(request=CreateInboxRequest(username="gone"))
        assert (await client.inboxes.drafts.list(again.inbox_id)).drafts == []
        with pytest.raises(NotFoundError):
            await client.drafts.get(made.draft_id)
