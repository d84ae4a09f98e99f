"""The tool that says who calls: how far the key reaches, what it may do, what the server is and offers."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from mcp.types import CallToolResult

from postroom.mcp.face import Face, Hands
from postroom.mcp.fitting import and_more, fitted
from postroom.mcp.offering import if_offered
from postroom.mcp.selection import ASKED
from postroom.mcp.shapes import Placed, Shape
from postroom.mcp.tools.row import Row, answer, at
from postroom.mcp.words import line, moment
from postroom.model.policy import Subject
from postroom.model.tenant import Actor
from postroom.service.bounds import Bound, Bounds
from postroom.service.policy import MAX_RECIPIENTS, whose_policy
from postroom.service.tenants import PERMISSIONS, Identity

_NAMED = 20  # entries of an allowlist that are told
_POLICIES = 13_000  # characters of all policies together


class LimitsShape(Shape):
    max_message_bytes: int
    max_recipients: int


class PolicyShape(Shape):
    of: str
    inbox_id: str | None = None  # it binds what is sent from there alone
    pod_id: str | None = None
    recipients: str
    allowed: list[str] | None = None
    more_allowed: int | None = None
    approval: str
    reply_only: bool
    taint: bool
    elicitation: bool
    mails_left_today: int | None = None
    recipients_left_today: int | None = None


class WhoamiResult(Placed):
    scope: str
    inbox_id: str | None = None
    default_inbox: str | None = None
    pod_id: str | None = None
    organization_id: str | None = None
    api_key_id: str | None = None
    expires_at: str | None = None
    permissions: list[str] | None = None
    sandbox: bool
    domain: str
    limits: LimitsShape
    policies: list[PolicyShape]
    more_policies: bool = False
    toolsets: list[str]


class AccountTools:
    """whoami."""

    def __init__(self, hands: Hands, others: Sequence[Row]) -> None:
        self._hands = hands
        self._others = others

    async def whoami(self) -> Annotated[CallToolResult, WhoamiResult]:
        """Say what you may use: which inboxes, permissions, limits, policies and toolsets, and whether mail really
        leaves this server."""
        face = await self._hands.face()
        found = await self._hands.ask("tenants.me", {})
        identity: Identity = found.result
        bounds: Bounds = (await self._hands.ask("policies.bounds", {})).result
        actor, house = identity.actor, face.desk.house
        limits = LimitsShape(max_message_bytes=house.max_message_bytes, max_recipients=MAX_RECIPIENTS)
        data = WhoamiResult(
            scope=actor.reach.innermost[0].removesuffix("_id").replace("org", "organization"),
            inbox_id=identity.inbox_address,
            default_inbox=identity.inbox_address,
            pod_id=actor.reach.pod_id,
            organization_id=actor.reach.org_id,
            api_key_id=actor.api_key_id,
            expires_at=None if actor.expires_at is None else moment(actor.expires_at),
            permissions=None if actor.permissions is None else sorted(actor.permissions),
            sandbox=True,  # the one way of delivery that there is
            domain=house.domain,
            limits=limits,
            policies=[fitted(_policy_shape(bound), _POLICIES // len(bounds.bounds)) for bound in bounds.bounds],
            more_policies=bounds.more_below,
            toolsets=_offered(face, actor, self._others),
            position=found.position,
        )
        return answer(_told(data) + at(found.position), data)


def rows(hands: Hands, others: Sequence[Row]) -> list[Row]:
    """Return the tools over the caller's own account; `others` are the tools of which it tells."""
    function = AccountTools(hands, others).whoami
    return [Row(title="Who am I", operation="tenants.me", function=function)]


def in_words(permissions: Iterable[str]) -> str:
    """Return permissions by what they are of: `message: read, send; inbox: read`."""
    of: dict[str, list[str]] = {}
    for name in sorted(permissions):
        thing, _, verb = name.rpartition("_")
        of.setdefault(thing.replace("_", " "), []).append(verb)
    return "; ".join(f"{thing}: {', '.join(verbs)}" for thing, verbs in of.items()) or "nothing"


