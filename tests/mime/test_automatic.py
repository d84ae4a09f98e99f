"""What a header says of who wrote a message, and of whom it asks others to write to."""

import pytest

from postroom.mime.naming import named
from postroom.mime.parse import parse
from tests.fakes.mail import mail


@pytest.mark.parametrize(
    ("lines", "automatic"),
    [
        ([], False),
        (["Auto-Submitted: no"], False),
        (["Auto-Submitted: NO ; reason=x"], False),
        (["Auto-Submitted:"], False),
        (["Auto-Submitted: auto-notified"], True),
        (["Auto-Submitted: no", "auto-submitted: auto-replied"], True),
        (["Precedence: special-delivery"], False),
        (["Precedence: junk"], True),
        (["Precedence: list"], False),
        (["List-Id: <a.b.example>"], False),
        (["X-Auto-Submitted: auto-replied"], False),
    ],
)
def test_a_message_is_automatic_by_what_its_header_says(lines: list[str], automatic: bool) -> None:
    raw = "\r\n".join(["From: a@b.example", *lines, "", "Words."]).encode()
    assert parse(raw).automatic is automatic


@pytest.mark.parametrize(
    "field",
    [
        "Reply-To: eve@evil.example",
        'Reply-To: "Carol <carol@example.com>" <eve@evil.example>',
        "Reply-To: =?utf-8?q?x=22?= <eve@evil.example>",
        "Reply-To: friends: eve@evil.example;",
        "Mail-Followup-To: carol@example.com, Eve <eve@evil.example>",
        "Mail-Reply-To: eve@evil.example",
        "Disposition-Notification-To: <eve@evil.example>",
        "Return-Receipt-To: eve@evil.example",
        "X-Confirm-Reading-To: eve@evil.example",
        "Errors-To: eve@evil.example",
        "List-Post: <mailto:eve@evil.example?subject=x>",
        "List-Unsubscribe: <https://example.com/a>, <mailto:eve%40evil.example>",
        "List-Unsubscribe: <mai lto:eve@evil.example>",
        "List-Post: eve@evil.example",
        "List-Post: <mailto:eve\uff20evil.example>",
        "List-Unsubscribe: <mailto:eve%EF%BC%A0evil.example>",
        "List-Id: News <eve@evil.example>",
        "Resent-Reply-To: eve@evil.example",
        "Resent-Cc: eve@evil.example",
        "Mail-Copies-To: eve@evil.example",
        "Registered-Mail-Reply-Requested-By: eve@evil.example",
        "Reply-To: eve\uff20evil.example",
        "Cc: eve@evil.example",
    ],
)
def test_whom_a_header_asks_others_to_write_to_is_found(field: str) -> None:
    assert "eve@evil.example" in named(parse(mail(field)))


def test_what_names_nobody_adds_nobody() -> None:
    raw = mail("X-Note: eve@evil.example", "Comments: see eve@evil.example", to="agent@postroom.localhost")
    page = mail("List-Unsubscribe: <https://example.com/u?who=eve@evil.example>", to="agent@postroom.localhost")
    answer = mail("In-Reply-To: <eve@evil.example>", to="agent@postroom.localhost")
    news = mail("List-Id: News @ Example (eve@evil.example) <news.example.com>", to="agent@postroom.localhost")
    assert named(parse(raw)) == named(parse(page)) == named(parse(answer)) == ("agent@postroom.localhost",)
    assert named(parse(news)) == ("agent@postroom.localhost",)


def test_a_header_of_nothing_but_signs_is_read_in_time() -> None:
    for sign in '@<"(,':
        assert len(named(parse(mail(f"Reply-To: {sign * 60_000}", to="agent@postroom.localhost")))) <= 2
