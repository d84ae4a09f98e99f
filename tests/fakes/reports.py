"""Reports on mail, as mail systems write them: bounces (RFC 3464) and complaints (RFC 5965)."""

from tests.fakes.mail import CORRESPONDENT


def bounce(
    message_id: str | None,
    *recipients: str,
    to: str = "agent@postroom.localhost",
    status: str = "5.1.1",
    action: str = "failed",
    final: str | None = None,
    said: str = "smtp; 550 5.1.1 No such user",
    date: str | None = None,
    returned: str = "message/rfc822",
) -> bytes:
    """Return a delivery status notification; `final` is where the recipient's mail went from there."""
    groups = [
        f"Original-Recipient: rfc822;{one}\nFinal-Recipient: rfc822; {final or one}\nAction: {action}\n"
        f"Status: {status}\nDiagnostic-Code: {said}\n"
        for one in recipients
    ]
    status_part = "Reporting-MTA: dns; mx.example.net\n\n" + "\n".join(groups)
    return _report("delivery-status", "message/delivery-status", status_part, _returned(message_id, date), returned, to)


def complaint(
    message_id: str | None,
    *recipients: str,
    to: str = "agent@postroom.localhost",
    kind: str = "abuse",
    shown_to: str = CORRESPONDENT,
) -> bytes:
    """Return a feedback report; without recipients it names none, as those that are redacted do."""
    fields = f"Feedback-Type: {kind}\nUser-Agent: Loop/1.0\nVersion: 1\n" + "".join(
        f"Original-Rcpt-To: <{one}>\n" for one in recipients
    )
    original = _returned(message_id, None, shown_to)
    return _report("feedback-report", "message/feedback-report", fields, original, "message/rfc822", to)


def _returned(message_id: str | None, date: str | None, to: str = CORRESPONDENT) -> str:
    fields = {"From": "agent@postroom.localhost", "To": to, "Date": date, "Message-ID": message_id, "Subject": "Hello"}
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value) + "\nThe words that came back.\n"


def _report(kind: str, second: str, fields: str, original: str, third: str, to: str) -> bytes:
    parts = (("text/plain", "This is the mail system.\n"), (second, fields), (third, original))
    body = "".join(f"--edge\nContent-Type: {name}\n\n{text}\n" for name, text in parts)
    head = (
        f"From: Mail Delivery System <mailer-daemon@mx.example.net>\nTo: {to}\nSubject: Undelivered Mail\n"
        "Date: Mon, 02 Mar 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
        f"Content-Type: multipart/report; report-type={kind}; boundary=edge\n"
    )
    return f"{head}\n{body}--edge--\n".replace("\n", "\r\n").encode()