def _offered(face: Face, actor: Actor, others: Iterable[Row]) -> list[str]:
    """Return the toolsets of which a tool is offered on this connection."""
    asked = ASKED.get()
    selections = (face.selection,) if asked is None else (face.selection, asked)
    shown = (
        row.toolset
        for row in others
        if row.may_use(actor) and all(s.offers(row.name, row.toolset, reads=row.reads) for s in selections)
    )
    return list(dict.fromkeys(shown))


def _told(data: WhoamiResult) -> str:
    lines = [_reach(data)]
    if data.permissions is None:
        lines.append("permissions: everything within that reach")
    else:
        lines.append(f"permissions: {in_words(data.permissions)}")
        lines.append(f"not allowed: {in_words(PERMISSIONS - set(data.permissions))}")
    if data.api_key_id:
        lines.append(f"api_key_id: {data.api_key_id}" + (f", until {data.expires_at}" if data.expires_at else ""))
    size = data.limits.max_message_bytes // 2**20
    lines += [
        f"default inbox: {data.default_inbox or 'none, name inbox_id'}",
        f"limits: {size} MiB and {data.limits.max_recipients} recipients a message",
        *(_told_policies(data)),
        f"domain of new inboxes: {data.domain}",
        "This server is a sandbox: mail to foreign domains stays on this machine. Mail between its inboxes arrives.",
        f"toolsets: {', '.join(data.toolsets)}",
    ]
    return "\n".join(lines)


def _policy_shape(bound: Bound) -> PolicyShape:
    policy = bound.policy
    names = [line(entry) for entry in policy.allowed[:_NAMED]]
    return PolicyShape(
        of=line(whose_policy(policy)),
        inbox_id=policy.name if bound.is_below and policy.subject is Subject.INBOX else None,
        pod_id=policy.place if bound.is_below and policy.subject is Subject.POD else None,
        recipients=policy.recipients.value,
        allowed=names or None,
        more_allowed=len(policy.allowed) - len(names) or None,
        approval=policy.approval.value,
        reply_only=policy.reply_only,
        taint=policy.taint,
        elicitation=policy.elicitation,
        mails_left_today=bound.mails_left,
        recipients_left_today=bound.recipients_left,
    )


def _told_policies(data: WhoamiResult) -> list[str]:
    if not data.policies:
        return ["policies: none binds what you send"]
    lines = [f"policy of {policy.of}{_only(policy)}: {', '.join(_terms(policy))}" for policy in data.policies]
    tells = if_offered(": check_send tells")
    return [*lines, *([f"more inboxes and pods have policies of their own{tells}"] * data.more_policies)]


def _only(policy: PolicyShape) -> str:
    return " (for what is sent from there)" if policy.inbox_id or policy.pod_id else ""


def _terms(policy: PolicyShape) -> Iterable[str]:
    named = and_more(policy.allowed or [], policy.more_allowed)
    yield f"recipients {policy.recipients}" + (f" ({named})" if named else "")
    yield f"approval {policy.approval}"
    if policy.reply_only:
        yield "reply_only"
    if policy.taint:
        yield "taint"
    if policy.elicitation:
        yield "elicitation"
    if policy.mails_left_today is not None:
        yield f"{policy.mails_left_today} mails left today"
    if policy.recipients_left_today is not None:
        yield f"{policy.recipients_left_today} recipients left today"


def _reach(data: WhoamiResult) -> str:
    if data.inbox_id is not None:
        return f"You are confined to one inbox: {data.inbox_id}. It is meant wherever inbox_id is left out."
    if data.pod_id is not None:
        return f"You reach all inboxes of the pod {data.pod_id}{if_offered('; list_inboxes shows them')}."
    shown = if_offered("; list_inboxes shows them")
    return f"You reach all inboxes of the organization {data.organization_id}{shown}."
