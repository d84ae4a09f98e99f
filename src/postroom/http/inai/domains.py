"""Domains of one's own: add, list, get, verify, delete; each with the DNS records to publish."""

from typing import Any, Literal

from postroom.http import taken
from postroom.http.inai import shapes, wire
from postroom.http.results import moment
from postroom.http.route import Call, Route
from postroom.model.domain import DnsRecord, Domain, DomainStatus
from postroom.model.page import Page
from postroom.service.links import Links

_ALL = "/domains"
_ONE = f"{_ALL}/{{domain_id}}"
_CREATE = taken.Body(fields={name: name for name in ("domain", "feedback_enabled")}, required=("domain",))
_ORDER = ("mx", "wildcard_mx", "spf", "dkim", "dmarc")
# What is not looked up yet, or just now, waits as well.
_STATUS: dict[DomainStatus, Literal["PENDING", "INVALID", "FAILED", "VERIFIED"]] = {
    DomainStatus.NOT_STARTED: "PENDING",
    DomainStatus.PENDING: "PENDING",
    DomainStatus.VERIFYING: "PENDING",
    DomainStatus.INVALID: "INVALID",
    DomainStatus.FAILED: "FAILED",
    DomainStatus.VERIFIED: "VERIFIED",
}


def domain(record: Domain) -> shapes.Domain:
    """Return a Domain with its records."""
    records = sorted(record.records, key=lambda one: _ORDER.index(one.key) if one.key in _ORDER else len(_ORDER))
    return {
        "domain_id": record.domain,
        "status": _STATUS[record.status],
        "feedback_enabled": record.feedback_enabled,
        "records": [_record(one) for one in records],
        "created_at": moment(record.created_at),
        "updated_at": moment(record.updated_at),
    }


def _record(record: DnsRecord) -> shapes.DomainRecord:
    return {
        "type": record.type,
        "name": record.name,
        "value": record.value,
        "status": record.status,
        "priority": record.priority,
    }


def _one(result: Any, _call: Call, _links: Links) -> shapes.Domain:
    return domain(result)


def _page(result: Page[Any], call: Call, _links: Links) -> shapes.Page[shapes.Domain]:
    return wire.paged(result, call, domain)


ROUTES = (
    Route("POST", _ALL, "domains.create", _CREATE, _one),
    Route("GET", _ALL, "domains.list", wire.PAGE, _page),
    Route("GET", _ONE, "domains.get", taken.path, _one),
    Route("DELETE", _ONE, "domains.delete", taken.path, None, 204),
    Route("POST", f"{_ONE}/verify", "domains.verify", taken.path, _one),
)
