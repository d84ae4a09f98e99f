"""Domains of one's own: add, verify, list, get, delete; each with the DNS records to publish."""

from typing import Any, Literal, cast

from postroom.http import taken
from postroom.http.results import moment
from postroom.http.route import Call, Route
from postroom.http.transactional import shapes, wire
from postroom.model.domain import DnsRecord, Domain, DomainStatus
from postroom.model.page import Page
from postroom.service.links import Links

_ALL = "/domains"
_ONE = f"{_ALL}/{{domain_id}}"
_CREATE = taken.Body(fields={"domain": "domain"}, required=("domain",))
_VERIFY = taken.Body(fields={})
_LIST = taken.Query(number="offset", size="limit", usual=25)
_STATUS: dict[DomainStatus, Literal["pending", "failed", "verified"]] = {
    DomainStatus.NOT_STARTED: "pending",
    DomainStatus.PENDING: "pending",
    DomainStatus.VERIFYING: "pending",
    DomainStatus.INVALID: "failed",
    DomainStatus.FAILED: "failed",
    DomainStatus.VERIFIED: "verified",
}


def domain(record: Domain) -> shapes.Domain:
    """Return a Domain with its records."""
    return {
        "id": wire.NAMES["domain_id"].name(record.id),
        "domain": record.domain,
        "status": _STATUS[record.status],
        "records": [_record(one) for one in record.records],
        "createdAt": moment(record.created_at),
    }


def _record(record: DnsRecord) -> shapes.DomainRecord:
    status = cast(Literal["missing", "invalid", "valid"], record.status.value.lower())
    return {
        "type": record.type,
        "name": record.name,
        "value": record.value,
        "priority": record.priority,
        "status": status,
    }


def _one(result: Any, _call: Call, _links: Links) -> shapes.Data[shapes.Domain]:
    return {"data": domain(result)}


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Listed[shapes.Domain]:
    return wire.paged(_LIST, result, call, domain)


ROUTES = (
    Route("POST", _ALL, "domains.create", _CREATE, _one, 201),
    Route("POST", f"{_ONE}/verify", "domains.verify", _VERIFY, _one),
    Route("GET", _ALL, "domains.list", _LIST, _page),
    Route("GET", _ONE, "domains.get", taken.path, _one),
    Route("DELETE", _ONE, "domains.delete", taken.path, None, 204),
)
