"""A little language for messages as they come over the wire: `mail("From: a@b", subject="Hi", text="...")`."""

import base64
from collections.abc import Mapping
from itertools import count

_numbers = count(1)
CORRESPONDENT = "carol@example.com"


def mail(
    *header: str,
    sender: str = CORRESPONDENT,
    to: str = "agent@postroom.localhost",
    subject: str | None = "A subject",
    text: str = "Some words.",
    message_id: str | None = "",
    answers: str | None = None,
    references: str | None = None,
    files: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return an RFC 5322 message with CRLF. Lines given as `header` replace the fields of the same name.

    `message_id`: empty draws a new one, None leaves the field out. `answers` is In-Reply-To.
    """
    drawn = f"<{next(_numbers)}.test@example.com>" if message_id == "" else message_id
    fields: dict[str, str | None] = {
        "From": sender,
        "To": to,
        "Subject": subject,
        "Date": "Mon, 02 Mar 2026 09:00:00 +0000",
        "Message-ID": drawn,
        "In-Reply-To": answers,
        "References": references,
        "MIME-Version": "1.0",
    }
    for line in header:
        name, _colon, value = line.partition(": ")
        fields[name] = value
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    body = _plain(text) if files is None else _multipart(text, files)
    return "\r\n".join([*lines, body]).encode()


def _plain(text: str) -> str:
    return "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.replace("\n", "\r\n") + "\r\n"


def _multipart(text: str, files: Mapping[str, bytes]) -> str:
    parts = [_plain(text)]
    for name, content in files.items():
        encoded = base64.encodebytes(content).decode().replace("\n", "\r\n")
        parts.append(
            f"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename={name}\r\n"
            f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}"
        )
    body = "".join(f"--edge\r\n{part}\r\n" for part in parts)
    return f"Content-Type: multipart/mixed; boundary=edge\r\n\r\n{body}--edge--\r\n"
