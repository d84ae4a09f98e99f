"""The routes of OAuth: with an outside issuer only the document that names it. It decides nothing."""

from starlette.routing import Route

from postroom.http.oauth import endpoints, metadata
from postroom.http.oauth.consent import Pages
from postroom.service import toolsets
from postroom.service.desk import Desk


def routes(
    desk: Desk, public_url: str, outside: str | None = None, offered: tuple[str, ...] = toolsets.ALL
) -> list[Route]:
    """Return the routes of a server that is reached at `public_url` and offers these toolsets.

    `outside`: the issuer in place of ours.
    """
    known = metadata.routes(public_url, outside, offered)
    if outside is not None:
        return known
    return [*known, *Pages(desk, public_url, offered).routes(), *endpoints.routes(desk, public_url)]
