"""Reads a form that came over HTTP, bounded, and who sent it."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from postroom.model.errors import TooLarge
from postroom.model.oauth import OAuthProblem

MAX_BYTES = 64 * 1024
_FIELDS = 100

Pairs = tuple[tuple[str, str], ...]


async def body_of(request: Request) -> bytes:
    """Return the body of a request. Raises TooLarge past MAX_BYTES."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BYTES:
            raise TooLarge(f"The request is over {MAX_BYTES} bytes.")
        pieces.append(piece)
    return b"".join(pieces)


async def form_of(request: Request) -> Pairs:
    """Return the fields of a form in order. Raises TooLarge, and OAuthProblem for what is no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise OAuthProblem("Send a form: application/x-www-form-urlencoded.")
    return pairs_of(await body_of(request))


def pairs_of(text: bytes) -> Pairs:
    """Return the pairs of a query or of a form. Raises OAuthProblem: more than there can be, or no Unicode."""
    try:
        pairs = parse_qsl(text.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except ValueError:
        raise OAuthProblem("The parameters cannot be read.") from None
    if any("\0" in value for pair in pairs for value in pair):
        raise OAuthProblem("The parameters cannot be read.")
    return tuple(pairs)


def peer_of(request: Request) -> str:
    """Return the address of who asks; of all behind one proxy it is the proxy's."""
    return request.client.host if request.client else ""
