"""What every request and answer of /v0 has in common: keys, dates, lists, ids, pages, errors; and the shapes of a
message and an inbox, seen as they come over the wire.
"""

import dataclasses
import re
from typing import Any

import httpx
import pytest
from agentmail import NotFoundError
from agentmail.inboxes import CreateInboxRequest

from postroom.model.errors import Busy, StorageFull
from postroom.service.catalog import OPERATIONS
from tests.compat.official import official, owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

AGENT, OTHER = f"agent@{DOMAIN}", f"other@{DOMAIN}"
MESSAGES = f"/v0/inboxes/{AGENT}/messages"


@pytest.mark.promise("transport.bearer-key")
async def test_a_request_without_a_known_bearer_key_is_a_401_that_says_what_is_wrong(house: Bed) -> None:
    known = await owner_key(house)
    async with wire(house, known) as client:
        for header, code in (
            ("", "missing_authorization"),
            (f"Basic {known}", "invalid_token_type"),
            ("Bearer ", "invalid_token_type"),
            ("Bearer am_us_0", "unknown_api_key"),
            (f"Bearer {known[:-1]}", "unknown_api_key"),
        ):
            answer = await client.get("/v0/inboxes", headers={"authorization": header})
            assert (answer.status_code, answer.json()["code"]) == (401, code), header
        assert (await client.get("/v0/inboxes")).status_code == 200


@pytest.mark.promise("transport.dates-of-any-zone", "transport.dates-shown-in-utc")
async def test_a_date_is_taken_in_every_spelling_of_the_clients_and_shown_in_utc(house: Bed, clock: FakeClock) -> None:
    await house.inbox()
    await house.receive(mail(subject="Early"))
    clock.advance(60_000)
    await house.receive(mail(subject="Late"))
    async with wire(house, await owner_key(house)) as client:
        for spelling in ("2026-03-02T09:01:00Z", "2026-03-02T09:01:00.000Z", "2026-03-02T11:01:00+02:00"):
            found = (await client.get(MESSAGES, params={"after": spelling})).json()
            assert [m["subject"] for m in found["messages"]] == ["Late"], spelling
        shown = (await client.get(MESSAGES)).json()["messages"][0]
        assert shown["timestamp"] == "2026-03-02T09:01:00.000Z"
        for name in ("timestamp", "created_at", "updated_at"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown[name])


@pytest.mark.parametrize(
    "query", ['labels=["one","two words"]', "labels=one&labels=two words", "labels=one,two words",
              "labels[0]=one&labels[1]=two words", "labels[]=one&labels[]=two words"],
)  # fmt: skip
@pytest.mark.promise("transport.lists-in-every-spelling")
async def test_a_list_in_the_query_is_read_in_every_spelling(house: Bed, query: str) -> None:
    await house.inbox()
    for labels in (["one", "two words"], ["one"]):
        message = await house.receive(mail())
        await house.call("messages.update", inbox_id=AGENT, message_id=message.id, add_labels=labels)
    async with wire(house, await owner_key(house)) as client:
        for path in (MESSAGES, "/v0/threads", f"/v0/inboxes/{AGENT}/threads"):
            found = (await client.get(f"{path}?{query}")).json()
            assert found["count"] == 1, path
        assert (await client.get(f"{MESSAGES}?labels=one")).json()["count"] == 2


@pytest.mark.promise("transport.ids-of-our-own-are-plain")
async def test_a_message_id_that_is_made_here_needs_no_encoding(house: Bed) -> None:
    await house.inbox()
    async with official(house) as client:
        sent = await client.inboxes.messages.send(AGENT, to="a@example.com", text="t")
        assert re.fullmatch(r"<[A-Za-z0-9._-]+@[A-Za-z0-9.-]+>", sent.message_id)


