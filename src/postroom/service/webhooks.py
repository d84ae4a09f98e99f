"""Webhooks: made, listed, changed, deleted. What they are told, and how, is `service/notifications` and `events/`."""

import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field

from postroom.model.errors import Conflict, Forbidden, InvalidInput, NotFound
from postroom.model.ids import new_id, random_bytes
from postroom.model.page import Page
from postroom.model.tenant import Actor
from postroom.model.webhook import EVENT_TYPES, STANDARD, Dialect, Webhook, permissions_for
from postroom.service import places
from postroom.service.inboxes import find_inbox
from postroom.service.operation import OURS, Answer, Context, Input
from postroom.service.pods import PodRef
from postroom.service.pods import get as get_pod
from postroom.store.json import as_json, from_json
from postroom.store.queries import counts
from postroom.store.queries import webhooks as queries

if TYPE_CHECKING:
    from postroom.service.desk import Desk

MAX_FILTERS = 10  # pods, and inboxes, of one webhook
MAX_WEBHOOKS = 1_000  # of one organization
MAX_HEADERS = 20
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # RFC 9110 5.6.2
# What the request says of itself, and what a receiver trusts as ours.
_RESERVED = frozenset(
    {
        *("host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "te"),
        *("trailer", "upgrade", "expect", "keep-alive", "proxy-authorization", "proxy-connection"),
    }
)
_OURS = ("svix-", "webhook-")


class CreateWebhook(Input):
    url: str = Field(max_length=4096, description="Where to send events (http or https).")
    event_types: tuple[str, ...] = Field(
        default=(), max_length=50, description="Which events, such as message.received; the standard ones when absent."
    )
    pod_ids: tuple[str, ...] = Field(default=(), max_length=MAX_FILTERS, description="Only events of these pods.")
    inbox_ids: tuple[str, ...] = Field(default=(), max_length=MAX_FILTERS, description="Only events of these inboxes.")
    client_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9\-._~]{1,256}$",
        description="Your own id: a second create with it returns the first webhook.",
    )
    headers: dict[str, str] | None = Field(
        default=None, max_length=MAX_HEADERS, description="Headers to send along; they are never shown again."
    )
    client_id_tracks: bool = Field(
        default=False, description="client_id only tracks: a create makes another webhook.", json_schema_extra=OURS
    )
    dialect: Dialect = Field(
        default="agentmail",
        description="Whose bodies it is sent; of all but agentmail the secret is shown once.",
        json_schema_extra=OURS,
    )
    secret: str | None = Field(
        default=None,
        min_length=8,
        max_length=256,
        description="What signs the bodies (whsec_ and base64, or any text); drawn when absent.",
        json_schema_extra=OURS,
    )


class ListWebhooks(places.ByNumber):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    ascending: bool = Field(default=False, description="Oldest first.")


class WebhookRef(Input):
    webhook_id: str = Field(description="The webhook (ep_…).")


class UpdateWebhook(WebhookRef):
    event_types: tuple[str, ...] = Field(
        default=(), max_length=50, description="Which events from now on; unchanged when empty."
    )
    add_pod_ids: tuple[str, ...] = Field(default=(), max_length=MAX_FILTERS, description="Pods to be told of as well.")
    remove_pod_ids: tuple[str, ...] = Field(default=(), max_length=MAX_FILTERS, description="Pods to leave out.")
    add_inbox_ids: tuple[str, ...] = Field(
        default=(), max_length=MAX_FILTERS, description="Inboxes to be told of as well."
    )
    remove_inbox_ids: tuple[str, ...] = Field(default=(), max_length=MAX_FILTERS, description="Inboxes to leave out.")
    enabled: bool | None = Field(default=None, description="false: it is told nothing until it is true again.")
    url: str | None = Field(
        default=None, max_length=4096, description="Where to send events from now on.", json_schema_extra=OURS
    )
    inbox_ids: tuple[str, ...] | None = Field(
        default=None,
        max_length=MAX_FILTERS,
        description="Only events of these inboxes from now on; empty: of all.",
        json_schema_extra=OURS,
    )


class UpdateHeaders(WebhookRef):
    headers: dict[str, str] = Field(default={}, max_length=MAX_HEADERS, description="Headers to set.")
    remove_headers: tuple[str, ...] = Field(default=(), max_length=100, description="Names of headers to take off.")


