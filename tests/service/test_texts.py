"""The text of a message is the same wherever it is asked for, whether it was stored or is cut out of the raw bytes."""

import itertools

import pytest

from postroom.mime.parse import parse
from postroom.model.inbox import Inbox
from postroom.model.tenant import Reach
from postroom.store.queries import messages
from tests.fakes.bed import Bed

TYPES = (
    None,
    *(
        f"text/plain; charset={name}"
        for name in ("us-ascii", "UTF-8", "utf-7", "hz", "iso-2022-jp", "utf-16", "x-none")
    ),
    "text/plain; charset=utf-8; format=flowed",
    "text/plain; format=flowed; delsp=yes",
    "text/markdown",
    "text/html",
    "multipart/mixed",
)
BODIES = {
    "nothing": b"",
    "a line end": b"\r\n",
    "no line end": b"words",
    "a CR alone": b"a\rb\r",
    "a NUL": b"a\0b\r\n",
    "UTF-7": b"+AGE-b\r\n",
    "HZ": b"~{VPND~} ~~\r\n",
    "ISO-2022-JP": b"\x1b$B8@8l\x1b(B\r\n",
    "a BOM": b"\xef\xbb\xbfhello\r\n",
    "UTF-8": "é \u2028 \x85 😀\r\n".encode(),
    "UTF-8 that is cut off": b"caf\xc3",
    "Latin-1": b"caf\xe9\r\n",
    "flowed lines": b"one \r\ntwo\r\n-- \r\nme\r\n",
    "more than a row keeps": b"x" * 70_000 + b"\xc3\xa9",
}


async def _same(house: Bed, inbox: Inbox, raw: bytes, n: int) -> None:
    taken = await house.take(raw, inbox.address, envelope_from=f"sender{n}@example.com")
    message = await house.message(inbox.address, taken.filed[inbox.inbox_id])
    parsed = parse(raw)
    for name in ("text", "html", "extracted_text", "extracted_html"):
        assert getattr(message, name) == getattr(parsed, name), (name, raw[:200])
    indexed = await house.desk._store.read(
        lambda tx: tx.all(messages.TO_INDEX, above=message.seq - 1, n=1), Reach.EVERYWHERE, 0
    )
    assert (indexed[0].text or "") == (parsed.text or ""), raw[:200]


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
async def test_a_text_is_read_and_indexed_as_it_was_parsed_under_any_declaration(house: Bed, body: bytes) -> None:
    inbox = await house.inbox()
    for n, (kind, end) in enumerate(itertools.product(TYPES, ("\r\n", "\n"))):
        declared = f"Content-Type: {kind}{end}" if kind else ""
        await _same(house, inbox, f"From: a@example.com{end}{declared}{end}".encode() + body, n)


@pytest.mark.parametrize("raw", [b"", b"\n", b"x", b"Subject: x", b"Subject: x\r\n", b"\xef\xbb\xbf"])
async def test_a_message_without_header_or_body_has_the_text_that_it_was_parsed_to(house: Bed, raw: bytes) -> None:
    await _same(house, await house.inbox(), raw, 0)