@pytest.mark.promise("errors.envelope", "errors.400-has-paths")
async def test_an_error_has_a_name_a_code_a_message_and_what_to_do(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        absent = await client.get(f"/v0/inboxes/{AGENT}")
        assert (absent.status_code, absent.json()["name"], absent.json()["code"]) == (404, "NotFoundError", "not_found")
        assert absent.json()["message"]
        nowhere = await client.get("/v0/nowhere")
        assert {"name", "code", "message", "fix"} == set(nowhere.json())
        wrong = (await client.post("/v0/inboxes", json={"username": "a..b", "colour": "red"})).json()
        assert (wrong["name"], wrong["code"], bool(wrong["message"])) == ("ValidationError", "validation_error", True)
        assert {tuple(problem["path"]) for problem in wrong["errors"]} >= {("colour",)}
        assert all(problem["message"] for problem in wrong["errors"])


@pytest.mark.promise("errors.out-of-scope-is-absent")
async def test_out_of_scope_is_the_same_404_as_absent(house: Bed) -> None:
    mine, other = await house.inbox(), await house.inbox("other")
    message = await house.receive(mail(), other.address)
    confined = (await house.call("keys.create", inbox_id=mine.address)).api_key
    async with wire(house, confined) as client:
        for there, nowhere in (
            (f"/v0/inboxes/{OTHER}", f"/v0/inboxes/third@{DOMAIN}"),
            (f"/v0/inboxes/{OTHER}/messages", f"/v0/inboxes/third@{DOMAIN}/messages"),
            (f"/v0/threads/{message.thread_id}", "/v0/threads/thd_absent"),
        ):
            answers = [await client.get(path) for path in (there, nowhere)]
            assert [answer.status_code for answer in answers] == [404, 404]
            words = [a.text.replace(message.thread_id, "thd_absent").replace("other@", "third@") for a in answers]
            assert words[0] == words[1]


@pytest.mark.promise("errors.retry-after-1")
async def test_a_failure_of_ours_asks_to_be_tried_again_in_a_second(
    house: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_given: Any) -> None:
        raise Busy("Too much is waiting.")

    monkeypatch.setitem(OPERATIONS, "inboxes.list", dataclasses.replace(OPERATIONS["inboxes.list"], handler=busy))
    async with wire(house, await owner_key(house)) as client:
        answer = await client.get("/v0/inboxes")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


@pytest.mark.promise("transport.no-5xx-once-queued")
async def test_what_fails_after_a_message_was_queued_is_no_5xx(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    async def fails(*given: Any) -> None:
        tried.append(given)
        raise StorageFull("The disk is full.")

    attempt = dataclasses.replace(OPERATIONS["deliveries.attempt"], handler=fails)
    monkeypatch.setitem(OPERATIONS, "deliveries.attempt", attempt)
    await house.inbox()
    await house.inbox("other")
    async with wire(house, await owner_key(house)) as client:
        sent = await client.post(f"{MESSAGES}/send", json={"to": OTHER, "text": "t"})
        await house.until(lambda: bool(tried))
        assert sent.status_code == 200
        assert (await client.get(MESSAGES)).json()["messages"][0]["message_id"] == sent.json()["message_id"]


@pytest.mark.promise("order.threads")
async def test_a_thread_of_sent_mail_alone_is_listed_as_any_other(house: Bed) -> None:
    await house.inbox()
    async with official(house) as client:
        sent = await client.inboxes.messages.send(AGENT, to="a@example.com", text="t")
        (thread,) = (await client.threads.list()).threads
        assert (thread.thread_id, thread.labels) == (sent.thread_id, ["sent"])
        assert (thread.received_timestamp, thread.sent_timestamp) == (None, thread.timestamp)


@pytest.mark.promise("filters.to-covers-copies")
async def test_the_filter_to_looks_at_every_kind_of_recipient(house: Bed) -> None:
    await house.inbox()
    async with official(house) as client:
        for kind in ("to", "cc", "bcc"):
            given: Any = {kind: [f"to-{kind}@example.com"]}
            await client.inboxes.messages.send(AGENT, subject=kind, text="t", **given)
        for kind in ("to", "cc", "bcc"):
            found = (await client.inboxes.messages.list(AGENT, to=[f"to-{kind}@example"])).messages
            assert [m.subject for m in found] == [kind]


@pytest.mark.promise("messages.id-is-the-rfc-id", "messages.addresses-are-strings")
async def test_a_message_is_shown_with_the_id_and_addresses_that_its_header_has(house: Bed) -> None:
    await house.inbox()
    lines = ("Cc: Dan <dan@example.com>, e@example.com", "Reply-To: team@example.com")
    await house.receive(mail(*lines, sender="Zoe <zoe@example.com>", message_id="<made.there@example.com>"))
    async with wire(house, await owner_key(house)) as client:
        shown = (await client.get(f"{MESSAGES}/%3Cmade.there@example.com%3E")).json()
    assert (shown["message_id"], shown["inbox_id"]) == ("<made.there@example.com>", AGENT)
    assert (shown["from"], shown["to"]) == ("Zoe <zoe@example.com>", [AGENT])
    assert (shown["cc"], shown["reply_to"]) == (["Dan <dan@example.com>", "e@example.com"], ["team@example.com"])


@pytest.mark.promise("messages.lists-without-bodies")
async def test_a_list_has_no_bodies_but_a_preview_and_the_size(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(text="Some words."))
    async with wire(house, await owner_key(house)) as client:
        (item,) = (await client.get(MESSAGES)).json()["messages"]
    assert not {"text", "html", "extracted_text", "extracted_html"} & set(item)
    assert (item["preview"], item["size"]) == ("Some words.", message.size)


@pytest.mark.promise("inboxes.metadata-limits")
async def test_metadata_keeps_to_its_bounds(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        full = {f"{n:0256}": "x" * 256 for n in range(256)}
        made = await client.post("/v0/inboxes", json={"metadata": full})
        assert made.json()["metadata"] == full
        wrong: tuple[dict[str, Any], ...] = (
            {**full, "one more": 1}, {"k" * 257: 1}, {"k": "x" * 257}, {"k": [1]}, {"k": {"a": 1}},
        )  # fmt: skip
        for metadata in wrong:
            answer = await client.post("/v0/inboxes", json={"metadata": metadata})
            assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")


@pytest.mark.promise("delete.inbox")
async def test_an_inbox_is_deleted_with_202(house: Bed) -> None:
    await house.inbox()
    async with wire(house, await owner_key(house)) as client:
        assert (await client.delete(f"/v0/inboxes/{AGENT}")).status_code == 202
        assert (await client.get(f"/v0/inboxes/{AGENT}")).status_code == 404


@pytest.mark.promise("webhooks.update-replaces")
async def test_the_url_of_a_webhook_cannot_be_changed(house: Bed) -> None:
    url = "https://hooks.example.com/in"
    async with wire(house, await owner_key(house)) as client:
        made = (await client.post("/v0/webhooks", json={"url": url, "event_types": ["message.sent"]})).json()
        path = f"/v0/webhooks/{made['webhook_id']}"
        assert (await client.patch(path, json={"url": "https://else.example.com"})).status_code == 400
        assert (await client.get(path)).json()["url"] == url


@pytest.mark.promise("keys.format")
async def test_a_key_begins_as_no_key_of_a_hosted_region(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        made = (await client.post("/v0/api-keys", json={"name": "k"})).json()
        assert made["api_key"].startswith(made["prefix"])
        assert not made["api_key"].startswith("am_")


@pytest.mark.promise("older.fields")
async def test_fields_of_older_clients_are_still_there(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(mail(files={"a.txt": b"data"}))
    async with wire(house, await owner_key(house)) as client:
        answering = {"in_reply_to": message.message_id, "text": "t"}
        draft = (await client.post(f"/v0/inboxes/{AGENT}/drafts", json=answering)).json()
        assert draft["thread_id"] == message.thread_id
        (shown,) = (await client.get(MESSAGES)).json()["messages"]
        assert [file["inline"] for file in shown["attachments"]] == [False]
        await client.post("/v0/domains", json={"domain": "example.com"})
        (item,) = (await client.get("/v0/domains")).json()["domains"]
        assert item["organization_id"]
        assert item["status"] == "NOT_STARTED"


@pytest.mark.promise("send.6-megabytes")
async def test_a_request_is_as_large_as_a_message_may_be(house: Bed) -> None:
    await house.inbox()
    files = [{"filename": "a.bin", "content": "AAAA" * 2**21}]
    async with wire(house, await owner_key(house)) as client:
        sent = await client.post(f"{MESSAGES}/send", json={"to": "a@example.com", "text": "t", "attachments": files})
        assert sent.status_code == 200
        shown = (await client.get(MESSAGES)).json()["messages"][0]
        assert [file["size"] for file in shown["attachments"]] == [3 * 2**21]


async def test_an_unknown_inbox_of_any_route_is_a_404(house: Bed) -> None:
    async with official(house) as client:
        for attempt in (client.inboxes.get(AGENT), client.inboxes.messages.list(AGENT), client.threads.get("thd_x")):
            with pytest.raises(NotFoundError):
                await attempt
        await client.inboxes.create(request=CreateInboxRequest(username="agent"))
        assert (await client.inboxes.messages.list(AGENT)).count == 0
    async with wire(house, await owner_key(house)) as raw:
        answer: httpx.Response = await raw.get(f"/v0/inboxes/{OTHER}/drafts")
        assert answer.status_code == 404


@pytest.mark.promise("webhooks.15-seconds")
async def test_an_endpoint_has_15_seconds_to_answer(house: Bed) -> None:
    await house.inbox()
    asked: list[float] = []
    post = house.fetcher.post

    async def timed(*given: Any, **more: Any) -> Any:
        asked.append(more["timeout"])
        return await post(*given, **more)

    house.fetcher.post = timed  # type: ignore[method-assign]
    async with official(house) as client:
        await client.webhooks.create(url="https://hooks.example.com/in", event_types=["message.received"])
        await house.receive(mail())
        await house.until(lambda: bool(asked))
    assert asked == [15.0]
