"""Signed addresses: each names one object, ends within about an hour, and needs no key to be followed."""

import base64
import binascii
import json
from collections.abc import Callable

from postroom.model.errors import NotFound
from postroom.model.record import Record
from postroom.store.secret import Secret

LIFE_MS = 3_600_000
_PURPOSE = "download"


class Download(Record):
    """What an address gives: an attachment of a message or of a draft, or the raw message. Ids are inner ones."""

    org_id: str
    inbox_id: str
    message_id: str | None = None
    attachment_id: str | None = None
    draft_id: str | None = None
    as_text: bool = False  # the text of the attachment, not its bytes


class Links:
    """Makes and reads signed addresses. `base` gives the public address, None while nothing listens."""

    def __init__(self, secret: Secret, base: Callable[[], str | None], clock: Callable[[], int]) -> None:
        self._secret = secret
        self._base = base
        self._clock = clock

    def make(self, download: Download) -> tuple[str, int] | None:
        """Return the address and when it ends (UTC milliseconds), None while nothing listens."""
        base = self._base()
        if base is None:
            return None
        until = self._clock() + LIFE_MS
        claims = json.dumps([until, *download.model_dump().values()], separators=(",", ":")).encode()
        token = base64.urlsafe_b64encode(claims).decode().rstrip("=")
        return f"{base}/v1/postroom/downloads/{token}.{self._secret.sign(_PURPOSE, claims)}", until

    def read(self, token: str) -> Download:
        """Return what a token of ours names. Raises NotFound for any other, and for one whose time is over."""
        body, _dot, signature = token.partition(".")
        try:
            claims = base64.b64decode(body + "=" * (-len(body) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            claims = b""
        if self._secret.is_signed(_PURPOSE, claims, signature):
            until, *values = json.loads(claims)
            if until > self._clock():
                return Download(**dict(zip(Download.model_fields, values, strict=False)))
        raise NotFound("download", "this address", fix="It may have ended; ask for a new one.")
