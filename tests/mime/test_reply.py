"""What a reply or a forward repeats of the original: cleaned, bounded, and never out of its quote."""

import pytest

from postroom.mime.compose import check_value
from postroom.mime.reply import (
    MAX_QUOTED,
    forward_html,
    forward_subject,
    forward_text,
    quote_reply,
    quote_reply_html,
    reply_subject,
)
from postroom.model.address import Address

NOON = 1_795_255_200_000  # Sat, 21 Nov 2026 10:00:00 UTC
ANNA = Address(address="anna@example.com")


@pytest.mark.parametrize(
    ("subject", "reply", "forward"),
    [
        ("Hi", "Re: Hi", "Fwd: Hi"),
        ("Re: Hi", "Re: Hi", "Fwd: Re: Hi"),
        ("RE: AW: Re[2]: Hi", "Re: Hi", "Fwd: RE: AW: Re[2]: Hi"),
        ("回复：Hi", "Re: Hi", "Fwd: 回复：Hi"),
        ("Sv: Antw: Odp: Hi", "Re: Hi", "Fwd: Sv: Antw: Odp: Hi"),
        ("Fwd: Hi", "Re: Fwd: Hi", "Fwd: Hi"),
        ("WG: TR: Hi", "Re: WG: TR: Hi", "Fwd: Hi"),
        ("Report: Hi", "Re: Report: Hi", "Fwd: Report: Hi"),
        ("a\r\nBcc: b@c", "Re: a Bcc: b@c", "Fwd: a Bcc: b@c"),
        (None, "Re:", "Fwd:"),
        ("x" * 9_000, "Re: " + "x" * 7_996, "Fwd: " + "x" * 7_995),
    ],
)
def test_subjects_of_replies_and_forwards_do_not_stack(subject: str | None, reply: str, forward: str) -> None:
    assert reply_subject(subject) == reply
    assert forward_subject(subject) == forward
    assert check_value("subject", reply_subject(subject)) == reply


def test_a_reply_quotes_the_original_under_an_attribution() -> None:
    anna = Address(address="anna@example.com", name="Anna")
    assert quote_reply("a\r\n> b\n\nc", anna, NOON) == (
        "On Sat, 21 Nov 2026 at 10:00 UTC, Anna <anna@example.com> wrote:\n> a\n>> b\n>\n> c\n"
    )
    assert quote_reply("a", "Anna\r\n<a@b>", None) == "Anna <a@b> wrote:\n> a\n"
    assert quote_reply(None, anna, 10**18) == "Anna <anna@example.com> wrote:\n"


def test_at_most_256_kib_are_quoted_and_a_line_says_so() -> None:
    quoted = quote_reply("ü\n" * MAX_QUOTED, ANNA, NOON)
    assert quoted.count("ü") <= MAX_QUOTED // 3 + 1
    assert quoted.endswith("\n> [The rest of the original message is not repeated here.]\n")
    assert "is not repeated" in forward_text([], "x" * (MAX_QUOTED + 1))
    assert "is not repeated" in quote_reply_html(None, ANNA, NOON, original_html="<p>" * MAX_QUOTED)


def test_quoted_text_is_escaped_in_html() -> None:
    page = quote_reply_html("<script>a</script>\n&", Address(address="a@b", name="<b>"), NOON)
    assert "&lt;script&gt;a&lt;/script&gt;<br>\n&amp;" in page
    assert "&quot;&lt;b&gt;&quot; &lt;a@b&gt; wrote:" in page
    assert "<script" not in page
    assert '<blockquote class="gmail_quote"' in page


def test_quoted_html_cannot_leave_the_quote() -> None:
    hostile = "a</blockquote></div></body><script>x</script><style>*{display:none}</style><div><b>b"
    for page in (
        quote_reply_html(None, ANNA, NOON, original_html=hostile),
        forward_html([], None, original_html=hostile),
    ):
        assert "<script" not in page
        assert "<style" not in page
        assert page.count("<div") == page.count("</div>")
        assert page.count("<blockquote") == page.count("</blockquote>")
        assert page.rstrip().endswith("</div>")


def test_html_of_very_many_elements_is_quoted_as_text() -> None:
    page = quote_reply_html("the text", ANNA, NOON, original_html="<div>" * 50_000)
    assert "the text" in page
    assert page.count("<div") == 2


def test_a_forward_repeats_the_fields_of_the_original() -> None:
    fields = [("From", "Anna <a@b>"), ("Subject", "Hi\r\nX: y")]
    assert forward_text(fields, "Hello") == (
        "---------- Forwarded message ---------\nFrom: Anna <a@b>\nSubject: Hi X: y\n\nHello\n"
    )
    page = forward_html(fields, "a < b")
    assert "---------- Forwarded message ---------<br>" in page
    assert "<b>From:</b> Anna &lt;a@b&gt;<br>" in page
    assert "a &lt; b" in page
