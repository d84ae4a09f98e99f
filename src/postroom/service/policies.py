"""Policies: set, get, list, delete. What they mean is `policy`'s; here is who may keep them: no key that they bind."""

from typing import Annotated, NamedTuple

from pydantic import Field

from postroom.model.errors import Forbidden, InvalidInput, NotFound, OutOfScope
from postroom.model.lists import EntryType, read_entry
from postroom.model.page import Page
from postroom.model.policy import Need, Policy, Recipients, Subject, hand
from postroom.model.tenant import Reach
from postroom.service import families, places, pods, standing
from postroom.service.inboxes import find_inbox
from postroom.service.messages import Strings
from postroom.service.operation import Context, Input
from postroom.store.json import as_json
from postroom.store.queries import keys
from postroom.store.queries import policies as queries

MAX_ALLOWED = 1_000
_Count = Annotated[int, Field(ge=0, le=1_000_000)]


class PolicyRef(Input):
    """Whose policy is meant: the organization's where nothing else is named."""

    inbox_id: str | None = Field(default=None, description="Of this inbox.")
    pod_id: str | None = Field(default=None, description="Of this pod.")
    api_key_id: str | None = Field(default=None, description="Of this API key, and those that it makes.")


class SetPolicy(PolicyRef):
    """The whole policy: what is absent has its default."""

    recipients: Recipients = Field(default=Recipients.OPEN, description="open, allowlist (see allowed) or deny.")
    allowed: Strings = Field(default=(), description="Addresses, domains, or *.domain: all that may be written to.")
    approval: Need = Field(
        default=Need.NONE, description="What a person must approve: none, new_recipients, external or all."
    )
    reply_only: bool = Field(default=False, description="Only answers, to those who wrote in their thread.")
    max_recipients_per_day: _Count | None = Field(default=None, description="At most so many a day (UTC).")
    max_mails_per_day: _Count | None = Field(default=None, description="At most so many a day (UTC).")
    taint: bool | None = Field(
        default=None, description="on (when absent): after mail from outside, somebody new takes an approval."
    )
    elicitation: bool = Field(default=False, description="Approvals may be asked of the person at the MCP client.")


class ListPolicies(Input):
    limit: int = Field(default=10, ge=1, le=100, description="At most this many.")
    page_token: str | None = Field(default=None, description="next_page_token of the last page.")
    ascending: bool = Field(default=False, description="Oldest first.")


class _Of(NamedTuple):
    """Whose a policy is: the id of it, what it is, where it lies, how it is shown, and the keys that made a key."""

    place: str
    subject: Subject
    reach: Reach
    name: str | None
    made_by: tuple[str, ...] = ()


def set_(context: Context, given: SetPolicy) -> Policy:
    """Set the policy of an organization, a pod, an inbox or a key; all that apply to a message hold together."""
    of = _find(context, given)
    _check_keeper(context, of)
    known = context.tx.one(queries.ONE, place=of.place)
    policy = Policy(
        place=of.place,
        subject=of.subject,
        org_id=of.reach.org_id or "",
        pod_id=of.reach.pod_id,
        inbox_id=of.reach.inbox_id,
        name=of.name,
        allowed=_allowed(given),
        taint=given.taint is not False,
        created_at=context.now if known is None else known.created_at,
        updated_at=context.now,
        **{name: getattr(given, name) for name in _PLAIN},
    )
    context.tx.insert(queries.SET, {**policy.model_dump(mode="json"), "allowed": as_json(policy.allowed)})
    return policy


def get(context: Context, given: PolicyRef) -> Policy:
    """Get the policy of an organization, a pod, an inbox or a key."""
    return _kept(context, _find(context, given))


def list_(context: Context, given: ListPolicies) -> Page[Policy]:
    """List the policies within reach, newest first."""
    within, owner = context.actor.reach.innermost
    query = queries.page(within, given.ascending)
    return places.turn(
        "policies",
        given.page_token,
        ascending=given.ascending,
        limit=given.limit,
        fetch=lambda mark, n: context.tx.all(query, owner=owner, **mark, n=n),
        place=lambda policy: (policy.created_at, policy.place),
    )


