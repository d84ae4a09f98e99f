"""Files that are handed in over /v1/postroom and attached by their handle: the body of a request goes to disk as it
comes, so that no file is held in memory, nor passes through a model's context.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from postroom.http.agentmail import read, wire
from postroom.http.postroom import shapes
from postroom.http.postroom.multipart import Form
from postroom.http.route import Call, Json, Route, query_of
from postroom.model.errors import InvalidInput, TooMany
from postroom.model.tenant import Actor
from postroom.model.upload import UploadedFile
from postroom.service.desk import Desk
from postroom.service.handles import check_may_attach
from postroom.service.links import Links

UPLOAD = "attachments.upload"
AT_ONCE = 32  # uploads that this process takes at the same time
AT_ONCE_EACH = 8  # of them for one organization
OPENING_S = 30.0  # within which a form must come to its file
_FIELDS = ("inbox_id", "filename", "content_type")


class Uploads:
    """Answers requests whose body is a file: raw, or the one file of a form."""

    def __init__(self, desk: Desk, seconds: float | None = None) -> None:
        self._desk = desk
        self._open: Counter[str | None] = Counter()
        self._within: Mapping[str, Any] = {} if seconds is None else {"seconds": seconds}

    async def answer(self, request: Request, actor: Actor) -> Json:
        """Take in a file and return its handle. Raises PostroomError."""
        check_may_attach(actor)
        whose = actor.reach.org_id
        if self._open.total() >= AT_ONCE or self._open[whose] >= AT_ONCE_EACH:
            raise TooMany("Too many files come in at once.", fix="Try again in a moment.")
        self._open[whose] += 1
        try:
            given = await _given(request, actor)
            file: UploadedFile = await self._desk.call(UPLOAD, actor, {**given, **self._within})
        finally:
            self._open[whose] -= 1
        return Json(shown(file), 201)


async def _given(request: Request, actor: Actor) -> dict[str, Any]:
    """Return what is said of a file, and its pieces. What the query says stands before what the form says."""
    said = {name: value for name, value in dict(reversed(query_of(request))).items() if name in _FIELDS and value}
    kind = request.headers.get("content-type", "")
    if kind.lower().startswith("multipart/"):
        form = Form(request.stream(), kind)
        try:
            async with asyncio.timeout(OPENING_S):
                await form.open()
        except TimeoutError:
            raise InvalidInput("The form did not begin in time.", fix="Send it without a pause.") from None
        inside = {name: value for name, value in form.fields.items() if name in _FIELDS and value}
        told = {"filename": form.filename or None, "content_type": form.content_type}
        said = {**{name: value for name, value in told.items() if value}, **inside, **said}
        pieces = form.pieces()
    else:
        said = {**({"content_type": kind} if kind else {}), **said}
        pieces = request.stream()
    if "inbox_id" not in said and actor.reach.inbox_id is not None:
        said["inbox_id"] = actor.reach.inbox_id
    if "inbox_id" not in said:
        raise InvalidInput.at("inbox_id", "is required.", fix="Give ?inbox_id= in the address.")
    return {**said, "pieces": pieces}


def shown(file: UploadedFile) -> shapes.Upload:
    """Return an Upload."""
    upload: shapes.Upload = {
        "handle": file.handle,
        "inbox_id": file.inbox_address,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.sha256,
        "created_at": wire.moment(file.created_at),
        "expires_at": wire.moment(file.expires_at),
    }
    return wire.also(upload, {"filename": file.filename})


def _one(file: UploadedFile, _call: Call, _links: Links) -> shapes.Upload:
    return shown(file)


ROUTES = (
    Route("POST", "/attachments", UPLOAD, read.body, _one, 201),
    Route("GET", "/attachments/{handle}", "attachments.get", read.path, _one),
    Route("DELETE", "/attachments/{handle}", "attachments.delete", read.path, None, 204),
)
