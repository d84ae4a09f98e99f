"""The endpoint that a person's browser is sent to: asks for a key, lets choose, sends back. The rules are the engine's;
here is what browsers make necessary: the cookie that binds a page to its browser, and where a form may come from.
"""

import re
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from postroom.http.errors import status_of
from postroom.http.oauth.forms import form_of, pairs_of, peer_of
from postroom.http.oauth.pages import choice_page, key_page, problem_page
from postroom.model.errors import PostroomError, Unauthenticated
from postroom.model.ids import new_secret
from postroom.model.oauth import OAuthProblem
from postroom.model.tenant import SYSTEM
from postroom.service.desk import Desk
from postroom.service.oauth import TICKET_MS, Begin, Decide, Identify, Question
from postroom.service.oauth_parameters import once
from postroom.service.patience import Patience, Quota

_PATH = "/oauth/authorize"
_BROWSER = re.compile(r"br_[A-Za-z0-9_-]{43}")
_A_MINUTE = 60  # pages of one peer: each may have us fetch a document
_QUERY = 16 * 1024


class Pages:
    """The pages of one server."""

    def __init__(self, desk: Desk, public_url: str, offered: tuple[str, ...]) -> None:
        self._desk = desk
        self._offered = offered
        self._issuer = public_url
        self._patience = Patience(desk.clock)
        self._quota = Quota(desk.clock, _A_MINUTE, 60_000)
        parts = urlsplit(public_url)
        self._action = f"{parts.path.rstrip('/')}{_PATH}"
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._is_secure = parts.scheme == "https"
        self._cookie = "__Secure-postroom-consent" if self._is_secure else "postroom-consent"

    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route(_PATH, self.show, methods=["GET"]),
            Route(_PATH, self.take, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Answer the request of a client that came by a browser: the first page, or what is wrong with it."""
        browser = self._browser(request) or new_secret("br")
        try:
            self._quota.take(peer_of(request))
            query = bytes(request.scope["query_string"])
            if len(query) > _QUERY:
                raise OAuthProblem("The request is too long.")
            begun = Begin(issuer=self._issuer, browser=browser, offered=self._offered, query=pairs_of(query))
            question: Question = await self._desk.call("oauth.begin", SYSTEM, begun)
        except PostroomError as error:
            return problem_page(str(error), getattr(error, "back", None), status_of(error))
        page = key_page(question, self._action)
        self._bind(page, browser)
        return page

    async def take(self, request: Request) -> Response:
        """Answer a form of ours."""
        try:
            form = await form_of(request)
            browser = self._browser(request)
            if browser is None or not self._is_ours(request):
                raise OAuthProblem("This form did not come from its page. Begin again in the client.")
            names = once([pair for pair in form if pair[0] != "toolset"])
            if names.get("step") == "key":
                return await self._identified(request, browser, names)
            return await self._decided(browser, names, tuple(value for name, value in form if name == "toolset"))
        except PostroomError as error:
            return problem_page(str(error), status=status_of(error))
        except ClientDisconnect:
            return Response(status_code=400)

    async def _identified(self, request: Request, browser: str, names: dict[str, str]) -> Response:
        peer = peer_of(request)
        self._patience.begin(peer)
        given = Identify(ticket=names.get("ticket", ""), browser=browser, api_key=names.get("api_key", "").strip())
        try:
            question: Question = await self._desk.call("oauth.identify", SYSTEM, given)
        except Unauthenticated as error:
            return problem_page(f"{error.message} Go back and try again in a moment.", status=403)
        self._patience.forgive(peer)
        return choice_page(question, self._action)

    async def _decided(self, browser: str, names: dict[str, str], toolsets: tuple[str, ...]) -> Response:
        decided = Decide(
            ticket=names.get("ticket", ""),
            browser=browser,
            allow=names.get("step") == "allow",
            inbox_id=names.get("other") or names.get("inbox_id") or None,
            toolsets=toolsets,
        )
        location: str = await self._desk.call("oauth.decide", SYSTEM, decided)
        answer = RedirectResponse(location, 303, headers={"cache-control": "no-store"})
        answer.headers["location"] = location  # as the client gave it, not quoted anew
        answer.headers["referrer-policy"] = "no-referrer"
        return answer

    def _browser(self, request: Request) -> str | None:
        """Return the secret of the browser's cookie, None where there is none of ours."""
        found = request.cookies.get(self._cookie, "")
        return found if _BROWSER.fullmatch(found) else None

    def _bind(self, page: Response, browser: str) -> None:
        page.set_cookie(
            self._cookie,
            browser,
            max_age=TICKET_MS // 1000,
            path=self._action,
            secure=self._is_secure,
            httponly=True,
            samesite="lax",  # a client's link brings it along, a form elsewhere does not
        )

    def _is_ours(self, request: Request) -> bool:
        """Tell whether a form comes from a page of this server, as far as the browser says where it is from."""
        origin = request.headers.get("origin", self._origin)
        return origin == self._origin and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
