"""A person lets a client in: what the client asks is checked, the person shows a key, chooses, and is sent back with a
code (OAuth 2.1, RFC 9207). What is granted is an API key, never more than the key that was shown.

The question waits in no row: it is sealed into the page that shows it, bound to the browser, and ends in minutes. So an
unknown visitor writes nothing, and any process of the data folder reads the answer, before and after a restart.
"""

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from pydantic import Field, ValidationError

from postroom.model.errors import InvalidInput, NotFound, Unauthenticated
from postroom.model.ids import new_id, new_secret
from postroom.model.oauth import Client, OAuthProblem
from postroom.model.record import Record
from postroom.model.tenant import SYSTEM, Actor
from postroom.service import oauth_clients as clients
from postroom.service import toolsets
from postroom.service.keys import CreateKey, create
from postroom.service.oauth_parameters import check_resource, needed, once, resource_of, sha256
from postroom.service.oauth_tokens import KeyId
from postroom.service.operation import Answer, Context, Input
from postroom.service.tenants import Credentials
from postroom.store.queries import oauth as queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

TICKET_MS = 10 * 60_000
CODE_MS = 2 * 60_000
ALL = "*"
_SHOWN = 100  # inboxes to choose from
_PURPOSE = "oauth ticket"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636 4.2: SHA-256 in base64url
_STATE = 2_000
_WRONG = "This key does not open this."


class Begin(Input):
    """A request for authorization as it stands in a query; `browser` is the secret of a cookie, `offered` are the
    toolsets of this server.
    """

    issuer: str
    browser: str
    offered: tuple[str, ...] = toolsets.ALL
    query: tuple[tuple[str, str], ...]


class Identify(Input):
    """The answer to the first page: a key."""

    ticket: str
    browser: str
    api_key: str = Field(repr=False)


class Decide(Input):
    """The answer to the second page. `inbox_id` is an address, or ALL for whatever the key reaches."""

    ticket: str
    browser: str
    allow: bool
    inbox_id: str | None = None
    toolsets: tuple[str, ...] = ()


class Ticket(Record):
    """A question that a person was asked; `until` is UTC milliseconds."""

    id: str
    until: int
    browser: str
    issuer: str
    client_id: str
    name: str
    redirect_uri: str
    state: str | None
    challenge: str
    scope: tuple[str, ...]
    offered: tuple[str, ...] = toolsets.ALL
    api_key_id: str | None = None


class Question(Record):
    """What a page shows. `inboxes` and `toolsets` are what there is to choose from, once a key was shown."""

    ticket: str
    name: str
    client_id: str
    redirect_uri: str
    host: str
    scope: tuple[str, ...]
    inboxes: tuple[str, ...] = ()
    has_more: bool = False
    toolsets: tuple[str, ...] = ()


class Allow(Input):
    """What is granted to whom; `code` is the SHA-256 of the code."""

    ticket: Ticket
    inbox_id: str | None
    toolsets: tuple[str, ...]
    code: bytes


async def begin(desk: "Desk", _actor: Actor, given: Begin) -> Answer[Question]:
    """Check what a client asks for; return the question for the person. Raises OAuthProblem."""
    asked = once(given.query)
    client = await clients.look_up(desk, needed(asked, "client_id"))
    redirect = asked.get("redirect_uri", "")
    # Before this holds, nobody is sent anywhere (RFC 9700 4.11.2).
    if not clients.fits(client, redirect):
        raise OAuthProblem("The client asks to be answered at an address that is not its own.")
    clients.check_redirect(redirect)
    state = asked.get("state")
    try:
        ticket = _ticket(desk, given, client, asked)
    except OAuthProblem as problem:
        told = {"error": problem.code, "error_description": problem.message, "state": _short(state)}
        raise OAuthProblem(
            problem.message, code=problem.code, back=_location(redirect, **told, iss=given.issuer)
        ) from None
    return Answer(_question(desk, ticket), 0)


def _ticket(desk: "Desk", given: Begin, client: Client, asked: dict[str, str]) -> Ticket:
    if asked.get("response_type") != "code":
        raise OAuthProblem("response_type must be code.", code="unsupported_response_type")
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        raise OAuthProblem("PKCE with S256 is needed.")
    if len(asked.get("state", "")) > _STATE:
        raise OAuthProblem("state is too long.")
    check_resource(asked.get("resource"), given.issuer)
    known = tuple(name for name in dict.fromkeys(asked.get("scope", "").split()) if name in given.offered)
    usual = tuple(name for name in toolsets.DEFAULT if name in given.offered)
    now = desk.clock()
    return Ticket(
        id=new_id("ask", now),
        until=now + TICKET_MS,
        browser=_digest(given.browser),
        issuer=given.issuer,
        client_id=client.client_id,
        name=client.name,
        redirect_uri=asked["redirect_uri"],
        state=asked.get("state"),
        challenge=asked["code_challenge"],
        scope=known or usual,
        offered=given.offered,
    )


async def identify(desk: "Desk", _actor: Actor, given: Identify) -> Answer[Question]:
    """Find out who answers; return what there is to choose.

    Raises:
        Unauthenticated: it is no key, or one that may not make keys: in the same words.
        OAuthProblem: the ticket is not this browser's, or its time is over.
    """
    ticket = _opened(desk, given.ticket, given.browser)
    try:
        actor: Actor = await desk.call("tenants.authenticate", SYSTEM, Credentials(api_key=given.api_key))
    except Unauthenticated:
        raise Unauthenticated(_WRONG) from None
    if not actor.may("api_key_create"):
        raise Unauthenticated(_WRONG)
    return Answer(await _choices(desk, actor, ticket.model_copy(update={"api_key_id": actor.api_key_id})), 0)