async def create(desk: "Desk", actor: Actor, given: CreateWebhook) -> Answer[Webhook]:
    """Create a webhook: an address that is told of events as they happen."""
    await desk.rooms.fetcher.check(given.url)
    return await desk.ask("webhooks.add", actor, given)


def add(context: Context, given: CreateWebhook) -> Webhook:
    """Write a new webhook whose address has been looked at; the known one for a known `client_id`."""
    reach = context.actor.reach
    place = reach.inbox_id or reach.pod_id or reach.org_id
    if place is None or reach.org_id is None:
        raise Conflict("A webhook belongs to an organization.", fix="Use a key of the organization.")
    is_unique = given.client_id is not None and not given.client_id_tracks
    if is_unique:
        known = context.tx.one(queries.BY_CLIENT_ID, place=place, client_id=given.client_id)
        if known is not None:
            return _shown(context, known)
    if (context.tx.one(queries.COUNT, org_id=reach.org_id) or 0) >= MAX_WEBHOOKS:
        raise Conflict(f"There are {MAX_WEBHOOKS} webhooks already.", fix="Delete some.")
    webhook = _new(context, given)
    row = {**webhook.model_dump(), **_changing(webhook), "id": webhook.webhook_id, "place": place}
    context.tx.insert(queries.ADD, row)
    if is_unique:
        named = {"kind": "webhook", "place": place, "client_id": given.client_id, "id": webhook.webhook_id}
        context.tx.insert(counts.ADD_CLIENT_ID, named)
    context.tx.ring("webhook")
    return _opened(context, webhook)


def list_(context: Context, given: ListWebhooks) -> Page[Webhook]:
    """List the webhooks, newest first."""
    within, owner = context.actor.reach.innermost
    query = queries.page(within, given.ascending)
    if (skip := places.number(given.offset, given.page_token)) is not None:
        total = context.tx.one(queries.number(within), owner=owner) or 0
        end = places.from_end("webhooks", ascending=given.ascending)

        def fetch(skip: int) -> list[Webhook]:
            return [_shown(context, one) for one in context.tx.all(query, owner=owner, **end, n=given.limit, skip=skip)]

        return places.leap(skip, total, fetch)
    page = places.turn(
        "webhooks",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=lambda mark, n: context.tx.all(query, owner=owner, **mark, n=n),
        place=lambda webhook: (webhook.created_at, webhook.webhook_id),
    )
    return Page(tuple(_shown(context, webhook) for webhook in page.items), page.next_page_token)


def get(context: Context, given: WebhookRef) -> Webhook:
    """Get one webhook."""
    return _shown(context, _find(context, given))


async def update(desk: "Desk", actor: Actor, given: UpdateWebhook) -> Answer[Webhook]:
    """Change which events a webhook is told of and where, or switch it on and off."""
    if given.url is not None:
        await desk.rooms.fetcher.check(given.url)
    return await desk.ask("webhooks.change", actor, given)


def change(context: Context, given: UpdateWebhook) -> Webhook:
    """Write what is changed of a webhook; a new address has been looked at."""
    webhook = _find(context, given)
    if not given.model_fields_set - {"webhook_id"}:
        raise InvalidInput("Nothing to change.", fix="Give event_types, enabled, or pods and inboxes to add or remove.")
    filters = _changed_filters(context, webhook, given)
    types = allowed_types(context.actor, given.event_types) if given.event_types else webhook.event_types
    changed = webhook.model_copy(
        update={
            **filters,
            "event_types": types,
            **_address(webhook, given.url),
            "enabled": webhook.enabled if given.enabled is None else given.enabled,
            "failing_since": None if given.enabled else webhook.failing_since,
            "updated_at": context.now,
        }
    )
    context.tx.run(queries.UPDATE, key=webhook.webhook_id, **_changing(changed))
    return _shown(context, changed)


def delete(context: Context, given: WebhookRef) -> None:
    """Delete a webhook, with what was on its way to it."""
    webhook = _find(context, given)
    context.tx.run(queries.DELETE_DELIVERIES, key=webhook.webhook_id)
    context.tx.run(queries.DELETE, key=webhook.webhook_id)
    context.tx.ring("webhook")


def header_names(context: Context, given: WebhookRef) -> list[str]:
    """Name the headers that a webhook is sent along; their values are shown to nobody."""
    return sorted(headers_of(context, _find(context, given)))


