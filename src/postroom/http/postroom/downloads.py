"""GET /v1/postroom/downloads/{token}: what a signed address names, as a file that no browser renders."""

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from postroom.http.errors import status_of
from postroom.model.errors import PostroomError
from postroom.model.tenant import Actor, Reach
from postroom.service.desk import Desk
from postroom.service.links import Download, Links

# Types that a browser may be told; all else comes as bytes.
_SAFE = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain", "text/csv")


def routes(desk: Desk, links: Links) -> list[Route]:
    """Return the route that serves signed addresses."""

    async def download(request: Request) -> Response:
        try:
            wanted = links.read(request.path_params["token"])
            return await _file(desk, wanted)
        except PostroomError as error:
            return JSONResponse({"code": error.code, "message": str(error)}, status_of(error))

    return [Route("/v1/postroom/downloads/{token}", download, methods=["GET"])]


async def _file(desk: Desk, wanted: Download) -> Response:
    actor = Actor(reach=Reach(org_id=wanted.org_id, inbox_id=wanted.inbox_id))
    if wanted.draft_id is not None:
        file = {"inbox_id": wanted.inbox_id, "draft_id": wanted.draft_id, "attachment_id": wanted.attachment_id}
        return _shown(await desk.call("drafts.attachment", actor, file))
    given = {"inbox_id": wanted.inbox_id, "message_id": wanted.message_id}
    if wanted.attachment_id is None:
        content = await desk.call("messages.raw", actor, given)
        return _answer(content, "message.eml", "application/octet-stream")
    given["attachment_id"] = wanted.attachment_id
    if wanted.as_text:
        found = await desk.call("messages.attachment_text", actor, given)
        answer = _answer(found.text.encode("utf-8", "replace"), "attachment.txt", "text/plain; charset=utf-8")
        if found.is_cut:
            answer.headers["x-postroom-truncated"] = "true"
        return answer
    return _shown(await desk.call("messages.attachment", actor, given))


def _shown(found: Any) -> Response:
    kind = found.attachment.content_type
    return _answer(
        found.content, found.attachment.filename or "attachment", kind if kind in _SAFE else "application/octet-stream"
    )


def _answer(content: bytes, filename: str, content_type: str) -> Response:
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, no-store",
    }
    return Response(content, media_type=content_type, headers=headers)
