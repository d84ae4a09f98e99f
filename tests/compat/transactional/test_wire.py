"""What holds for all of /v1/agent-email: keys, pages, errors, unknown fields, names of others."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import httpx
import pytest

from postroom.http.transactional import errors
from postroom.model.errors import TooManyRequests
from tests.compat.official import BASE
from tests.compat.transactional.client import Refused, app, transactional
from tests.fakes.bed import Bed
from tests.fakes.mail import mail

PREFIX = "/v1/agent-email"
Ask = Callable[..., Coroutine[Any, Any, Any]]


@pytest.mark.promise("transactional.auth.bearer", "transactional.errors.envelope")
async def test_every_request_but_that_of_the_document_needs_a_key(house: Bed) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app(house)), base_url=BASE) as client:
        for headers in ({}, {"authorization": "Basic x"}, {"authorization": "Bearer pr_xxxx"}):
            answer = await client.get(f"{PREFIX}/mailboxes", headers=headers)
            assert answer.status_code == 401
            assert answer.json().keys() == {"error"}
            assert answer.json()["error"].keys() == {"code", "message"}
        assert (await client.get(f"{PREFIX}/openapi.json")).status_code == 200


@pytest.mark.promise("transactional.errors.envelope")
async def test_a_path_that_there_is_not_and_a_method_that_it_has_not_are_told_in_the_envelope(house: Bed) -> None:
    async with transactional(house) as client:
        for method, path, told in (
            ("GET", "/nothing", (404, "NOT_FOUND")),
            ("PUT", "/mailboxes", (405, "METHOD_NOT_ALLOWED")),
            ("GET", "/messages/send", (405, "METHOD_NOT_ALLOWED")),
        ):
            answer = await client.http.request(method, PREFIX + path)
            assert Refused(answer).told == told


@pytest.mark.promise("transactional.pages.bounds", "transactional.pages")
async def test_pages_out_of_range_are_refused_by_name(house: Bed) -> None:
    async with transactional(house) as client:
        box = (await client.create_mailbox("agent")).id
        usual = {"threads": 20, "labels": 100}
        lists = [f"/mailboxes/{box}/{name}" for name in ("inbox", "threads", "labels", "webhooks")]
        for path in ("/mailboxes", "/domains", *lists):
            first = (await client.http.get(PREFIX + path)).json()
            limit = usual.get(path.rpartition("/")[2], 25)
            assert first["meta"] == {"total": len(first["data"]), "limit": limit, "offset": 0}
            for name, value in (
                *(("offset", value) for value in ("-1", "x", "1.5", "9" * 30)),
                *(("limit", value) for value in ("0", "101", "-5", "ten")),
                ("page", "1"),
            ):
                refused = Refused(await client.http.get(PREFIX + path, params={name: value}))
                assert refused.told == (400, "VALIDATION_ERROR"), (path, name, value)
                assert name in refused.message
            far = await client.http.get(PREFIX + path, params={"offset": "999999999999", "limit": "100"})
            assert (far.status_code, far.json()["data"]) == (200, [])


@pytest.mark.promise("transactional.unknown")
async def test_what_is_not_known_is_refused_by_its_name(house: Bed) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        got = await house.receive(mail(), box.address)
        hook = await client.create_webhook(box.id, "https://a.example/", ["message.received"])
        sent = {"from": box.address, "to": "a@b.example", "text": "x"}
        for method, path, body, wrong in (
            ("POST", "/mailboxes", {"name": "a", "username": "b"}, "username"),
            ("POST", "/mailboxes", {"name": "a", "client_id": "b"}, "client_id"),
            ("POST", "/messages/send", {**sent, "labels": ["a"]}, "labels"),
            ("POST", "/messages/send", {**sent, "inbox_id": box.address}, "inbox_id"),
            ("POST", "/messages/send", {**sent, "attachment_limit": 1}, "attachment_limit"),
            ("POST", "/messages/send", {**sent, "attachments": [{"url": "https://a.example"}]}, "attachments.0.url"),
            ("POST", "/messages/send-batch", {"from": box.address, "messages": [], "to": "a@b.example"}, "to"),
            ("POST", f"/messages/{got.id}/reply", {"text": "x", "to": "a@b.example"}, "to"),
            ("POST", f"/messages/{got.id}/forward", {"to": "a@b.example", "new_thread": True}, "new_thread"),
            ("POST", f"/messages/{got.id}/cancel", {"reason": "x"}, "reason"),
            ("POST", "/inbox/archive", {"messageIds": [got.id], "add_labels": ["x"]}, "add_labels"),
            ("DELETE", "/inbox", {"message_ids": [got.id]}, "message_ids"),
            ("POST", f"/inbox/{got.id}/labels", {"labels": ["x"], "remove": ["y"]}, "remove"),
            ("POST", f"/mailboxes/{box.id}/labels", {"name": "x", "colour": "#000000"}, "colour"),
            ("POST", f"/mailboxes/{box.id}/webhooks", {"url": "https://a.example", "event_types": []}, "event_types"),
            ("PATCH", f"/webhooks/{hook.id}", {"inbox_ids": []}, "inbox_ids"),
            ("POST", f"/webhooks/{hook.id}/test", {"event": "message.sent"}, "event"),
            ("POST", "/domains", {"domain": "a.example", "feedback_enabled": False}, "feedback_enabled"),
        ):
            refused = Refused(await client.http.request(method, PREFIX + path, json=body))
            assert refused.told == (400, "VALIDATION_ERROR"), path
            assert f"{wrong}: unknown" in refused.message
        for path in (f"/inbox/{got.id}?mark_read=true", f"/mailboxes/{box.id}/inbox/search?query=a&cursor=1"):
            refused = Refused(await client.http.get(PREFIX + path))
            assert "unknown" in refused.message
        assert (await client.message(got.id)).read is False


@pytest.mark.promise("transactional.unknown")
async def test_what_is_missing_or_wrong_is_told_at_the_field_that_the_request_has(house: Bed) -> None:
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        file = {"filename": "a", "content": "no base64!", "contentType": "a/b"}
        to, words = {"from": box.address, "to": "a@b.example"}, {"text": "x"}
        for path, body, wrong in (
            ("/mailboxes", {}, "name"),
            ("/messages/send", {"to": "a@b.example"}, "from"),
            ("/messages/send", {"from": box.address}, "to"),
            ("/messages/send", {**to, **words, "tags": ["x" * 200]}, "tags"),
            ("/messages/send", {**to, "scheduledAt": "soon"}, "scheduledAt"),
            ("/messages/send", {**to, "attachments": [file]}, "attachments.0.content"),
            ("/messages/send", {**to, **words, "headers": {"From": "x"}}, "headers"),
            ("/messages/send-batch", {"from": box.address}, "messages"),
            ("/messages/send-batch", {"from": box.address, "messages": []}, "messages"),
            ("/messages/send-batch", {"from": box.address, "messages": [{"to": "a@b.example"}] * 101}, "messages"),
            ("/messages/send-batch", {"from": box.address, "messages": [{"text": "x"}]}, "messages.0.to"),
            (
                "/messages/send-batch",
                {"from": box.address, "messages": [{"to": "a@b.example", "tags": [1]}]},
                "messages.0.tags",
            ),
            (
                "/messages/send-batch",
                {"from": box.address, "messages": [{"to": "a@b.example", "attachments": [{**file, "contentType": 1}]}]},
                "messages.0.attachments.0.contentType",
            ),
            ("/inbox/mark-read", {}, "messageIds"),
            ("/inbox/mark-read", {"messageIds": 7}, "messageIds"),
            (f"/mailboxes/{box.id}/webhooks", {"url": "https://a.example"}, "events"),
            (f"/mailboxes/{box.id}/labels", {"name": "  "}, "name"),
        ):  # fmt: skip
            refused = Refused(await client.http.post(PREFIX + path, json=body))
            assert refused.status == 400, (path, refused)
            assert wrong in refused.message


@pytest.mark.promise(
    "transactional.names.others-absent", "transactional.errors.mailbox", "transactional.errors.message"
)
async def test_names_of_another_dialect_or_tenant_are_absent(house: Bed) -> None:
    stranger = await house.stranger()
    theirs = await house.inbox("theirs", stranger)
    foreign = next(iter((await house.take(mail(), theirs.address)).filed.values()))
    async with transactional(house) as client:
        box = await client.create_mailbox("agent")
        got = await house.receive(mail(), box.address)
        for absent in (
            "mbx_abc123",
            f"mbx_{theirs.inbox_id[4:]}",
            box.address,
            box.id[4:],
            f"inb_{box.id[4:]}",
            box.id.upper(),
            "é" * 30,
        ):
            asks: tuple[Ask, ...] = (client.mailbox, client.inbox, client.threads, client.labels, client.webhooks)
            for ask in asks:
                with pytest.raises(Refused) as refused:
                    await ask(absent)
                assert refused.value.told == (404, "MAILBOX_NOT_FOUND")
                assert refused.value.message == f"Mailbox {absent} does not exist."
        for absent in (got.message_id, foreign, "msg_abc123", got.id.upper(), "m1-abcd"):
            answer: Ask = partial(client.reply, text="x")
            for ask in (client.message, answer, client.cancel, client.delete_messages):
                with pytest.raises(Refused) as refused:
                    await ask(absent)
                assert refused.value.told == (404, "MESSAGE_NOT_FOUND"), absent
            with pytest.raises(Refused) as refused:
                await client.add_labels(absent, "x")
            assert refused.value.told == (404, "MESSAGE_NOT_FOUND")
        hidden = await house.receive(mail(), box.address)
        await house.call("messages.update", inbox_id=box.address, message_id=hidden.id, add_labels=["spam"])
        blind = await house.call("keys.create", permissions=["message_read", "message_update"])
        async with transactional(house, blind.api_key) as client:
            archive: Ask = partial(client.mark, "archive")
            for ask in (client.message, archive):
                with pytest.raises(Refused) as refused:
                    await ask(hidden.id)
                assert refused.value.told == (404, "MESSAGE_NOT_FOUND")


@pytest.mark.promise("transactional.errors.rate")
def test_too_many_requests_are_told_with_the_code_of_the_text() -> None:
    answer = errors.answer(TooManyRequests("The key has made its requests.", retry_after=7))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert b'"code":"RATE_LIMIT_EXCEEDED"' in answer.body