def delete(context: Context, given: PolicyRef) -> Policy:
    """Delete a policy; the others that apply go on to hold."""
    of = _find(context, given)
    _check_keeper(context, of)
    found = _kept(context, of)
    context.tx.run(queries.DELETE, key=of.place)
    return found


_PLAIN = ("recipients", "approval", "reply_only", "max_recipients_per_day", "max_mails_per_day", "elicitation")


def _kept(context: Context, of: _Of) -> Policy:
    found = context.tx.one(queries.ONE, place=of.place)
    if found is None:
        raise NotFound("policy", of.name or of.place, fix="Nothing is restricted there; list the policies to see all.")
    return found


def _find(context: Context, given: PolicyRef) -> _Of:
    """Return whose policy is meant. Raises InvalidInput, NotFound."""
    named = [name for name in PolicyRef.model_fields if getattr(given, name) is not None]
    if len(named) > 1:
        raise InvalidInput.at(named[1], f"exclusive with {named[0]}.", fix="Name one of them.")
    if given.inbox_id is not None:
        inbox = find_inbox(context, given.inbox_id)
        reach = Reach(org_id=inbox.org_id, pod_id=inbox.pod_id, inbox_id=inbox.inbox_id)
        return _Of(inbox.inbox_id, Subject.INBOX, reach, inbox.address)
    if given.pod_id is not None:
        pod = pods.get(context, pods.PodRef(pod_id=given.pod_id))
        return _Of(pod.pod_id, Subject.POD, Reach(org_id=pod.org_id, pod_id=pod.pod_id), pod.name)
    if given.api_key_id is not None:
        key = context.tx.one(keys.BY_ID, id=given.api_key_id)
        if key is None:
            raise NotFound("API key", given.api_key_id, fix="List the keys to see those there are.")
        reach = Reach(org_id=key.org_id, pod_id=key.pod_id, inbox_id=key.inbox_id)
        return _Of(key.api_key_id, Subject.KEY, reach, key.name, key.made_by)
    org_id = context.actor.reach.org_id
    if org_id is None:
        raise OutOfScope("A policy is an organization's.", fix="Use a key of an organization.")
    return _Of(org_id, Subject.ORGANIZATION, Reach(org_id=org_id), None)


def _check_keeper(context: Context, of: _Of) -> None:
    """Let pass who may keep a policy: of wider scope than what it binds, and bound by no policy of its own."""
    standing.check(context, "policy_update")
    mine, reach = hand(context.actor), context.actor.reach
    if families.own_policies(context, mine):
        raise Forbidden("A key that a policy of its own binds keeps none.", fix="Use the owner's key.")
    if of.subject is Subject.KEY:
        made_it = bool(mine) and mine[0] in of.made_by
        if of.place in mine or (reach.inbox_id is not None and not made_it):
            raise Forbidden("A key cannot keep its own policy, or one of its equals.", fix="Use the owner's key.")
        return
    is_wider = {
        Subject.INBOX: reach.inbox_id is None,
        Subject.POD: reach.pod_id is None,
        Subject.ORGANIZATION: reach.pod_id is None,
    }
    if not is_wider[of.subject]:
        raise OutOfScope("A key cannot keep the policy of what it is confined to.", fix="Use a key of wider scope.")


def _allowed(given: SetPolicy) -> tuple[str, ...]:
    if given.recipients is not Recipients.ALLOWLIST:
        if given.allowed:
            raise InvalidInput.at("allowed", "goes with recipients=allowlist.", fix="Set recipients to allowlist.")
        return ()
    if len(given.allowed) > MAX_ALLOWED:
        raise InvalidInput.at("allowed", f"over {MAX_ALLOWED} entries.", fix="Name domains instead.")
    return tuple(dict.fromkeys(map(_entry, given.allowed)))


def _entry(text: str) -> str:
    """Return the folded spelling of an address, a domain or `*.domain`. Raises InvalidInput."""
    wild, bare = text.strip().startswith("*."), text.strip().removeprefix("*.")
    key, kind = read_entry(bare)
    if wild and kind is not EntryType.DOMAIN:
        raise InvalidInput.at("allowed", f"{text[:200]!r} is no domain after the *.", fix="Write *.example.com.")
    return f"*.{key}" if wild else key
