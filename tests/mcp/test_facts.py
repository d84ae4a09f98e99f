"""What a message asks for is told and never done by itself; a list is left by one request, once."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from postroom.model.errors import Refused
from tests.fakes.bed import DOMAIN, Bed
from tests.mcp.bedside import client_of

AGENT = f"agent@{DOMAIN}"
CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"
_LEAVE = "https://lists.example.com/leave?u=1"
_BOTH = {
    "List-Unsubscribe": f"<mailto:leave@example.com>, <{_LEAVE}>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}
_ICS = (
    "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Plan\u202e\nDTSTART;TZID=Europe/Berlin:20260301T090000\n"
    "ORGANIZER:mailto:carol@example.com\nLOCATION:Room 5\nEND:VEVENT\nEND:VCALENDAR\n"
)


def _mail(headers: dict[str, str], body: str = "Hello.", kind: str = "text/plain; charset=utf-8") -> bytes:
    given = {
        "From": "Carol <carol@example.com>",
        "To": AGENT,
        "Subject": "News",
        "Message-ID": f"<{abs(hash((tuple(headers.items()), body)))}@example.com>",
        "MIME-Version": "1.0",
        "Content-Type": kind,
    } | headers
    return ("\r\n".join(f"{k}: {v}" for k, v in given.items()) + "\r\n\r\n" + body).encode()


async def _does(client: Client, tool: str, **given: Any) -> tuple[str, dict[str, Any]]:
    found = await client.call_tool(tool, given)
    text = str(getattr(found.content[0], "text", ""))
    assert not found.is_error, text
    return text, found.structured_content or {}


async def _read(house: Bed, raw: bytes) -> tuple[str, dict[str, Any]]:
    message = await house.receive(raw)
    async with client_of(house) as client:
        text, data = await _does(client, "get_message", inbox_id=AGENT, message_id=message.message_id)
    return text, data.get("facts", {})


async def test_the_headers_of_a_list_and_the_wish_for_a_receipt_are_told(house: Bed) -> None:
    await house.inbox()
    headers = _BOTH | {"List-Id": "News <news.example.com>", "Disposition-Notification-To": "carol@example.com"}
    text, facts = await _read(house, _mail(headers))
    assert facts["list_id"] == "News <news.example.com>"
    assert facts["unsubscribe"] == ["one_click", "mailto"]
    assert facts["receipt_to"] == "carol@example.com"
    assert "none is sent" in text
    assert [m for m in await house.messages(AGENT) if "sent" in m.labels] == []


async def test_an_invitation_is_told_in_utc_and_in_its_zone_and_is_not_answered(house: Bed) -> None:
    await house.inbox()
    calendar = f"Content-Type: text/calendar; method=REQUEST\r\n\r\n{_ICS}"
    parts = f"--b\r\nContent-Type: text/plain\r\n\r\nCome.\r\n--b\r\n{calendar}\r\n--b--\r\n"
    text, facts = await _read(house, _mail({}, parts, 'multipart/mixed; boundary="b"'))
    (invite,) = facts["invites"]
    assert (invite["summary"], invite["begins"], invite["zone"]) == ("Plan", "2026-03-01 09:00", "Europe/Berlin")
    assert invite["begins_utc"] == "2026-03-01T08:00:00.000Z"
    assert "calendar REQUEST (not answered): Plan | 2026-03-01 09:00 Europe/Berlin" in text


@pytest.mark.parametrize(
    ("when", "told"),
    [
        (
            "DTSTART;TZID=Own:20260301T090000\nDTEND;TZID=America/New_York:20260301T110000",
            "| 2026-03-01 09:00 to 2026-03-01 11:00 America/New_York Own (UTC not known)",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260301T090000\nDURATION:PT45M",
            "| 2026-03-01 09:00 to 2026-03-01 09:45 Europe/Berlin"
            " (2026-03-01T08:00:00.000Z to 2026-03-01T08:45:00.000Z UTC)",
        ),
        ("DTSTART:20260301T090000", "| 2026-03-01 09:00 no zone given (UTC not known)"),
        ("DTSTART;VALUE=DATE:20260301\nDTEND;VALUE=DATE:20260302", "| 2026-03-01, all day |"),
        (
            "DTSTART;VALUE=DATE:20260301\nDTEND;VALUE=DATE:20260304",
            "| 2026-03-01 to 2026-03-03, all day, the last one included |",
        ),
    ],
)
async def test_an_invitation_says_when_it_is_and_where_its_utc_is_not_known(house: Bed, when: str, told: str) -> None:
    await house.inbox()
    calendar = _ICS.replace("DTSTART;TZID=Europe/Berlin:20260301T090000", when)
    text, _facts = await _read(house, _mail({}, calendar, "text/calendar; method=REQUEST"))
    assert told in text


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ('multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"', "encrypted (PGP/MIME)"),
        ('multipart/signed; protocol="application/pkcs7-signature"; boundary="b"', "signed (S/MIME)"),
        ("application/pkcs7-mime; smime-type=enveloped-data", "encrypted (S/MIME)"),
        ("application/pkcs7-mime; smime-type=signed-data", "signed (S/MIME)"),
    ],
)
async def test_a_sealed_or_signed_message_is_told_as_such(house: Bed, kind: str, told: str) -> None:
    await house.inbox()
    body = "--b\r\n\r\nx\r\n--b--\r\n" if "multipart" in kind else "MIAGCSqGSIb3"
    text, facts = await _read(house, _mail({}, body, kind))
    assert facts["protection"] == [told]
    assert "not verified" in text


async def test_a_plain_message_has_no_facts(house: Bed) -> None:
    await house.inbox()
    assert (await _read(house, _mail({})))[1] == {}


async def test_one_request_leaves_a_list_and_a_second_call_asks_nothing(house: Bed) -> None:
    await house.inbox()
    message = await house.receive(_mail(_BOTH))
    ref = {"inbox_id": AGENT, "message_id": message.message_id}
    async with client_of(house) as client:
        text, data = await _does(client, "unsubscribe", **ref)
        assert data["status"] == "done"
        assert "DKIM" in text
        assert (await _does(client, "unsubscribe", **ref))[1]["status"] == "already_done"
    (post,) = house.fetcher.posts
    assert (post.url, post.content) == (_LEAVE, b"List-Unsubscribe=One-Click")
    assert post.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"List-Unsubscribe": f"<mailto:leave@example.com>, <{_LEAVE}>"}, "by_mail"),
        ({"List-Unsubscribe": f"<{_LEAVE}>"}, "by_hand"),
        ({**_BOTH, "List-Unsubscribe": "<http://lists.example.com/leave>"}, "by_hand"),
        ({**_BOTH, "List-Unsubscribe-Post": "yes"}, "by_mail"),
    ],
)
async def test_without_both_headers_and_https_nothing_is_asked(
    house: Bed, headers: dict[str, str], status: str
) -> None:
    await house.inbox()
    message = await house.receive(_mail(headers))
    async with client_of(house) as client:
        _text, data = await _does(client, "unsubscribe", inbox_id=AGENT, message_id=message.message_id)
    assert data["status"] == status
    assert house.fetcher.posts == []


@pytest.mark.parametrize("answer", [302, 404, 500, Refused("That address is private.")])
async def test_a_request_that_was_not_accepted_is_an_error_and_can_be_tried_again(house: Bed, answer: Any) -> None:
    await house.inbox()
    message = await house.receive(_mail(_BOTH))
    ref = {"inbox_id": AGENT, "message_id": message.message_id}
    house.fetcher.answers = [answer]
    async with client_of(house) as client:
        assert (await client.call_tool("unsubscribe", ref)).is_error
        assert (await _does(client, "unsubscribe", **ref))[1]["status"] == "done"


async def test_a_key_that_may_not_send_leaves_no_list(house: Bed) -> None:
    await house.inbox()
    key = await house.key(permissions=["inbox_read", "message_read"])
    async with client_of(house, key) as client:
        assert "unsubscribe" not in {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("mime/mail-parser/legacy/009.eml", "receipt_to"),
        ("mime/mail/mime_emails/sig_only_email.eml", "protection"),
        ("mime/mail/mime_emails/raw_email_with_nested_attachment.eml", "protection"),
    ],
)
async def test_facts_of_real_mails_are_told(house: Bed, name: str, fact: str) -> None:
    file = CORPORA / name
    if not file.is_file():
        pytest.skip(f"The corpus is missing: {name}")
    await house.inbox()
    _text, facts = await _read(house, file.read_bytes())
    assert facts.get(fact), facts
