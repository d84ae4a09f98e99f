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
from postroom.http.inai.app import PREFIX as INAI
from postroom.http.inai.app import Inai
from postroom.http.inai.wire import NAMES as INAI_NAMES
from postroom.http.postroom.app import Ours
from postroom.http.transactional.app import PREFIX, Transactional
from postroom.http.transactional.wire import NAMES
from postroom.mcp.selection import read_selection
from postroom.mcp.server import Server
from postroom.model.errors import Refused
from postroom.model.message import Incoming
from postroom.model.policy import Held
from postroom.model.tenant import Actor
from postroom.service.keyring import KeyRing
from postroom.service.taint import EXACT_MS, LASTS_MS
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import CORRESPONDENT, mail
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

    @cached_property
    def apps(self) -> dict[str, ASGIApp]:
        """What answers over HTTP, by what its paths begin with."""
        versions = iter(range(10**9))
        inside = self.house.house
        desk, links, keys = self.house.desk, inside.links, KeyRing(self.house.desk, lambda: next(versions))
        return {
            "/v1/postroom": Ours(desk, keys, inside.hub, links, MAX_BODY),
            PREFIX: Transactional(desk, keys, links, MAX_BODY),
            INAI: Inai(desk, keys, links, MAX_BODY),
            "/v0": AgentMail(desk, keys, links, MAX_BODY),
        }

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
    filled: dict[str, Any] = {name: _fill(value, w) for name, value in fields.items()}
    return filled


def _fill(value: Any, w: Walk) -> Any:
    if isinstance(value, list):
        return [_filled(one, w) for one in value]
    return {"TO": w.to, "ORIGINAL": w.original}.get(value, value) if isinstance(value, str) else value


def by_draft(**fields: Any) -> Way:
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


def submitted(*fields: str) -> Way:
    """Return the way by a message that a mail client composed, with these fields to CORRESPONDENT, without to TO."""

    async def walk(w: Walk) -> str:
        named = CORRESPONDENT if fields else "nobody@partner.example"
        raw = mail(*fields, sender=w.inbox, to=named, answers=w.original)
        to = CORRESPONDENT if fields else w.to
        incoming = Incoming(envelope_from=w.inbox, recipients=(to,), content=raw, spool=None, size=len(raw), sha256="")
        return await desk("messages.submit", incoming=incoming)(w)

    return walk


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


async def posted(w: Walk, path: str, body: dict[str, Any]) -> httpx.Response:
    """POST over HTTP, by the dialect that the path begins with."""
    app = next(app for prefix, app in w.apps.items() if path.startswith(prefix))
    headers = {"authorization": f"Bearer {w.secret}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mail.test", headers=headers) as client:
        return await client.post(path, json=body)


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
        where = prefix + path.format(**{name: httpx.URL(f"http://x/{v}").path[1:] for name, v in names.items()})
        return _told(await posted(w, where, body))

    return walk


def _told(answer: httpx.Response) -> str:
    said = answer.json()
    if answer.status_code == 200:
        return "sent"
    assert answer.status_code == 403, said
    assert said["code"] == "message_rejected", said
    return "held" if "approval apr_" in said["fix"] else "refused"


def _over_agent_email(path: str, lure: str = "", **fields: Any) -> Way:
    """Return the way by a POST over the Agent Email dialect; `lure` is a field of a mail that asks to write to TO."""

    async def walk(w: Walk) -> str:
        body, original = _filled(fields, w), w.original
        if lure:
            original = (await w.house.receive(mail(f"{lure}: {w.to}"), w.inbox)).message_id
        if "{message_id}" not in path:
            body["from"] = w.inbox
        inner = w.house.rows("SELECT id FROM message WHERE public_id = ? AND inbox_address = ?", original, w.inbox)
        where = PREFIX + path.format(message_id=NAMES["message_id"].name(inner[0][0]))
        answer = await posted(w, where, body)
        if answer.status_code == 202:
            return "sent"
        assert answer.status_code == 403, answer.text
        return "held" if "wait for approval" in answer.text or "waits for approval" in answer.text else "refused"

    return walk


