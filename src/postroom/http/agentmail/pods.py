"""Pods over /v0: list, get, create, delete."""

from typing import Any

from postroom.http.agentmail import read, shapes, wire
from postroom.http.route import Call, Route
from postroom.model.page import Page
from postroom.model.tenant import Pod
from postroom.service.links import Links


def _pod(record: Pod) -> shapes.Pod:
    at = wire.moment(record.created_at)  # nothing of a pod changes
    shown: shapes.Pod = {"pod_id": record.pod_id, "name": record.name, "updated_at": at, "created_at": at}
    return wire.also(shown, {"client_id": record.client_id})


def _one(result: Any, _call: Call, _links: Links) -> shapes.Pod:
    return _pod(result)


def _page(result: Page[Pod], call: Call, _links: Links) -> shapes.ListPodsResponse:
    items = [_pod(pod) for pod in result.items]
    page: shapes.ListPodsResponse = {"count": len(items), "pods": items}
    return wire.paged(page, result, read.limit(call))


ROUTES = (
    Route("GET", "/pods", "pods.list", read.page, _page),
    Route("POST", "/pods", "pods.create", read.body, _one),
    Route("GET", "/pods/{pod_id}", "pods.get", read.path, _one),
    Route("DELETE", "/pods/{pod_id}", "pods.delete", read.path, None, 202),
)
