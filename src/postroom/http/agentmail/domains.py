"""Domains over /v0: add, list, get, zone file, verify, update, delete, in the organization or in a pod."""

from typing import Any, cast

from postroom.http.agentmail import read, shapes, wire
from postroom.http.route import Call, Route
from postroom.model.domain import DnsRecord, Domain
from postroom.model.page import Page
from postroom.service.links import Links


def domain_item(record: Domain) -> shapes.DomainItem:
    """Return a DomainItem. `organization_id` and `status` are for clients of other years."""
    shown: shapes.DomainItem = {
        "organization_id": record.org_id,
        "domain_id": record.domain,
        "domain": record.domain,
        "status": record.status,
        "feedback_enabled": record.feedback_enabled,
        "inbound_enabled": record.inbound_enabled,
        "subdomains_enabled": record.subdomains_enabled,
        "tracking_enabled": record.tracking_enabled,
        "updated_at": wire.moment(record.updated_at),
        "created_at": wire.moment(record.created_at),
    }
    return wire.also(shown, {"pod_id": record.pod_id})


def domain(record: Domain) -> shapes.Domain:
    """Return a Domain with its records."""
    shown = {**domain_item(record), "records": [_record(r) for r in record.records]}
    return wire.also(cast(shapes.Domain, shown), {"reason": record.reason})


def _record(record: DnsRecord) -> shapes.VerificationRecord:
    shown: shapes.VerificationRecord = {
        "type": record.type,
        "name": record.name,
        "value": record.value,
        "status": record.status,
    }
    return wire.also(shown, {"priority": record.priority, "reason": record.reason})


def _one(result: Any, _call: Call, _links: Links) -> shapes.Domain:
    return domain(result)


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.ListDomainsResponse:
    items = [domain_item(d) for d in result.items]
    page: shapes.ListDomainsResponse = {"count": len(items), "domains": items}
    return wire.paged(page, result, read.limit(call))


def _zone_file(result: Any, _call: Call, _links: Links) -> shapes.ZoneFile:
    return shapes.ZoneFile(result, headers={"content-disposition": 'attachment; filename="zone.txt"'})


def _no_setup_link(_result: Any, _call: Call, _links: Links) -> shapes.GetSetupLinkResponse:
    return {"supported": False}  # an agreement with DNS providers that one's own server has not


def _routes(prefix: str, **scope: Any) -> tuple[Route, ...]:
    every, one = f"{prefix}/domains", f"{prefix}/domains/{{domain_id}}"
    return (
        Route("GET", every, "domains.list", read.page, _page, **scope),
        Route("POST", every, "domains.create", read.body, _one, **scope),
        Route("GET", one, "domains.get", read.path, _one, **scope),
        Route("PATCH", one, "domains.update", read.body, _one, **scope),
        Route("DELETE", one, "domains.delete", read.path, None, 204, **scope),
        Route("POST", f"{one}/verify", "domains.verify", read.path, None, 204, **scope),
        Route("GET", f"{one}/zone-file", "domains.zone_file", read.path, _zone_file, **scope),
    )


ROUTES = (
    *_routes(""),
    *_routes("/pods/{pod_id}", scope="pod"),
    Route("GET", "/domains/{domain_id}/setup-link", "domains.get", read.path, _no_setup_link),
)
