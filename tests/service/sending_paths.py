"""Every path by which a message can leave, as data: what it goes by, and how to walk it to an address.

`PATHS` is compared with the catalogue, the routes and the tools by `test_policy_wall`: what is new there and missing
here fails.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from starlette.types import ASGIApp

from postroom.http.agentmail.app import AgentMail
from postroom.http.postroom.app import Ours
from postroom.mcp.selection import read_selection
from postroom.mcp.server import Server
from postroom.model.errors import Refused
from postroom.model.message import Incoming
from postroom.model.policy import Held
from postroom.model.tenant import Actor
from postroom.service.keyring import KeyRing
from tests.fakes.bed import Bed
from tests.fakes.mail import mail
from tests.mcp.bedside import server_of

MAX_BODY = 2**22


@dataclass
class Walk:
    """One walk: by the key `secret` from `inbox` to the address `to`; `original` is what is answered or forwarded."""

    house: Bed
    actor: Actor
    secret: str
    inbox: str
    to: str
    original: str
    thread: str

    @cached_property
    def server(self) -> Server:
        """The MCP server as a client of the key sees it."""
        return server_of(self.house, self.actor, read_selection("all"))

    async def call(self, operation: str, **given: Any) -> Any:
        return await self.house.desk.call(operation, self.actor, {"inbox_id": self.inbox, **given})


Way = Callable[[Walk], Awaitable[str]]


def _said(result: Any) -> str:
    return f"held:{result.rule.value}" if isinstance(result, Held) else "sent"


def desk(operation: str, **fields: Any) -> Way:
    """Return the way by an operation; TO and ORIGINAL stand for what the walk says."""

    async def walk(w: Walk) -> str:
        try:
            return _said(await w.call(operation, **_filled(fields, w)))
        except Refused as error:
            return f"refused:{error.rule}"

    return walk


def _filled(fields: dict[str, Any], w: Walk) -> dict[str, Any]:
    names = {"TO": w.to, "ORIGINAL": w.original}
    return {name: names.get(value, value) if isinstance(value, str) else value for name, value in fields.items()}


def _draft(**fields: Any) -> Way:
    async def walk(w: Walk) -> str:
        draft = await w.call("drafts.create", **_filled(fields, w))
        return await desk("drafts.send", draft_id=draft.draft_id)(w)

    return walk


async def _changed_draft(w: Walk) -> str:
    draft = await w.call("drafts.create", text="t")
    await w.call("drafts.update", draft_id=draft.draft_id, bcc=w.to)
    return await desk("drafts.send", draft_id=draft.draft_id)(w)


def _scheduled(**change: Any) -> Way:
    async def walk(w: Walk) -> str:
        due = w.house.desk.clock()
        if not change:
            draft = await w.call("drafts.create", to=w.to, text="t", send_at=due)
        else:
            draft = await w.call("drafts.create", to=w.inbox, text="t", send_at=due + 3_600_000)
            await w.call("drafts.update", draft_id=draft.draft_id, send_at=due, **_filled(change, w))
        key = draft.draft_id
        look = "SELECT send_status FROM draft WHERE id = ? AND send_status IN ('scheduled', 'sending')"
        await w.house.until(lambda: not w.house.rows(look, key))
        ended = w.house.rows("SELECT send_status, send_error FROM draft WHERE id = ?", key)
        if not ended:
            return "sent"
        if ended[0][0] == "pending_approval":
            return f"held:{w.house.rows('SELECT rule FROM approval WHERE draft_id = ?', key)[0][0]}"
        return f"refused:{str(ended[0][1]).partition('(rule ')[2].partition(')')[0]}"

    return walk


async def _submitted(w: Walk) -> str:
    raw = mail(sender=w.inbox, to="nobody@partner.example", answers=w.original)
    incoming = Incoming(envelope_from=w.inbox, recipients=(w.to,), content=raw, spool=None, size=len(raw), sha256="")
    return await desk("messages.submit", incoming=incoming)(w)


async def _claimed(w: Walk) -> str:
    claim_id = await _claim(w)
    try:
        given = {"claim_id": claim_id, "cc": w.to, "text": "t"}
        return _said(await w.house.desk.call("claims.reply", w.actor, given))
    except Refused as error:
        return f"refused:{error.rule}"


async def _claim(w: Walk) -> str:
    """Claim a conversation; there is always one more."""
    await w.house.receive(mail(), w.inbox)
    claim = await w.call("claims.next")
    assert claim is not None
    return str(claim.claim_id)


def _app(house: Bed, ours: bool) -> ASGIApp:
    versions = iter(range(10**9))
    keys = KeyRing(house.desk, lambda: next(versions))
    if ours:
        return Ours(house.desk, keys, house.house.hub, house.house.links, MAX_BODY)
    return AgentMail(house.desk, keys, house.house.links, MAX_BODY)


def over_http(path: str, ours: bool = False, draft: bool = False, **fields: Any) -> Way:
    """Return the way by a POST over /v0, or over our own dialect."""
    prefix = "/v1/postroom" if ours else "/v0"

    async def walk(w: Walk) -> str:
        names = {"inbox_id": w.inbox, "message_id": w.original, "draft_id": "", "claim_id": ""}
        body = _filled(fields, w)
        if draft:
            names["draft_id"], body = (await w.call("drafts.create", **body)).draft_id, {}
        if "{claim_id}" in path:
            names["claim_id"] = await _claim(w)
        headers = {"authorization": f"Bearer {w.secret}"}
        where = prefix + path.format(**{name: httpx.URL(f"http://x/{v}").path[1:] for name, v in names.items()})
        transport = httpx.ASGITransport(_app(w.house, ours))
        async with httpx.AsyncClient(transport=transport, base_url="http://mail.test", headers=headers) as client:
            answer = await client.post(where, json=body)
        return _told(answer)

    return walk


def _told(answer: httpx.Response) -> str:
    said = answer.json()
    if answer.status_code == 200:
        return "sent"
    assert answer.status_code == 403, said
    assert said["code"] == "message_rejected", said
    return "held" if "approval apr_" in said["fix"] else "refused"


def _tool(tool: str, draft: bool = False, claim: bool = False, **fields: Any) -> Way:
    async def walk(w: Walk) -> str:
        given = _filled(fields, w)
        if draft:
            given = {"draft_id": (await w.call("drafts.create", **given)).draft_id}
        elif claim:
            given["claim_id"] = await _claim(w)
        else:
            given["inbox_id"] = w.inbox
        result = await w.server.call_tool(tool, given)
        assert not result.is_error, result.content
        data = result.structured_content
        rule = f":{data['rule']}" if "rule" in data else ""
        return ("sent" if data["status"] in ("queued", "captured") else data["status"]) + rule

    return walk


_INBOX = "/inboxes/{inbox_id}"
_MESSAGE = f"{_INBOX}/messages/{{message_id}}"
# By face and by what it goes by there; the words after a + tell ways apart that go by the same.
PATHS: dict[tuple[str, str], Way] = {
    ("desk", "messages.send"): desk("messages.send", to="TO", text="t"),
    ("desk", "messages.send+bcc"): desk("messages.send", to="TO", bcc="TO", text="t"),
    ("desk", "messages.reply"): desk("messages.reply", message_id="ORIGINAL", to="TO", text="t"),
    ("desk", "messages.reply+cc"): desk("messages.reply", message_id="ORIGINAL", to="TO", cc="TO", text="t"),
    ("desk", "messages.forward"): desk("messages.forward", message_id="ORIGINAL", to="TO"),
    ("desk", "drafts.send"): _draft(to="TO", text="t"),
    ("desk", "drafts.send+reply"): _draft(in_reply_to="ORIGINAL", cc="TO", text="t"),
    ("desk", "drafts.send+forward"): _draft(forward_of="ORIGINAL", to="TO"),
    ("desk", "drafts.send+changed"): _changed_draft,
    ("desk", "drafts.create+send_at"): _scheduled(),
    ("desk", "drafts.update+send_at"): _scheduled(to="TO"),
    ("desk", "messages.submit"): _submitted,
    ("desk", "claims.reply"): _claimed,
    ("v0", f"{_INBOX}/messages/send"): over_http(f"{_INBOX}/messages/send", to="TO", bcc="TO", text="t"),
    ("v0", f"{_MESSAGE}/reply"): over_http(f"{_MESSAGE}/reply", to="TO", text="t"),
    ("v0", f"{_MESSAGE}/forward"): over_http(f"{_MESSAGE}/forward", to="TO"),
    ("v0", f"{_INBOX}/drafts/{{draft_id}}/send"): over_http(
        f"{_INBOX}/drafts/{{draft_id}}/send", draft=True, to="TO", text="t"
    ),
    ("ours", f"{_INBOX}/messages/send"): over_http(f"{_INBOX}/messages/send", True, to="TO", text="t"),
    ("ours", f"{_MESSAGE}/reply"): over_http(f"{_MESSAGE}/reply", True, cc="TO", to="TO", text="t"),
    ("ours", f"{_MESSAGE}/forward"): over_http(f"{_MESSAGE}/forward", True, to="TO"),
    ("ours", "/claims/{claim_id}/reply"): over_http("/claims/{claim_id}/reply", True, cc="TO", text="t"),
    ("mcp", "send_message"): _tool("send_message", to="TO", text="t"),
    ("mcp", "reply_to_message"): _tool("reply_to_message", message_id="ORIGINAL", to="TO", text="t"),
    ("mcp", "forward_message"): _tool("forward_message", message_id="ORIGINAL", to="TO"),
    ("mcp", "send_draft"): _tool("send_draft", draft=True, to="TO", text="t"),
    ("mcp", "reply_and_ack"): _tool("reply_and_ack", claim=True, cc="TO", text="t"),
}
