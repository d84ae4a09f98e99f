"""Domains of one's own: added, shown with the records to publish, held against the DNS, changed, taken away.

Which of them carry mail is decided in hosting.py; the records and what makes one right are in dns_records.py.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from postroom.mime import dkim
from postroom.model.domain import Domain, DomainStatus, Finding, RecordStatus
from postroom.model.errors import Conflict, InvalidInput, NotFound, OutOfScope, ResourceTaken, Temporary, Unprocessable
from postroom.model.event import EventType
from postroom.model.ids import ALPHABET, new_id, random_bytes
from postroom.model.page import Page
from postroom.model.tenant import Actor
from postroom.service import dns_records, hosting, places, totals
from postroom.service.dns_records import Zone
from postroom.service.operation import Answer, Context, Input
from postroom.store.json import as_json
from postroom.store.queries import domains as queries
from postroom.store.queries import metrics
from postroom.store.queries.domains import Kept

if TYPE_CHECKING:
    from postroom.service.desk import Desk

log = logging.getLogger(__name__)
SEAL = "dkim"  # what private keys are sealed for
_GOOGLE = (".google.com", ".googlemail.com")
_FLAGS = ("feedback_enabled", "inbound_enabled", "subdomains_enabled", "tracking_enabled")


class CreateDomain(Input):
    domain: str = Field(min_length=1, max_length=1000, description="The domain, such as example.com.")
    allow_conflicting_provider: bool = Field(default=False, description="Add it though Google Workspace has its mail.")
    feedback_enabled: bool = Field(default=True, description="Bounces and complaints come into the inboxes.")
    inbound_enabled: bool = Field(default=True, description="Receive mail; without it the domain only sends.")
    subdomains_enabled: bool = Field(default=False, description="Inboxes on any subdomain as well.")
    tracking_enabled: bool = Field(default=False, description="Messages may tell that they were opened.")


class DomainRef(Input):
    domain_id: str = Field(max_length=1000, description="The domain: its name.")


class ListDomains(places.ByNumber):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    ascending: bool = Field(default=False, description="Oldest first.")


class UpdateDomain(DomainRef):
    feedback_enabled: bool | None = Field(default=None, description="Bounces and complaints come into the inboxes.")
    inbound_enabled: bool | None = Field(default=None, description="Receive mail; without it the domain only sends.")
    subdomains_enabled: bool | None = Field(default=None, description="Inboxes on any subdomain as well.")
    tracking_enabled: bool | None = Field(default=None, description="Messages may tell that they were opened.")


class NewDomain(Input):
    """A domain whose name was checked, with its key."""

    name: str
    public_key: str
    private_key: str  # sealed
    flags: Mapping[str, bool]


class Name(Input):
    """A domain's name in A-labels."""

    name: str


class Findings(DomainRef):
    """What the DNS said of each record, by its key; None where it could not be asked."""

    found: Mapping[str, Finding] | None


class _Place(NamedTuple):
    """Where an event of a domain belongs: in no inbox, and in no pod where every pod may use it."""

    org_id: str
    pod_id: str
    inbox_id: None = None


async def create(desk: "Desk", actor: Actor, given: CreateDomain) -> Answer[Domain]:
    """Add a domain; the answer has the DNS records to publish before it is verified.

    Raises:
        InvalidInput: it is not the name of a domain.
        Unprocessable: it is there already, or has mail at Google Workspace.
        ResourceTaken: another organization has verified it.
    """
    name = _checked_name(given.domain)
    await desk.call("domains.check_free", actor, Name(name=name))
    if given.inbound_enabled and not given.allow_conflicting_provider:
        await _check_provider(desk, name)
    key = await asyncio.to_thread(dkim.new_key)
    sealed = desk.rooms.secret.seal(SEAL, key.private)
    flags = {flag: getattr(given, flag) for flag in _FLAGS}
    new = NewDomain(name=name, public_key=key.public, private_key=sealed, flags=flags)
    return await desk.ask("domains.add", actor, new)


def check_free(context: Context, given: Name) -> None:
    """Let pass a name that the asker may still add. Raises as `create` does."""
    org_id = context.actor.reach.org_id
    if org_id is None or context.actor.reach.inbox_id is not None:
        raise OutOfScope("A key of one inbox adds no domain.", fix="Use a key of the organization.")
    if hosting.is_own(context, given.name):
        raise ResourceTaken(f"{given.name} is the domain of this server.", fix="Inboxes on it need no domain.")
    host = context.tx.one(queries.HOST, name=given.name)
    if host is not None and host.org_id != org_id:
        raise ResourceTaken(f"Another organization has verified {given.name}.", fix="Ask the operator of this server.")
    if context.tx.one(queries.TAKEN, org_id=org_id, name=given.name) is not None:
        raise Unprocessable(f"The domain {given.name} is there already.", fix="List the domains, or delete it first.")