def update_headers(context: Context, given: UpdateHeaders) -> None:
    """Set and take off headers that a webhook is sent along."""
    webhook = _find(context, given)
    removed = {name.lower() for name in given.remove_headers}
    if both := sorted(removed & {name.lower() for name in given.headers}):
        raise InvalidInput.at("remove_headers", f"{both[0]!r} is set and removed.", fix="Do one of the two.")
    going = removed | {name.lower() for name in given.headers}
    headers = {name: value for name, value in headers_of(context, webhook).items() if name.lower() not in going}
    headers |= _checked_headers(given.headers)
    if len(headers) > MAX_HEADERS:
        raise InvalidInput.at("headers", f"a webhook has at most {MAX_HEADERS}.")
    sealed = context.house.secret.seal(_purpose("headers", webhook.webhook_id), as_json(headers)) if headers else None
    changed = webhook.model_copy(update={"headers": sealed, "updated_at": context.now})
    context.tx.run(queries.UPDATE, key=webhook.webhook_id, **_changing(changed))


def headers_of(context: Context, webhook: Webhook) -> dict[str, str]:
    """Return the headers of a webhook as it is kept."""
    if webhook.headers is None:
        return {}
    found: dict[str, str] = from_json(_unsealed(context, "headers", webhook.webhook_id, webhook.headers))
    return found


def secret_of(context: Context, webhook: Webhook) -> str:
    """Return the secret (whsec_…) of a webhook as it is kept."""
    return _unsealed(context, "secret", webhook.webhook_id, webhook.secret)


