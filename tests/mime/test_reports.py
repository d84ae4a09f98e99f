"""Reports of bounces and complaints: what real ones say, and that whatever is in one is bounded."""

from collections import Counter
from pathlib import Path

import pytest

from postroom.mime.parse import parse
from postroom.mime.reports import MAX_RECIPIENTS
from postroom.model.report import Report, ReportKind
from tests.fakes.mail import mail
from tests.fakes.reports import bounce, complaint

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "bounces" / "sisimai"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpora are not beside this checkout")


def _report(raw: bytes) -> Report:
    report = parse(raw).report
    assert report is not None
    return report


@needs_corpus
def test_real_bounces_and_complaints_of_many_systems_are_read() -> None:
    found = [parse(path.read_bytes()).report for path in sorted(CORPUS.glob("*.eml"))]
    kinds = Counter(one.kind for one in found if one is not None)
    assert kinds[ReportKind.BOUNCE] >= 158
    assert kinds[ReportKind.COMPLAINT] >= 4
    assert sum(1 for one in found if one and one.message_id and any(r.addresses for r in one.recipients)) >= 145


@needs_corpus
def test_a_bounce_of_postfix_names_both_addresses_and_the_words_of_the_other_side() -> None:
    (one,) = _report((CORPUS / "lhost-postfix-01.eml").read_bytes()).recipients
    assert one.addresses == ("kijitora@example.org", "r@p351355.pool.example.ne.jp")
    assert (one.action, one.status) == ("failed", "5.1.1")
    assert one.diagnostic.startswith("procmail: Couldn't create")


def test_a_bounce_says_which_message_to_whom_and_why() -> None:
    report = _report(bounce("<a@b.example>", "x@example.com", "y@example.com", date="Mon, 02 Mar 2026 09:00:00 +0000"))
    assert (report.kind, report.message_id) == (ReportKind.BOUNCE, "<a@b.example>")
    assert [r.addresses for r in report.recipients] == [("x@example.com",), ("y@example.com",)]
    assert report.recipients[0].diagnostic == "550 5.1.1 No such user"


@pytest.mark.parametrize("returned", ["text/rfc822-headers", "message/global-headers", "message/global"])
def test_the_message_may_come_back_in_any_form(returned: str) -> None:
    assert _report(bounce("<a@b.example>", "x@example.com", returned=returned)).message_id == "<a@b.example>"


@pytest.mark.parametrize(
    ("status", "said", "read"),
    [
        ("5.1.1", "", "5.1.1"),
        ("5.1.1 (no such user)", "smtp; 550 5.7.1 no", "5.1.1"),
        ("5.0.0", "smtp; 550 5.2.2 full", "5.2.2"),
        ("", "smtp; 452 4.2.2 full", "4.2.2"),
        ("", "smtp; 451 later", "4.0.0"),
        ("", "gone", "5.0.0"),
        ("nonsense", "smtp; 192.0.2.1 said 1.2.3.4", "5.0.0"),
    ],
)
def test_the_status_is_looked_for_in_the_words_where_the_field_says_little(status: str, said: str, read: str) -> None:
    assert _report(bounce("<a@b>", "x@example.com", status=status, said=said)).recipients[0].status == read


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "", "lost"])
def test_what_did_not_fail_is_no_bounce(action: str) -> None:
    assert parse(bounce("<a@b>", "x@example.com", action=action)).report is None


def test_a_complaint_names_who_complained_or_else_to_whom_the_message_was() -> None:
    named = _report(complaint("<a@b>", "x@example.com"))
    assert (named.kind, named.feedback_type) == (ReportKind.COMPLAINT, "abuse")
    assert [r.addresses for r in named.recipients] == [("x@example.com",)]
    silent = _report(complaint("<a@b>", shown_to="X <x@example.com>, y@example.com"))
    assert [r.addresses for r in silent.recipients] == [("x@example.com",), ("y@example.com",)]


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "", "x"])
def test_a_feedback_that_blames_nobody_is_no_complaint(kind: str) -> None:
    assert parse(complaint("<a@b>", "x@example.com", kind=kind)).report is None


def test_mail_that_is_no_report_is_none() -> None:
    assert parse(mail(text="Action: failed")).report is None
    raw = bounce("<a@b>", "x@example.com").replace(b"multipart/report", b"multipart/mixed")
    assert parse(raw).report is None


def test_what_is_no_address_is_left_out() -> None:
    (one,) = _report(bounce("<a@b>", "nobody")).recipients
    assert one.addresses == ()


def test_of_very_many_recipients_the_first_hundred_are_read() -> None:
    report = _report(bounce("<a@b>", *[f"r{n}@example.com" for n in range(300)]))
    assert len(report.recipients) == MAX_RECIPIENTS
