"""Pods: create, list, get, delete. An organization is made with its default pod, which stays."""

from pydantic import Field

from postroom.model.errors import CannotDelete, NotFound, OutOfScope
from postroom.model.ids import new_id
from postroom.model.page import Page
from postroom.model.tenant import Pod
from postroom.service import places
from postroom.service.inboxes import CLIENT_ID
from postroom.service.operation import Context, Input
from postroom.store.queries import lists, metrics, policies
from postroom.store.queries import pods as queries


class CreatePod(Input):
    name: str | None = Field(default=None, min_length=1, max_length=256, description="What to call it.")
    client_id: str | None = Field(
        default=None,
        pattern=CLIENT_ID,
        description="Your own id: a second create with it returns the first pod.",
    )


class ListPods(Input):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    ascending: bool = Field(default=False, description="Oldest first.")


class PodRef(Input):
    pod_id: str = Field(description="The pod.")


def create(context: Context, given: CreatePod) -> Pod:
    """Create a pod: a part of the organization with inboxes and keys of its own."""
    reach = context.actor.reach
    if reach.org_id is None or reach.pod_id is not None:
        raise OutOfScope("A key of one pod makes no other.", fix="Use a key of the organization.")
    if given.client_id is not None:
        known = context.tx.one(queries.BY_CLIENT_ID, org_id=reach.org_id, client_id=given.client_id)
        if known is not None:
            return known
    return _add(context, reach.org_id, given.name, given.client_id)


def list_(context: Context, given: ListPods) -> Page[Pod]:
    """List the pods, newest first."""
    reach = context.actor.reach
    if reach.pod_id is not None:
        return Page(items=(get(context, PodRef(pod_id=reach.pod_id)),))
    query = queries.page(given.ascending)
    return places.turn(
        "pods",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=lambda mark, n: context.tx.all(query, org_id=reach.org_id, **mark, n=n),
        place=lambda pod: (pod.created_at, pod.pod_id),
    )


def get(context: Context, given: PodRef) -> Pod:
    """Get one pod."""
    found = context.tx.one(queries.BY_ID, id=given.pod_id)
    # The id of a pod is no column that a reach restricts: its own table has none named so.
    if found is None or context.actor.reach.pod_id not in (None, found.pod_id):
        raise NotFound("pod", given.pod_id, fix="List the pods to see those that this key may use.")
    return found


def delete(context: Context, given: PodRef) -> Pod:
    """Delete a pod that holds nothing any more; the default pod stays."""
    pod = get(context, given)
    default = context.tx.one(queries.DEFAULT, org_id=pod.org_id)
    if default is not None and default.pod_id == pod.pod_id:
        raise CannotDelete("The default pod stays: what names no pod goes into it.", fix="Delete its inboxes instead.")
    if context.tx.one(queries.HOLDS, id=pod.pod_id) is not None:
        raise CannotDelete("The pod is not empty.", fix="Delete its inboxes, domains, webhooks and API keys first.")
    context.tx.run(lists.DELETE_OF_PLACE, place=pod.pod_id)
    context.tx.run(policies.DELETE, key=pod.pod_id)
    context.tx.run(metrics.END_POD, key=pod.pod_id, now=context.now)
    context.tx.run(queries.DELETE, id=pod.pod_id)
    context.tx.run(metrics.FORGET, place=pod.pod_id)
    return pod


def add_default(context: Context, org_id: str) -> Pod:
    """Write the pod of a new organization into which goes what names no other."""
    return _add(context, org_id, "default", None, is_default=True)


def _add(context: Context, org_id: str, name: str | None, client_id: str | None, *, is_default: bool = False) -> Pod:
    pod_id = new_id("pod", context.now)
    pod = Pod(
        pod_id=pod_id,
        org_id=org_id,
        name=name or client_id or pod_id,  # every pod has a name
        client_id=client_id,
        created_at=context.now,
    )
    default = {"default_of": org_id if is_default else None}
    context.tx.insert(queries.ADD, {"id": pod_id, **default, **pod.model_dump(exclude={"pod_id"})})
    return pod