def add(context: Context, given: NewDomain) -> Domain:
    """Write a new domain."""
    check_free(context, Name(name=given.name))
    totals.check_domains(context, context.actor.reach.org_id or "")
    reach, now = context.actor.reach, context.now
    row: dict[str, Any] = {
        "id": new_id("dom", now),
        "org_id": reach.org_id,
        "pod_id": reach.pod_id,
        "inbox_id": None,
        "name": given.name,
        "status": DomainStatus.NOT_STARTED.value,
        "reason": None,
        # Another one each time: what caches of the DNS still have of a key before is not taken for this one.
        "selector": "pr" + "".join(ALPHABET[b & 31] for b in random_bytes(8)),
        "public_key": given.public_key,
        "private_key": given.private_key,
        "found": "{}",
        **{flag: int(value) for flag, value in given.flags.items()},
        "verified_at": None,
        "created_at": now,
        "updated_at": now,
    }
    context.tx.insert(queries.ADD, row)
    return _shown(context, _found(context, given.name))


def list_(context: Context, given: ListDomains) -> Page[Domain]:
    """List the domains, newest first."""
    place = places.window("domains", given.page_token, ascending=given.ascending)
    last = place["seq"] if isinstance(place["seq"], str) else ("" if given.ascending else "~")
    reach = context.actor.reach
    # No domain is an inbox's: the key of one walks its pod's, and reaches none.
    query = queries.page("org_id" if reach.pod_id is None else "pod_id", given.ascending)
    owner = reach.pod_id or reach.org_id
    if (skip := places.number(given.offset, given.page_token)) is not None:
        end = places.from_end("domains", ascending=given.ascending)

        def fetch(skip: int) -> list[Domain]:
            rows = context.tx.all(query, owner=owner, **end, n=given.limit, skip=skip)
            return [_shown(context, kept) for kept in rows]

        return places.leap(skip, totals.of_domains(context, owner or ""), fetch)
    found = context.tx.all(query, owner=owner, at=place["at"], seq=last, n=given.limit + 1)
    items = tuple(_shown(context, kept) for kept in found[: given.limit])
    more = len(found) > given.limit
    token = places.seal("domains", (items[-1].created_at, items[-1].id)) if more else None
    return Page(items=items, next_page_token=token)


def get(context: Context, given: DomainRef) -> Domain:
    """Get one domain with its DNS records and what was last found of them."""
    return _shown(context, _found(context, given.domain_id))


def zone_file(context: Context, given: DomainRef) -> bytes:
    """Get the DNS records of a domain as a zone file (RFC 1035 5)."""
    return dns_records.zone_file(get(context, given)).encode()


def update(context: Context, given: UpdateDomain) -> Domain:
    """Change what a domain does; records that this adds are still to be verified, and mail goes on meanwhile."""
    kept = _found(context, given.domain_id)
    changed: dict[str, Any] = {flag: int(value) for flag in _FLAGS if (value := getattr(given, flag)) is not None}
    if not changed:
        raise InvalidInput("Nothing to change.", fix=f"Give one of {', '.join(_FLAGS)}.")
    return _settle(context, kept._replace(**changed))


def delete(context: Context, given: DomainRef) -> None:
    """Delete a domain: its inboxes keep what they have, and neither send nor receive any more."""
    kept = _found(context, given.domain_id)
    context.tx.run(metrics.END_DOMAIN, key=kept.id, now=context.now)
    context.tx.run(queries.DELETE, key=kept.id)
    context.tx.ring("inbox")


async def verify(desk: "Desk", actor: Actor, given: DomainRef) -> Answer[Domain]:
    """Look the records of a domain up in the DNS, keep what was found, and return the domain with it.

    Raises:
        Conflict: another organization has verified it.
    """
    domain: Domain = await desk.call("domains.to_verify", actor, given)
    resolver = desk.rooms.resolver
    found: dict[str, Finding] | None
    try:
        judged = await asyncio.gather(*(dns_records.look_up(resolver, record) for record in domain.records))
        found = dict(zip((record.key for record in domain.records), judged, strict=True))
    except Temporary as error:
        log.warning("verification failed domain=%s error=%s", domain.domain, error)
        found = None
    return await desk.ask("domains.keep_findings", actor, Findings(domain_id=domain.id, found=found))