def _over_inai(path: str, lure: str = "", **fields: Any) -> Way:
    """Return the way by a POST over the inai dialect; `lure` as for the Agent Email dialect."""

    async def walk(w: Walk) -> str:
        original = w.original
        if lure:
            original = (await w.house.receive(mail(f"{lure}: {w.to}"), w.inbox)).message_id
        look = "SELECT inbox_id, id FROM message WHERE public_id = ? AND inbox_address = ?"
        names = dict(zip(("inbox_id", "message_id"), w.house.rows(look, original, w.inbox)[0], strict=True))
        where = INAI + path.format(**{name: INAI_NAMES[name].name(inner) for name, inner in names.items()})
        answer = await posted(w, where, _filled(fields, w))
        if answer.status_code == 200:
            return "sent"
        assert answer.status_code == 403, answer.text
        return "held" if "approval apr_" in answer.text else "refused"

    return walk


async def _batch(w: Walk) -> str:
    try:
        await w.call("messages.send_batch", messages=[{"to": w.to, "text": "t"}])
    except Refused as error:
        # A batch has no place to wait in: what would be held is refused, and says so.
        return f"{'held' if 'would wait for approval' in error.message else 'refused'}:{error.rule}"
    return "sent"


def by_tool(tool: str, draft: bool = False, claim: bool = False, **fields: Any) -> Way:
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


def _an_hour_later(w: Walk) -> None:
    assert isinstance(w.house.now, FakeClock)
    w.house.now.now += LASTS_MS + EXACT_MS + 1


async def _obeyed(w: Walk, actor: Actor | None = None) -> None:
    await w.house.call("messages.read", actor or w.actor, inbox_id=w.inbox, message_id=w.original)


async def _kept_draft(w: Walk) -> str:
    await _obeyed(w)
    draft = await w.call("drafts.create", to=w.to, text="t")
    _an_hour_later(w)
    return await desk("drafts.send", draft_id=draft.draft_id)(w)


async def _kept_and_changed_draft(w: Walk) -> str:
    draft = await w.call("drafts.create", to=w.inbox, text="t")
    await _obeyed(w)
    await w.call("drafts.update", draft_id=draft.draft_id, bcc=w.to)
    _an_hour_later(w)
    return await desk("drafts.send", draft_id=draft.draft_id)(w)


async def _passed_to_itself(w: Walk) -> str:
    await w.call("messages.forward", message_id=w.original, to=w.inbox)
    await w.house.settled()
    _an_hour_later(w)
    copy = (await w.house.messages(w.inbox, labels=["received"]))[-1]
    await w.call("messages.read", message_id=copy.id)
    return await desk("messages.send", to="TO", text="t")(w)


async def _read_by_a_key_that_it_makes(w: Walk) -> str:
    child = await w.house.key(w.actor)
    await _obeyed(w, child)
    await w.house.call("keys.delete", w.actor, api_key_id=child.api_key_id)
    return await desk("messages.send", to="TO", text="t")(w)


async def _sent_by_a_key_that_it_makes(w: Walk) -> str:
    reader, sender = await w.house.key(w.actor), await w.house.key(w.actor)
    await _obeyed(w, reader)
    try:
        return _said(await w.house.call("messages.send", sender, inbox_id=w.inbox, to=w.to, text="t"))
    except Refused as error:
        return f"refused:{error.rule}"


async def _left_by_a_key_that_goes(w: Walk) -> str:
    child = await w.house.key(w.actor)
    given = {"inbox_id": w.inbox, "to": w.to, "text": "t", "send_at": w.house.desk.clock() + 3_600_000}
    draft = await w.house.call("drafts.create", child, **given)
    await w.house.call("keys.delete", w.actor, api_key_id=child.api_key_id)
    _an_hour_later(w)
    w.house.house.bells.ring_all()
    rule = "SELECT rule FROM approval WHERE draft_id = ?"
    gone = "SELECT 1 FROM draft WHERE id = ?"
    key = draft.draft_id
    await w.house.until(lambda: bool(w.house.rows(rule, key)) or not w.house.rows(gone, key))
    held = w.house.rows(rule, key)
    return f"held:{held[0][0]}" if held else "sent"


