"""GET /v1/postroom/opens/{token}: an image of one pixel, the same for every token, whether or not it means anything."""

import binascii
import logging

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.model.errors import PostroomError
from postroom.model.tenant import SYSTEM
from postroom.service.desk import Desk
from postroom.service.opens import PATH

log = logging.getLogger(__name__)
# GIF89a, 1 x 1, transparent.
PIXEL = binascii.a2b_hex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_HEADERS = {
    "cache-control": "no-store, no-cache, must-revalidate, private, max-age=0",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",  # pages of mail show it
}


def routes(desk: Desk) -> list[Route]:
    """Return the route of the pixel."""

    async def pixel(request: Request) -> Response:
        if request.method == "GET":  # who asks for the head alone shows nothing to anybody
            try:
                await desk.call("opens.note", SYSTEM, {"token": request.path_params["token"]})
            except PostroomError as error:
                log.warning("an opening was not noted error=%s", error)
        return Response(PIXEL, media_type="image/gif", headers=_HEADERS)

    return [Route(f"{PATH}{{token:path}}", pixel, methods=["GET"])]
