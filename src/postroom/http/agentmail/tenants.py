"""Who a key is, and its organization, over /v0."""

from typing import Any, NoReturn

from postroom.http.agentmail import read, shapes, wire
from postroom.http.route import Call, Route
from postroom.model.errors import OutOfScope
from postroom.model.tenant import Counted
from postroom.service.links import Links


def _identity(result: Any, _call: Call, _links: Links) -> shapes.Identity:
    return wire.identity(result)


def _organization(result: Counted, _call: Call, _links: Links) -> shapes.Organization:
    """Show an Organization. Its limits are left out as they always were; there is no billing."""
    at = wire.moment(result.organization.created_at)  # nothing of it changes
    return {
        "organization_id": result.organization.organization_id,
        "inbox_count": result.inboxes,
        "domain_count": result.domains,
        "updated_at": at,
        "created_at": at,
    }


def _labs(_result: Any, _call: Call, _links: Links) -> shapes.OrganizationLabs:
    return {"enabled": False, "available": False}


def _join_labs(_call: Call) -> NoReturn:
    raise OutOfScope("There are no labs to join on this server.")


ROUTES = (
    Route("GET", "/auth/me", "tenants.me", read.path, _identity),
    Route("GET", "/organizations", "organizations.get", read.path, _organization),
    Route("GET", "/organizations/labs", "organizations.get", read.path, _labs),
    Route("POST", "/organizations/labs", "organizations.get", _join_labs, _labs),
)