async def _choices(desk: "Desk", actor: Actor, ticket: Ticket) -> Question:
    inboxes: tuple[str, ...] = ()
    more = False
    if actor.may("inbox_read"):
        page = await desk.call("inboxes.list", actor, {"limit": _SHOWN})
        inboxes, more = tuple(inbox.address for inbox in page.items), page.next_page_token is not None
    useful = _useful(ticket, actor.reach.inbox_id)
    offered = tuple(name for name in useful if toolsets.permissions_of([name], actor.permissions))
    question = _question(desk, ticket)
    return question.model_copy(update={"inboxes": inboxes, "has_more": more, "toolsets": offered})


def _useful(ticket: Ticket, inbox_id: str | None) -> tuple[str, ...]:
    """Return the toolsets that a client of an inbox, or of more (None), finds tools of at this server."""
    beyond = () if inbox_id is None else toolsets.BEYOND_INBOX
    return tuple(name for name in toolsets.ALL if name in ticket.offered and name not in beyond)


async def decide(desk: "Desk", _actor: Actor, given: Decide) -> Answer[str]:
    """Do what the person decided; return the address to send the browser to.

    Raises:
        OAuthProblem: the ticket is not this browser's, its time is over, it was answered; nothing was chosen.
    """
    ticket = _opened(desk, given.ticket, given.browser)
    told: dict[str, str | None] = {"state": ticket.state, "iss": ticket.issuer}
    if not given.allow:
        return Answer(_location(ticket.redirect_uri, error="access_denied", **told), 0)
    if ticket.api_key_id is None or given.inbox_id is None:
        raise OAuthProblem("Show a key and choose an inbox first.")
    code = new_secret("pc")
    actor: Actor = await desk.call("oauth.holder", SYSTEM, KeyId(api_key_id=ticket.api_key_id))
    inbox_id = None if given.inbox_id == ALL else given.inbox_id
    allowed = Allow(ticket=ticket, inbox_id=inbox_id, toolsets=given.toolsets, code=sha256(code))
    try:
        await desk.call("oauth.allow", actor, allowed)
    except NotFound:
        raise OAuthProblem("There is no such inbox.") from None
    return Answer(_location(ticket.redirect_uri, code=code, **told), 0)


def allow(context: Context, given: Allow) -> None:
    """Make the key of a client and the code that stands for it. Raises OAuthProblem and what `keys.create` does."""
    ticket = given.ticket
    if context.tx.one(queries.IS_ANSWERED, request=ticket.id) is not None:
        raise OAuthProblem("This question was answered already. Begin again in the client.")
    inbox_id = given.inbox_id or context.actor.reach.inbox_id
    chosen = tuple(name for name in _useful(ticket, inbox_id) if name in given.toolsets)
    permissions = toolsets.permissions_of(chosen, context.actor.permissions)
    if not permissions:
        raise OAuthProblem("Choose what the client may do.")
    name = f"{ticket.name} ({clients.host_of(ticket.redirect_uri)})"[:256]
    # Its secret is dropped here: nobody can act by it but through the tokens of the grant.
    key = create(context, CreateKey(name=name, inbox_id=given.inbox_id, permissions=permissions)).key
    context.tx.insert(
        queries.ADD_GRANT,
        {
            **{"id": new_id("gra", context.now), "org_id": key.org_id, "pod_id": key.pod_id, "inbox_id": key.inbox_id},
            **{"api_key_id": key.api_key_id, "request": ticket.id, "client_id": ticket.client_id},
            **{"redirect_uri": ticket.redirect_uri, "resource": resource_of(ticket.issuer), "scope": " ".join(chosen)},
            **{"challenge": ticket.challenge, "code": given.code, "code_until": context.now + CODE_MS},
            **{"used_at": None, "created_at": context.now},
        },
    )
    context.tx.run(queries.USE_CLIENT, key=ticket.client_id, used_at=context.now)


def _short(state: str | None) -> str | None:
    return state if state is not None and len(state) <= _STATE else None


def _digest(browser: str) -> str:
    return sha256(browser).hex()


def _question(desk: "Desk", ticket: Ticket) -> Question:
    return Question(
        ticket=desk.house.secret.seal(_PURPOSE, ticket.model_dump_json()),
        name=ticket.name,
        client_id=ticket.client_id,
        redirect_uri=ticket.redirect_uri,
        host=clients.host_of(ticket.redirect_uri),
        scope=ticket.scope,
    )


def _opened(desk: "Desk", sealed: str, browser: str) -> Ticket:
    try:
        ticket = Ticket.model_validate_json(desk.house.secret.unseal(_PURPOSE, sealed))
    except (ValueError, ValidationError, InvalidInput):
        ticket = None
    if ticket is None or ticket.browser != _digest(browser) or ticket.until <= desk.clock():
        raise OAuthProblem("This page is over. Begin again in the client.")
    return ticket


def _location(uri: str, **told: Any) -> str:
    """Return a redirect address with an answer in its query (RFC 6749 4.1.2)."""
    given = urlencode({name: value for name, value in told.items() if value is not None})
    return f"{uri}{'&' if urlsplit(uri).query else '?'}{given}"