def keep_findings(context: Context, given: Findings) -> Domain:
    """Keep what the DNS said; a domain whose records are all there carries mail from now on."""
    kept = _found(context, given.domain_id)
    if given.found is not None:
        return _settle(context, kept._replace(found=given.found, status=DomainStatus.PENDING.value))
    if kept.status != DomainStatus.VERIFIED:  # one that was right is not wrong for a silence of the DNS
        kept = kept._replace(status=DomainStatus.FAILED.value, reason="dns_lookup_failed")
    return _write(context, kept)


def _settle(context: Context, kept: Kept) -> Domain:
    """Write what the findings make of a domain: its status, and whether it carries mail."""
    listed = {record.key: record.status for record in _shown(context, kept).records}
    kept = kept._replace(found={key: finding for key, finding in kept.found.items() if key in listed})
    if kept.status in (DomainStatus.NOT_STARTED, DomainStatus.FAILED):
        return _write(context, kept)
    status, reason = _status(set(listed.values()))
    kept = kept._replace(status=status.value, reason=reason)
    if status is DomainStatus.VERIFIED and kept.verified_at is None:
        kept = _verified(context, kept)
    elif listed["dkim"] is not RecordStatus.VALID:  # who no longer shows the key no longer shows the domain is theirs
        kept = kept._replace(verified_at=None)
    return _write(context, kept)


def _verified(context: Context, kept: Kept) -> Kept:
    host = context.tx.one(queries.HOST, name=kept.name)
    if host is not None and host.org_id != kept.org_id:
        raise Conflict(f"Another organization has verified {kept.name}.", fix="Ask the operator of this server.")
    owner = _Place(kept.org_id, kept.pod_id or "")
    context.tx.emit(EventType.DOMAIN_VERIFIED, owner, {"id": kept.id, "domain": kept.name})
    return kept._replace(verified_at=context.now)


def _status(statuses: set[RecordStatus]) -> tuple[DomainStatus, str | None]:
    if RecordStatus.INVALID in statuses:
        return DomainStatus.INVALID, "dns_records_invalid"
    if RecordStatus.MISSING in statuses:
        return DomainStatus.PENDING, "dns_records_missing"
    return DomainStatus.VERIFIED, None


def _write(context: Context, kept: Kept) -> Domain:
    kept = kept._replace(updated_at=context.now)
    context.tx.run(
        queries.UPDATE,
        key=kept.id,
        status=kept.status,
        reason=kept.reason,
        found=as_json({key: finding.model_dump(mode="json") for key, finding in kept.found.items()}),
        verified_at=kept.verified_at,
        updated_at=kept.updated_at,
        **{flag: getattr(kept, flag) for flag in _FLAGS},
    )
    context.tx.ring("inbox")  # who remembers where mail goes looks again
    return _shown(context, kept)


def _found(context: Context, domain_id: str) -> Kept:
    """Return the row that a name or an inner id names. Raises NotFound, out of reach too."""
    found = context.tx.one(queries.BY_NAME, name=hosting.ascii_name(domain_id)) if "." in domain_id else None
    if found is None:
        found = context.tx.one(queries.BY_ID, id=domain_id)
    if found is None:
        raise NotFound("domain", domain_id, fix="List the domains to see those that this key may use.")
    return found


def _shown(context: Context, kept: Kept) -> Domain:
    zone = Zone(
        name=kept.name,
        mail_host=context.house.message_id_domain,
        selector=kept.selector,
        public_key=kept.public_key,
        has_mx=bool(kept.inbound_enabled),
        has_wildcard_mx=bool(kept.subdomains_enabled),
    )
    values = {name: getattr(kept, name) for name in Domain.model_fields if name not in ("domain", "records")}
    return Domain(**values, domain=kept.name, records=dns_records.of(zone, kept.found))


def _checked_name(text: str) -> str:
    name = hosting.ascii_name(text)
    if not dns_records.is_registrable(name):
        raise InvalidInput.at("domain", f"{text[:255]!r} is not a domain name.", fix="Give one such as example.com.")
    return name


async def _check_provider(desk: "Desk", name: str) -> None:
    """Refuse a domain whose mail goes to Google Workspace; where the DNS is silent, there is nothing to refuse."""
    try:
        exchanges = await desk.rooms.resolver.mx(name)
    except Temporary:
        return
    if any(mx.exchange.endswith(_GOOGLE) for mx in exchanges):
        raise Unprocessable(
            f"The mail of {name} goes to Google Workspace.",
            fix="Add a subdomain, or set inbound_enabled false, or allow_conflicting_provider true.",
        )