def allowed_types(actor: Actor, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the event types that `actor` subscribes to by naming `wanted`; by naming none, all standard ones.

    Raises:
        InvalidInput: a type that does not exist.
        Forbidden: one that the key's permissions do not let it see.
    """
    for name in wanted:
        if name not in EVENT_TYPES:
            raise InvalidInput.at("event_types", f"{name[:60]!r} is no event.", fix=f"Known: {', '.join(EVENT_TYPES)}.")
        if missing := _missing(actor, name):
            raise _forbidden(missing)
    if wanted:
        return tuple(dict.fromkeys(wanted))
    mine = tuple(name for name in STANDARD if not _missing(actor, name))
    if not mine:
        raise _forbidden(_missing(actor, STANDARD[0]))
    return () if mine == STANDARD else mine


def _missing(actor: Actor, event_type: str) -> str:
    return next((name for name in permissions_for(event_type) if not actor.may(name)), "")


def _forbidden(permission: str) -> Forbidden:
    return Forbidden(f"{permission} is forbidden.", fix=f"Use a key that has {permission}.")


def _new(context: Context, given: CreateWebhook) -> Webhook:
    reach, webhook_id = context.actor.reach, new_id("ep", context.now)
    pod_ids, inboxes = _filters(context, given.pod_ids, given.inbox_ids)
    headers = _checked_headers(given.headers or {})
    seal = context.house.secret.seal
    secret = given.secret or "whsec_" + base64.b64encode(random_bytes(24)).decode()
    return Webhook(
        webhook_id=webhook_id,
        org_id=reach.org_id or "",
        pod_id=reach.pod_id,
        inbox_id=reach.inbox_id,
        inbox_address=find_inbox(context, reach.inbox_id).address if reach.inbox_id else None,
        client_id=given.client_id,
        dialect=given.dialect,
        url=given.url,
        event_types=allowed_types(context.actor, given.event_types),
        pod_ids=pod_ids,
        inboxes=inboxes,
        secret=seal(_purpose("secret", webhook_id), secret),
        headers=seal(_purpose("headers", webhook_id), as_json(headers)) if headers else None,
        enabled=True,
        created_at=context.now,
        updated_at=context.now,
    )


def _filters(
    context: Context, pod_ids: tuple[str, ...], inbox_ids: tuple[str, ...]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return pods, and inboxes by inner id, that were named. Raises NotFound for one out of reach."""
    reach = context.actor.reach
    if pod_ids and reach.pod_id is not None:
        raise InvalidInput.at("pod_ids", "a webhook of a pod is told of that pod.", fix="Leave it out.")
    if inbox_ids and reach.inbox_id is not None:
        raise InvalidInput.at("inbox_ids", "a webhook of an inbox is told of that inbox.", fix="Leave it out.")
    pods = tuple(dict.fromkeys(get_pod(context, PodRef(pod_id=pod_id)).pod_id for pod_id in pod_ids))
    found = [find_inbox(context, inbox_id) for inbox_id in inbox_ids]
    return pods, {inbox.inbox_id: inbox.address for inbox in found}


def _address(webhook: Webhook, url: str | None) -> dict[str, Any]:
    """Return what a new address changes. Headers stay at their host: nobody but it was meant to be told of them."""
    if url is None:
        return {}
    before, after = urlsplit(webhook.url), urlsplit(url)
    is_same = (before.scheme, before.netloc) == (after.scheme, after.netloc)
    return {"url": url, "headers": webhook.headers if is_same else None}


def _changed_filters(context: Context, webhook: Webhook, given: UpdateWebhook) -> dict[str, Any]:
    if given.inbox_ids is not None:
        if given.add_inbox_ids or given.remove_inbox_ids:
            raise InvalidInput.at("inbox_ids", "exclusive with add_inbox_ids and remove_inbox_ids.")
        return {"inboxes": _filters(context, (), given.inbox_ids)[1]}
    added_pods, added_inboxes = _filters(context, given.add_pod_ids, given.add_inbox_ids)
    gone = {name.strip().lower() for name in given.remove_inbox_ids}
    pods = (*webhook.pod_ids, *(p for p in added_pods if p not in webhook.pod_ids))
    pods = tuple(p for p in pods if p not in given.remove_pod_ids)
    inboxes = {
        inner: address
        for inner, address in {**webhook.inboxes, **added_inboxes}.items()
        if inner not in gone and address.lower() not in gone
    }
    if max(len(pods), len(inboxes)) > MAX_FILTERS:
        raise InvalidInput(f"A webhook names at most {MAX_FILTERS} pods and {MAX_FILTERS} inboxes.")
    if (webhook.pod_ids or webhook.inboxes) and not pods and not inboxes:
        # It would be told of everything from one moment to the next.
        raise InvalidInput("A webhook that names pods or inboxes keeps one at least.", fix="Delete it instead.")
    return {"pod_ids": pods, "inboxes": inboxes}


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        folded = name.lower()
        if not _NAME.fullmatch(name) or folded in _RESERVED or folded.startswith(_OURS):
            raise InvalidInput.at("headers", f"{name[:50]!r} cannot be set.", fix="Choose another name.")
        if len(value) > 2_000 or not value.isascii() or not value.isprintable():
            raise InvalidInput.at("headers", f"the value of {name!r} is no header's.", fix="Printable ASCII, one line.")
    return headers


def _find(context: Context, given: WebhookRef) -> Webhook:
    found = context.tx.one(queries.BY_ID, id=given.webhook_id.strip())
    if found is None:
        raise NotFound("webhook", given.webhook_id, fix="List the webhooks to see those there are.")
    return found


def _shown(context: Context, webhook: Webhook) -> Webhook:
    """Return a webhook as its owner sees it once it is made: with its secret where that is shown more than once."""
    if webhook.dialect == "agentmail":
        return _opened(context, webhook)
    return webhook.model_copy(update={"secret": "", "headers": None})


def _opened(context: Context, webhook: Webhook) -> Webhook:
    """Return a webhook as its owner sees it at the moment it is made."""
    return webhook.model_copy(update={"secret": secret_of(context, webhook), "headers": None})


def _changing(webhook: Webhook) -> dict[str, Any]:
    """Return the columns that change."""
    return {
        "url": webhook.url,
        "event_types": as_json(webhook.event_types),
        "pod_ids": as_json(webhook.pod_ids),
        "inboxes": as_json(webhook.inboxes),
        "headers": webhook.headers,
        "enabled": webhook.enabled,
        "updated_at": webhook.updated_at,
        "failing_since": webhook.failing_since,
    }


def _unsealed(context: Context, what: str, webhook_id: str, sealed: str) -> str:
    try:
        return context.house.secret.unseal(_purpose(what, webhook_id), sealed)
    except ValueError as error:
        fix = "Bring back the secret.key of this database, or delete the webhook and create it again."
        raise Conflict(f"The {what} of webhook {webhook_id} cannot be read.", fix=fix) from error


def _purpose(what: str, webhook_id: str) -> str:
    """Return what a sealed column is for: moved to another row it does not open."""
    return f"webhook {what} {webhook_id}"
