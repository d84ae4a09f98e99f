"""Moving from another server: what comes here and how, what is told of it, and what a server may do wrong."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from postroom.cli.moving import Mover, Request, import_account
from postroom.cli.source import Source, SourceError, waiting
from postroom.cli.tally import Tally
from postroom.model.errors import InvalidInput
from postroom.net.addresses import AddressRules
from postroom.net.http import HttpClient
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail
from tests.fakes.there import KEY, There

BOX = f"agent@{DOMAIN}"
DAY = "2026-01-0{}T10:00:00Z"
ALL_HIDDEN: dict[str, Any] = {f"include_{name}": True for name in ("spam", "blocked", "unauthenticated", "trash")}


@pytest.fixture
def there() -> There:
    """A server with one inbox that exists here too."""
    made = There()
    made.inbox(BOX, display_name="Agent", metadata={"a": 1}, client_id="mine")
    return made


@asynccontextmanager
async def _source(there: There, waits: list[float], key: str = KEY) -> AsyncIterator[Source]:
    async def pause(seconds: float) -> None:
        waits.append(seconds)

    named, open_ = HttpClient(AddressRules(allow_private=True)), HttpClient(AddressRules())
    async with there.served() as url:
        try:
            yield Source(named, open_, url, key, pause=pause)
        finally:
            await named.close()
            await open_.close()


async def _move(house: Bed, there: There, *, key: str = KEY, waits: list[float] | None = None, **request: Any) -> Tally:
    tally = Tally(dry_run=request.get("dry_run", False))
    async with _source(there, [] if waits is None else waits, key) as source:
        await Mover(house.desk, house.owner, source, tally).move(Request(**request))
    return tally


def _counts(tally: Tally, kind: str = "messages") -> dict[str, int]:
    return {outcome: n for outcome, n in tally.counts.get(kind, {}).items() if n}


async def _raw(house: Bed, message_id: str) -> bytes:
    content: bytes = await house.call("messages.raw", inbox_id=BOX, message_id=message_id)
    return content


async def test_an_inbox_comes_with_what_it_is_called_and_says_of_itself(house: Bed, there: There) -> None:
    there.inbox(f"quiet@{DOMAIN}", status="paused", display_name="bad\nname", metadata={"a": [1]}, client_id="a@b")
    there.inbox(f"dear@{DOMAIN}", metadata={"a": "x" * 300}, display_name="")
    tally = await _move(house, there)
    made = await house.call("inboxes.get", inbox_id=BOX)
    assert (made.display_name, made.metadata, made.client_id) == ("Agent", {"a": 1}, "mine")
    quiet = await house.call("inboxes.get", inbox_id=f"quiet@{DOMAIN}")
    assert (quiet.status, quiet.display_name, quiet.metadata, quiet.client_id) == ("paused", None, {}, None)
    assert len(tally.notes) == 4
    assert (_counts(tally, "inboxes"), tally.failures, tally.is_complete) == ({"created": 3}, [], True)


async def test_a_client_id_that_names_another_inbox_here_stays_with_it(house: Bed, there: There) -> None:
    await house.inbox("other", client_id="mine")
    await _move(house, there)
    assert (await house.call("inboxes.get", inbox_id=BOX)).client_id is None


async def test_a_message_keeps_its_bytes_its_moment_its_labels_and_its_id(house: Bed, there: There) -> None:
    raw = mail("Message-ID: <one@example.com>", files={"a.bin": b"\x00" * 70_000})
    labels = ["received", "Customer X", "opened", "draft", "\u202elabel", ""]
    there.message(BOX, "<one@example.com>", raw, "2026-01-01T10:00:00.123Z", labels=labels)
    await _move(house, there)
    (message,) = await house.messages(BOX)
    assert message.timestamp == 1767261600123 == message.created_at
    assert (message.message_id, set(message.labels)) == ("<one@example.com>", {"received", "customer x", "opened"})
    assert [(a.filename, a.size) for a in message.attachments] == [("a.bin", 70_000)]
    assert await _raw(house, "<one@example.com>") == raw
    await house.indexed()


async def test_a_sender_that_no_byte_names_is_taken_from_there(house: Bed, there: There) -> None:
    raw = b"Subject: nobody\r\n\r\nwords"
    there.message(BOX, "<a@x>", raw, DAY.format(1), **{"from": "Ann <ann@example.com>"})
    there.message(BOX, "<b@x>", raw, DAY.format(2), **{"from": "nobody at all"})
    await _move(house, there)
    assert [m.from_ for m in await house.messages(BOX)] == ["ann@example.com", ""]


async def test_sent_mail_stays_sent_and_is_sent_to_nobody(house: Bed, there: There) -> None:
    await house.inbox("friend")
    raw = mail(f"From: {BOX}", f"To: friend@{DOMAIN}", "Message-ID: <s@x>")
    bcc = ["Boss <boss@example.com>"]
    there.message(BOX, "<s@x>", raw, DAY.format(1), labels=["sent", "delivered"], bcc=[*bcc, 7, "\ud800", "x" * 2000])
    await _move(house, there, inboxes=(BOX,))
    await house.settled()
    (message,) = await house.messages(BOX)
    assert (set(message.labels), message.bcc) == ({"sent", "delivered"}, tuple(bcc))
    assert await house.messages(f"friend@{DOMAIN}") == []
    assert house.rows("SELECT * FROM delivery") == []
    answer = await house.call("messages.reply", inbox_id=BOX, message_id="<s@x>", text="And more.")
    assert (await house.message(BOX, answer.id)).to == (f"friend@{DOMAIN}",)


async def test_what_is_moved_is_no_event_and_wakes_nobody_who_waits(house: Bed, there: There) -> None:
    await house.call("webhooks.create", url="https://example.com/hook", event_types=["message.received"])
    position = await house.call("messages.since", inbox_id=(await house.inbox()).address)
    there.message(BOX, "<one@x>", mail("Message-ID: <one@x>"), DAY.format(1))
    await _move(house, there)
    assert position.message is None
    assert (await house.call("messages.since", inbox_id=BOX, after=0)).message is None
    assert house.rows("SELECT type FROM event WHERE type LIKE 'message%' OR type LIKE 'label%'") == []
    assert house.rows("SELECT * FROM webhook_delivery") == []


@pytest.mark.parametrize("label", ["spam", "blocked", "unauthenticated", "trash"])
async def test_hidden_mail_comes_and_stays_hidden(house: Bed, there: There, label: str) -> None:
    there.message(BOX, "<one@x>", mail("Message-ID: <one@x>"), DAY.format(1), labels=["received", label])
    await _move(house, there)
    assert await house.messages(BOX) == []
    assert len(await house.messages(BOX, **ALL_HIDDEN)) == 1


async def test_threads_are_as_they_were_there(house: Bed, there: There) -> None:
    plain, answer = mail("Message-ID: <a@x>"), mail("Message-ID: <b@x>", answers="<a@x>", subject="Re: A subject")
    stray, odd = mail("Message-ID: <c@x>", subject="Else"), mail("Message-ID: <d@x>", answers="<a@x>")
    there.message(BOX, "<a@x>", plain, DAY.format(1), thread_id="one")
    there.message(BOX, "<b@x>", answer, DAY.format(2), thread_id="one")
    there.message(BOX, "<c@x>", stray, DAY.format(3), thread_id="one")
    there.message(BOX, "<d@x>", odd, DAY.format(4), thread_id="two")
    await _move(house, there)
    threads = {m.message_id: m.thread_id for m in await house.messages(BOX)}
    assert threads["<a@x>"] == threads["<b@x>"] == threads["<c@x>"] != threads["<d@x>"]


async def test_an_answer_that_came_here_first_joins_its_conversation(house: Bed, there: There) -> None:
    await house.inbox()
    newer = await house.receive(mail("Message-ID: <b@x>", answers="<a@x>", text="The answer"))
    there.message(BOX, "<a@x>", mail("Message-ID: <a@x>", text="The question"), DAY.format(1))
    await _move(house, there)
    older = await house.message(BOX, "<a@x>")
    thread = (await house.call("threads.get", inbox_id=BOX, thread_id=newer.thread_id)).thread
    assert older.thread_id == newer.thread_id
    assert (thread.message_count, thread.last_message_id, thread.preview) == (2, "<b@x>", "The answer")
    await house.call("messages.delete", inbox_id=BOX, message_id="<b@x>")


async def test_mail_that_comes_later_joins_what_was_moved(house: Bed, there: There) -> None:
    # Its id on the wire is not the one in its bytes: some who send rewrite it.
    there.message(BOX, "<wire@x>", mail(f"From: {BOX}", "Message-ID: <ours@x>"), DAY.format(1), labels=["sent"])
    await _move(house, there)
    moved = await house.message(BOX, "<wire@x>")
    for number, answered in enumerate(("<wire@x>", "<ours@x>")):
        came = await house.receive(mail(f"Message-ID: <{number}@x>", answers=answered))
        assert came.thread_id == moved.thread_id
    await house.call("messages.delete", inbox_id=BOX, message_id="<wire@x>")


async def test_a_second_run_does_nothing_and_a_third_takes_what_is_new(house: Bed, there: There) -> None:
    same = mail(message_id=None)
    for number in range(12):
        there.message(BOX, f"<{number}@x>", same, DAY.format(1), thread_id=str(number % 4))
    there.message(BOX, "<odd?id#%2F/..>", mail("Message-ID: <odd?id#%2F/..>"), DAY.format(2))
    there.message(BOX, "no id at all", mail("Message-ID: <safe@x>"), DAY.format(2))
    there.page = 5
    assert _counts(await _move(house, there)) == {"imported": 14}
    assert _counts(await _move(house, there)) == {"already_here": 14}
    there.message(BOX, "<new@x>", mail(), DAY.format(3))
    assert _counts(await _move(house, there)) == {"already_here": 14, "imported": 1}
    messages = await house.messages(BOX)
    assert len({m.message_id for m in messages}) == len(messages) == 15
    assert len({m.thread_id for m in messages}) == 4 + 3
    for message in messages:
        await house.call("messages.delete", inbox_id=BOX, message_id=message.id)
    assert house.rows("SELECT * FROM message_reference") == []


async def test_a_message_whose_bytes_cannot_be_had_is_named_and_the_rest_comes(house: Bed, there: There) -> None:
    for name in ("a", "b", "c"):
        there.message(BOX, f"<{name}@x>", mail(f"Message-ID: <{name}@x>"), DAY.format(1))
    there.messages[BOX][:0] = ["nonsense", {"message_id": "<d@x>", "thread_id": 1}, {"message_id": "\ud800"}]
    del there.raws["<b@x>"]
    tally = await _move(house, there)
    assert [m.message_id for m in await house.messages(BOX)] == ["<a@x>", "<c@x>"]
    assert [failure.id for failure in tally.failures] == ["?", "<d@x>", "\ud800", "<b@x>"]
    assert "404" in tally.failures[-1].reason


async def test_a_message_over_the_limit_is_named(home: Path, there: There) -> None:
    there.message(BOX, "<a@x>", mail(text="x" * 5_000), DAY.format(1))
    async with Bed(home, lambda: 1_800_000_000_000, message_bytes=4096) as house:
        tally = await _move(house, there)
    assert "4096" in tally.failures[0].reason


async def test_a_server_that_is_busy_is_asked_again_when_it_says(house: Bed, there: There) -> None:
    there.message(BOX, "<a@x>", mail(), DAY.format(1))
    there.fail("/v0/inboxes?", (429, {"Retry-After": "7"}), (503, {}), (500, {"Retry-After": "soon"}))
    there.fail("/bytes/", (429, {"Retry-After": "0"}), (502, {}))
    waits: list[float] = []
    assert _counts(await _move(house, there, waits=waits)) == {"imported": 1}
    assert waits == [7.0, 2.0, 4.0, 0.0, 2.0]


async def test_a_server_that_stays_silent_ends_the_run(house: Bed, there: There) -> None:
    for number in range(9):
        there.message(BOX, f"<{number}@x>", mail(), DAY.format(1))
    there.fail(f"/v0/inboxes/{BOX}/messages/", *[(500, {})] * 99)
    waits: list[float] = []
    with pytest.raises(SourceError, match="500"):
        await _move(house, there, waits=waits)
    assert len(waits) < 40
    there.faults.clear()
    assert _counts(await _move(house, there)) == {"imported": 9}


async def test_an_address_of_the_bytes_that_has_ended_is_asked_for_anew(house: Bed, there: There) -> None:
    there.message(BOX, "<a@x>", mail(), DAY.format(1))
    there.fail("/bytes/", (404, {}))
    assert _counts(await _move(house, there)) == {"imported": 1}


async def test_the_key_is_sent_to_no_address_of_bytes(house: Bed, there: There) -> None:
    there.message(BOX, "<a@x>", mail(), DAY.format(1))
    await _move(house, there)
    assert {has_key for path, has_key in there.asked if path.startswith("/bytes/")} == {False}
    assert {has_key for path, has_key in there.asked if path.startswith("/v0/")} == {True}


@pytest.mark.parametrize(
    "elsewhere", ["http://127.0.0.1:1", "http://169.254.169.254", "file:///etc", "http://10.0.0.1"]
)
async def test_bytes_at_a_private_address_elsewhere_are_not_fetched(house: Bed, there: There, elsewhere: str) -> None:
    there.message(BOX, "<a@x>", mail(), DAY.format(1))
    there.elsewhere = elsewhere
    tally = await _move(house, there)
    assert [failure.id for failure in tally.failures] == ["<a@x>"]


async def test_a_wrong_key_is_a_clear_error(house: Bed, there: There) -> None:
    with pytest.raises(SourceError, match=r"refused the key .* \(no such key\)\. Look at --key"):
        await _move(house, there, key="wrong")
    for key in ("", "a b", "a\r\nX-Y: z", "ключ"):
        with pytest.raises(InvalidInput):
            Source(HttpClient(AddressRules()), HttpClient(AddressRules()), "http://x", key)


async def test_pages_without_end_are_left(house: Bed, there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(there, "_paged", lambda name, *_: {name: [], "next_page_token": "again"})
    with pytest.raises(SourceError, match="no end"):
        await _move(house, there)


async def test_a_domain_that_is_not_served_is_named_with_what_to_do(house: Bed, there: There) -> None:
    there.inbox("a@agentmail.to")
    tally = await _move(house, there)
    assert [failure.id for failure in tally.failures] == ["a@agentmail.to"]
    assert "postroom domains create --domain agentmail.to" in tally.failures[0].reason
    assert "--into-domain" in tally.failures[0].reason
    assert _counts(tally, "inboxes") == {"created": 1, "failed": 1}


async def test_such_an_inbox_comes_into_a_domain_that_is_named(house: Bed, there: There) -> None:
    there.inbox("a@agentmail.to")
    there.inbox("a@other.example")
    there.message("a@agentmail.to", "<a@x>", mail(), DAY.format(1))
    tally = await _move(house, there, into_domain=DOMAIN)
    assert len(await house.messages(f"a@{DOMAIN}")) == 1
    assert [failure.id for failure in tally.failures] == ["a@other.example"]


async def test_hostile_names_of_inboxes_are_refused_one_by_one(house: Bed, there: There) -> None:
    for name in ("../../keys", "", "a b@x", f'"a\r\nb"@{DOMAIN}', "..", "x" * 2000, f"a/b@{DOMAIN}", f"a..b@{DOMAIN}"):
        there.inbox(name)
    tally = await _move(house, there)
    assert _counts(tally, "inboxes") == {"failed": 8, "created": 1}


async def test_an_address_of_somebody_else_is_not_taken(house: Bed, there: There) -> None:
    await house.inbox("agent", await house.stranger())
    tally = await _move(house, there)
    assert "somebody else" in tally.failures[0].reason


async def test_a_dry_run_counts_and_writes_nothing(house: Bed, there: There) -> None:
    there.message(BOX, "<a@x>", mail(), DAY.format(1))
    there.drafts[BOX] = [{"draft_id": "d"}]
    there.entries[f"{BOX}/send/block"] = [{"entry": "bad@example.com"}]
    tally = await _move(house, there, dry_run=True)
    assert {kind: _counts(tally, kind) for kind in tally.counts} == {
        "inboxes": {"to_create": 1},
        "messages": {"to_import": 1},
        "drafts": {"to_import": 1},
        "list_entries": {"to_import": 1},
    }
    assert house.rows("SELECT 1 FROM inbox") == []


async def test_drafts_come_once_with_their_files_and_are_not_scheduled(
    house: Bed, clock: FakeClock, there: There
) -> None:
    there.message(BOX, "<a@x>", mail("Message-ID: <a@x>"), DAY.format(1))
    there.files["f"] = b"bytes"
    there.drafts[BOX] = [
        {"draft_id": "d1", "to": ["b@example.com"], "subject": "S", "text": "T", "labels": ["draft", "mine"],
         "attachments": [{"attachment_id": "f", "filename": "f.txt", "content_type": "text/plain"}]},
        {"draft_id": "d2", "in_reply_to": "<a@x>", "text": "Yes", "send_at": "2027-01-01T00:00:00Z", "client_id": "c"},
        {"draft_id": "d3", "forward_of": "<gone@x>", "to": ["b@example.com"], "text": "FYI", "bcc": 7},
    ]  # fmt: skip
    tally = await _move(house, there)
    assert _counts(tally, "drafts") == {"imported": 3}
    clock.advance(1)
    assert _counts(await _move(house, there), "drafts") == {"already_here": 3}
    drafts = (await house.call("drafts.list", inbox_id=BOX)).items
    assert sorted(d.subject or "" for d in drafts) == ["", "Re: A subject", "S"]
    assert {d.send_at for d in drafts} == {None}
    first = next(d for d in drafts if d.subject == "S")
    assert (first.labels, [a.filename for a in first.attachments]) == (("draft", "mine"), ["f.txt"])
    assert any("send_at" in note for note in tally.notes)


async def test_lists_of_an_inbox_come_and_those_of_the_account_with_all_of_it(house: Bed, there: There) -> None:
    there.entries[f"{BOX}/send/block"] = [{"entry": "bad@example.com", "reason": "bounced"}, {"entry": "no entry"}]
    there.entries["receive/block"] = [{"entry": "spam.example"}]
    tally = await _move(house, there, inboxes=(BOX,))
    assert (await house.call("lists.list", direction="receive", type="block")).items == ()
    await _move(house, there)
    (entry,) = (await house.call("lists.list", direction="receive", type="block")).items
    assert (entry.entry, entry.inbox_id) == ("spam.example", None)
    assert house.rows("SELECT entry, inbox_address FROM list_entry WHERE direction = 'send'") == [
        ("bad@example.com", BOX)
    ]
    assert [failure.id for failure in tally.failures] == ["no entry"]


async def test_a_key_that_may_not_see_hidden_mail_moves_the_rest(house: Bed, there: There) -> None:
    there.message(BOX, "<a@x>", mail(), DAY.format(1))
    there.fail(f"/v0/inboxes/{BOX}/messages?limit=100&ascending=true&include", (403, {}))
    there.fail(f"/v0/inboxes/{BOX}/drafts", (403, {}))
    tally = await _move(house, there)
    assert (_counts(tally), len(tally.notes)) == ({"imported": 1}, 2)


async def test_an_inbox_that_is_not_there_is_named(house: Bed, there: There) -> None:
    tally = await _move(house, there, inboxes=(BOX, "nobody@example.com"))
    assert [(failure.id, failure.reason) for failure in tally.failures] == [
        ("nobody@example.com", "There is no such inbox there.")
    ]


async def test_the_summary_is_one_json_object(
    home: Path, there: There, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSTROOM_HOME", str(home))
    monkeypatch.delenv("POSTROOM_API_KEY", raising=False)
    there.message(BOX, "<a@x>", mail(), DAY.format(1))
    there.message(BOX, "<\x1b[2Jb>", mail(), DAY.format(2))
    del there.raws["<\x1b[2Jb>"]
    async with there.served() as url:
        assert await import_account(f"{url}/v0/", KEY, Request(), as_json=True) == 1
        told = capsys.readouterr()
        summary = json.loads(told.out)
        assert (summary["complete"], summary["messages"]["imported"]) == (True, 1)
        assert [f["id"] for f in summary["failures"]] == ["<\x1b[2Jb>"]
        assert "\x1b" not in told.err
        assert await import_account(url, "wrong", Request(), as_json=True) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("postroom: The server refused the key")


def test_retry_after_is_read_in_both_its_forms() -> None:
    assert waiting("3", 1.0) == 3.0
    assert waiting("999999", 1.0) == 300.0
    assert waiting("never", 1.0) == 1.0
    assert 20 < waiting(formatdate(time.time() + 30, usegmt=True), 1.0) <= 31
    assert waiting("Wed, 21 Oct 2015 07:28:00 GMT", 1.0) == 0.0