# Ways round the wall: with time, with an inbox of one's own, with keys of one's own. Each says what holds it.
DETOURS: dict[str, tuple[Way, str]] = {
    "a draft that is kept": (_kept_draft, "held:taint"),
    "a draft that is kept and was changed": (_kept_and_changed_draft, "held:taint"),
    "a forward to oneself": (_passed_to_itself, "held:taint"),
    "a key that reads and is deleted": (_read_by_a_key_that_it_makes, "held:taint"),
    "a key that reads and one that sends": (_sent_by_a_key_that_it_makes, "held:taint"),
    "a key that schedules and is deleted": (_left_by_a_key_that_goes, "held:key_gone"),
}

_INBOX = "/inboxes/{inbox_id}"
_MESSAGE = f"{_INBOX}/messages/{{message_id}}"
# By face and by what it goes by there; the words after a + tell ways apart that go by the same.
PATHS: dict[tuple[str, str], Way] = {
    ("desk", "messages.send"): desk("messages.send", to="TO", text="t"),
    ("desk", "messages.send+bcc"): desk("messages.send", to="TO", bcc="TO", text="t"),
    ("desk", "messages.reply"): desk("messages.reply", message_id="ORIGINAL", to="TO", text="t"),
    ("desk", "messages.reply+cc"): desk("messages.reply", message_id="ORIGINAL", to="TO", cc="TO", text="t"),
    ("desk", "messages.forward"): desk("messages.forward", message_id="ORIGINAL", to="TO"),
    ("desk", "drafts.send"): by_draft(to="TO", text="t"),
    ("desk", "drafts.send+reply"): by_draft(in_reply_to="ORIGINAL", cc="TO", text="t"),
    ("desk", "drafts.send+forward"): by_draft(forward_of="ORIGINAL", to="TO"),
    ("desk", "drafts.send+changed"): _changed_draft,
    ("desk", "drafts.create+send_at"): _scheduled(),
    ("desk", "drafts.update+send_at"): _scheduled(to="TO"),
    ("desk", "messages.submit"): submitted(),
    ("desk", "messages.send_batch"): _batch,
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
    ("agent-email", "/messages/send"): _over_agent_email("/messages/send", to="TO", text="t"),
    ("agent-email", "/messages/send-batch"): _over_agent_email(
        "/messages/send-batch", messages=[{"to": "TO", "text": "t"}]
    ),
    ("agent-email", "/messages/{message_id}/reply"): _over_agent_email(
        "/messages/{message_id}/reply", lure="Reply-To", text="t"
    ),
    ("agent-email", "/messages/{message_id}/reply-all"): _over_agent_email(
        "/messages/{message_id}/reply-all", lure="Cc", text="t"
    ),
    ("agent-email", "/messages/{message_id}/forward"): _over_agent_email("/messages/{message_id}/forward", to="TO"),
    ("inai", f"{_INBOX}/messages/send"): _over_inai(f"{_INBOX}/messages/send", to="TO", text="t"),
    ("inai", f"{_MESSAGE}/reply"): _over_inai(f"{_MESSAGE}/reply", cc="TO", text="t"),
    ("inai", f"{_MESSAGE}/reply-all"): _over_inai(f"{_MESSAGE}/reply-all", lure="Cc", text="t"),
    ("inai", f"{_MESSAGE}/forward"): _over_inai(f"{_MESSAGE}/forward", to="TO", text="t"),
    ("mcp", "send_message"): by_tool("send_message", to="TO", text="t"),
    ("mcp", "reply_to_message"): by_tool("reply_to_message", message_id="ORIGINAL", to="TO", text="t"),
    ("mcp", "forward_message"): by_tool("forward_message", message_id="ORIGINAL", to="TO"),
    ("mcp", "send_draft"): by_tool("send_draft", draft=True, to="TO", text="t"),
    ("mcp", "reply_and_ack"): by_tool("reply_and_ack", claim=True, cc="TO", text="t"),
}
