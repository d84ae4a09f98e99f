"""The organization of a key, with what it has and how much it may have."""

from postroom.http import taken
from postroom.http.inai import shapes
from postroom.http.results import moment
from postroom.http.route import Call, Route
from postroom.model.tenant import Counted
from postroom.service.links import Links


def _one(result: Counted, _call: Call, _links: Links) -> shapes.Organization:
    at = moment(result.organization.created_at)  # nothing of it changes
    return {
        "org_id": result.organization.organization_id,
        "name": result.organization.name,
        "inbox_count": result.inboxes,
        "inbox_limit": result.inbox_limit,
        "domain_count": result.domains,
        "domain_limit": result.domain_limit,
        "created_at": at,
        "updated_at": at,
    }


ROUTES = (Route("GET", "/organizations", "organizations.get", taken.path, _one),)
