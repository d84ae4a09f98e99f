"""What the command line of the product sends, request by request, and every way to write a list in a query.

Its source was read, not run: it is a Go program that writes paths, queries and bodies as Go's libraries do.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from tests.compat.official import owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail

CONTRACT = Path(__file__).resolve().parents[3] / "shared" / "contract" / "agentmail.json"
AGENT = f"agent@{DOMAIN}"
HEADERS = {
    "accept": "application/json",
    "user-agent": "Agentmail/CLI 0.7.9",
    "x-stainless-lang": "cli",
    "x-stainless-package-version": "0.7.9",
    "x-stainless-runtime": "cli",
    "x-stainless-retry-count": "0",
    "x-stainless-timeout": "60",
}


@dataclass(frozen=True)
class Sent:
    """A request: the command that was typed and what it sends. `refused` is the status where it is not done.

    `{name}` stands for an id: in a path escaped as Go does it. `shows` are fields of the answer, `keeps` names ids of
    it for later requests.
    """

    command: str
    line: str
    body: Any = None
    refused: int | None = None
    shows: Mapping[str, Any] = field(default_factory=dict)
    keeps: Mapping[str, str] = field(default_factory=dict)


INBOXES = (
    Sent("inboxes create", "POST /v0/inboxes", {}, keeps={"fresh": "inbox_id"}),
    Sent(
        "inboxes create --username docs-testing --display-name 'Docs Tester' --client-id one --metadata '{seats: 5}'",
        "POST /v0/inboxes",
        {"username": "docs-testing", "display_name": "Docs Tester", "client_id": "one", "metadata": {"seats": 5}},
        shows={"inbox_id": f"docs-testing@{DOMAIN}", "display_name": "Docs Tester", "metadata": {"seats": 5}},
        keeps={"made": "inbox_id"},
    ),
    Sent("inboxes get --inbox-id {made}", "GET /v0/inboxes/{made}", shows={"client_id": "one"}),
    Sent("inboxes list --limit 2 --ascending=true", "GET /v0/inboxes?ascending=true&limit=2", shows={"count": 2}),
    Sent(
        "inboxes update --inbox-id {made} --display-name Docs",
        "PATCH /v0/inboxes/{made}",
        {"display_name": "Docs"},
        shows={"display_name": "Docs", "metadata": {"seats": 5}},
    ),
    Sent("inboxes list-metrics", "GET /v0/inboxes/{made}/metrics?event_types=message.sent%2Cmessage.received"),
    Sent("inboxes delete --inbox-id {made}", "DELETE /v0/inboxes/{made}"),
    Sent("inboxes get --inbox-id {made}", "GET /v0/inboxes/{made}", refused=404, shows={"code": "not_found"}),
)
MESSAGES = (
    Sent(
        "inboxes:messages list --label vip --label urgent --after 2019-12-27T18:11:19.117Z --include-spam=true",
        "GET /v0/inboxes/{inbox}/messages"
        "?after=2019-12-27T18%3A11%3A19.117Z&include_spam=true&labels=vip%2Curgent&limit=5",
        shows={"count": 1, "limit": 5},
    ),
    Sent(
        "inboxes:messages get --message-id {message}",
        "GET /v0/inboxes/{inbox}/messages/{message}",
        shows={"subject": "Quarterly plan for spring"},
    ),
    Sent(
        "inboxes:messages send --to bob@example.org --subject R&D --text 'a < b' --attachment.filename a.txt …",
        "POST /v0/inboxes/{inbox}/messages/send",
        {
            "to": "bob@example.org",
            "cc": ["x@example.org", "Y <y@example.org>"],
            "subject": "R&D",
            "text": "a < b",
            "labels": ["mine"],
            "headers": {"X-Case": "7"},
            "attachments": [{"content": "ZGF0YQ==", "content_type": "text/plain", "filename": "a.txt"}],
        },
        keeps={"sent": "message_id"},
    ),
    Sent("…", "GET /v0/inboxes/{inbox}/messages/{sent}", shows={"subject": "R&D", "to": ["bob@example.org"]}),
    Sent("inboxes:messages get-raw", "GET /v0/inboxes/{inbox}/messages/{sent}/raw", keeps={"raw": "download_url"}),
    Sent(
        "inboxes:messages get-attachment",
        "GET /v0/inboxes/{inbox}/messages/{message}/attachments/{file}",
        shows={"filename": "plan.bin"},
    ),
    Sent(
        "inboxes:messages reply --reply-all=true",
        "POST /v0/inboxes/{inbox}/messages/{message}/reply",
        {"reply_all": True, "text": "Thanks"},
        shows={"thread_id": "{thread}"},
    ),
    Sent("…", "POST /v0/inboxes/{inbox}/messages/{message}/reply", {"to": "x@example.org", "html": "<p>Hi</p>"}),
    Sent(
        "inboxes:messages reply-all",
        "POST /v0/inboxes/{inbox}/messages/{message}/reply-all",
        {"text": "Thanks", "reply_to": "desk@example.org"},
        shows={"thread_id": "{thread}"},
    ),
    Sent(
        "inboxes:messages forward",
        "POST /v0/inboxes/{inbox}/messages/{message}/forward",
        {"to": "x@example.org", "subject": "See"},
    ),
    Sent(
        "inboxes:messages update --add-label '[seen]' --remove-label unread",
        "PATCH /v0/inboxes/{inbox}/messages/{message}",
        {"add_labels": ["seen"], "remove_labels": "unread"},
        shows={"labels": ["received", "seen", "urgent", "vip"]},
    ),
)
SCOPES = {"": "threads", "/pods/{pod}": "pods:threads", "/inboxes/{inbox}": "inboxes:threads"}
THREADS = (
    *(
        row
        for at, noun in SCOPES.items()
        for row in (
            Sent(
                f"{noun} list --label '[vip, urgent]' --before 2100-01-01T00:00:00Z",
                f"GET /v0{at}/threads?before=2100-01-01T00%3A00%3A00Z&include_trash=false&labels=vip%2Curgent",
                shows={"count": 1},
            ),
            Sent(f"{noun} get", f"GET /v0{at}/threads/{{thread}}", shows={"message_count": 1}),
            Sent(
                f"{noun} get-attachment",
                f"GET /v0{at}/threads/{{thread}}/attachments/{{file}}",
                shows={"filename": "plan.bin"},
            ),
        )
    ),
    Sent("inboxes:threads delete", "DELETE /v0/inboxes/{inbox}/threads/{thread}"),
    Sent("inboxes:threads get", "GET /v0/inboxes/{inbox}/threads/{thread}", refused=404),
)
DRAFTS = (
    Sent(
        "inboxes:drafts create --to '[x@example.org]' --subject Plan --label '[vip, urgent]' --send-at 2100-…",
        "POST /v0/inboxes/{inbox}/drafts",
        {"to": ["x@example.org"], "subject": "Plan", "labels": ["vip"], "client_id": "d"},
        shows={"subject": "Plan"},
        keeps={"mine": "draft_id"},
    ),
    Sent("drafts list --label vip", "GET /v0/drafts?labels=vip", shows={"count": 2}),
    Sent("pods:drafts list --label vip", "GET /v0/pods/{pod}/drafts?labels=vip%2Curgent", shows={"count": 1}),
    Sent("inboxes:drafts list", "GET /v0/inboxes/{inbox}/drafts", shows={"count": 3}),
    Sent("drafts get --draft-id {mine}", "GET /v0/drafts/{mine}", shows={"client_id": "d"}),
    Sent("pods:drafts get", "GET /v0/pods/{pod}/drafts/{mine}", shows={"client_id": "d"}),
    Sent(
        "inboxes:drafts update --text Hello",
        "PATCH /v0/inboxes/{inbox}/drafts/{mine}",
        {"text": "Hello"},
        shows={"text": "Hello", "subject": "Plan"},
    ),
    Sent("inboxes:drafts send", "POST /v0/inboxes/{inbox}/drafts/{mine}/send", {}, keeps={"sent": "message_id"}),
    Sent("inboxes:drafts delete", "DELETE /v0/inboxes/{inbox}/drafts/{draft}"),
)
TENANTS = (
    Sent("pods create --name tenant", "POST /v0/pods", {"name": "tenant"}, keeps={"made": "pod_id"}),
    Sent("pods list --limit 10", "GET /v0/pods?limit=10", shows={"count": 2}),
    Sent("pods:inboxes create", "POST /v0/pods/{made}/inboxes", {"username": "t"}, keeps={"theirs": "inbox_id"}),
    Sent("pods:inboxes list", "GET /v0/pods/{made}/inboxes", shows={"count": 1}),
    Sent("pods:inboxes delete", "DELETE /v0/pods/{made}/inboxes/{theirs}"),
    Sent("pods delete", "DELETE /v0/pods/{made}"),
    Sent("organizations get", "GET /v0/organizations", shows={"inbox_count": 1}),
    Sent("api-keys create --name ci", "POST /v0/api-keys", {"name": "ci"}, keeps={"key": "api_key_id"}),
    Sent("api-keys list", "GET /v0/api-keys"),
    Sent("api-keys delete", "DELETE /v0/api-keys/{key}"),
    Sent("inboxes:api-keys create", "POST /v0/inboxes/{inbox}/api-keys", {"name": "i"}, keeps={"own": "api_key_id"}),
    Sent("inboxes:api-keys delete", "DELETE /v0/inboxes/{inbox}/api-keys/{own}"),
    Sent(
        "inboxes:lists create --direction send --type block --entry bob@example.org",
        "POST /v0/inboxes/{inbox}/lists/send/block",
        {"entry": "bob@example.org", "reason": "asked"},
        shows={"entry": "bob@example.org", "entry_type": "email"},
    ),
    Sent("inboxes:lists list", "GET /v0/inboxes/{inbox}/lists/send/block?limit=5", shows={"count": 1}),
    Sent("inboxes:lists delete", "DELETE /v0/inboxes/{inbox}/lists/send/block/bob@example.org"),
)
DOMAINS = (
    Sent(
        "domains create --domain example.com --feedback-enabled=true",
        "POST /v0/domains",
        {"domain": "example.com", "feedback_enabled": True},
        shows={"status": "NOT_STARTED"},
    ),
    Sent("domains get", "GET /v0/domains/example.com", shows={"domain_id": "example.com"}),
    Sent("domains get-zone-file", "GET /v0/domains/example.com/zone-file"),
    Sent("domains verify", "POST /v0/domains/example.com/verify"),
    Sent("domains delete", "DELETE /v0/domains/example.com"),
    Sent("pods:domains create", "POST /v0/pods/{pod}/domains", {"domain": "example.com", "feedback_enabled": False}),
    Sent("pods:domains delete", "DELETE /v0/pods/{pod}/domains/example.com"),
    Sent(
        "webhooks create --event-type message.received --url https://example.com/hook --inbox-id …",
        "POST /v0/webhooks",
        {"event_types": ["message.received"], "url": "https://example.com/hook", "inbox_ids": [AGENT]},
        shows={"inbox_ids": [AGENT], "enabled": True},
        keeps={"hook": "webhook_id"},
    ),
    Sent("webhooks update", "PATCH /v0/webhooks/{hook}", {"add_pod_ids": ["{pod}"], "remove_inbox_ids": [AGENT]}),
    Sent("webhooks list", "GET /v0/webhooks?limit=1", shows={"count": 1}),
    Sent("webhooks delete", "DELETE /v0/webhooks/{hook}"),
    Sent("metrics list", "GET /v0/metrics?event_types=message.received"),
    Sent("auth me", "GET /v0/auth/me", shows={"scope_type": "organization"}),
)
STORIES = {
    "inboxes": INBOXES,
    "messages": MESSAGES,
    "threads": THREADS,
    "drafts": DRAFTS,
    "tenants": TENANTS,
    "domains": DOMAINS,
}


async def prepared(house: Bed) -> dict[str, str]:
    """Give an inbox two messages and two drafts, of which one has all that is asked for, and return its ids."""
    inbox = await house.inbox()
    plan = mail("Cc: dave@example.org", subject="Quarterly plan for spring", files={"plan.bin": b"data"})
    message = await house.receive(plan)
    await house.call("messages.update", inbox_id=AGENT, message_id=message.id, add_labels=["vip", "urgent"])
    await house.receive(mail(sender="erin@elsewhere.test", subject="Other"))
    draft = await house.call("drafts.create", inbox_id=AGENT, labels=["vip", "urgent"], subject="Draft")
    await house.call("drafts.create", inbox_id=AGENT, subject="Other")
    await house.indexed()
    return {
        "inbox": AGENT,
        "pod": inbox.pod_id,
        "message": message.message_id,
        "thread": message.thread_id,
        "file": message.attachments[0].attachment_id,
        "draft": draft.draft_id,
    }


def escaped(text: str, ids: Mapping[str, str]) -> str:
    """Put ids into a path as Go's PathEscape writes them."""
    return text.format_map({name: quote(value, safe="$&+=:@") for name, value in ids.items()})


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    """Put ids into a body or into what is expected."""
    text = json.dumps(value)
    for name, found in ids.items():
        text = text.replace(f"{{{name}}}", json.dumps(found)[1:-1])
    return json.loads(text)


def go_json(body: Any) -> bytes:
    """Return JSON as Go writes it: what HTML would read is escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e").encode()


async def send(client: httpx.AsyncClient, row: Sent, ids: Mapping[str, str]) -> httpx.Response:
    method, _space, path = row.line.partition(" ")
    given: dict[str, Any] = {} if row.body is None else {"content": go_json(filled(row.body, ids))}
    headers = HEADERS if row.body is None else {**HEADERS, "content-type": "application/json"}
    return await client.request(method, escaped(path, ids), headers=headers, **given)


@pytest.mark.parametrize("story", STORIES)
async def test_what_the_command_line_sends_is_answered(house: Bed, story: str) -> None:
    ids = await prepared(house)
    async with wire(house, await owner_key(house)) as client:
        for row in STORIES[story]:
            answer = await send(client, row, ids)
            fits = answer.is_success if row.refused is None else answer.status_code == row.refused
            assert fits, (row.command, answer.status_code, answer.text)
            json_like = answer.headers.get("content-type", "").startswith("application/json")
            shown: dict[str, Any] = answer.json() if json_like else {}
            expected = filled(dict(row.shows), ids)
            assert {name: shown.get(name) for name in expected} == expected, row.command
            ids |= {name: shown[given] for name, given in row.keeps.items()}


async def test_a_wrong_key_is_a_401_that_the_command_line_can_show(house: Bed) -> None:
    async with wire(house, "am_us_nobody") as client:
        answer = await client.get("/v0/inboxes", headers=HEADERS)
        assert (answer.status_code, answer.json()["code"]) == (401, "unknown_api_key")


BOTH_HOLD = {
    "labels": ("vip", "urgent"),
    "from": ("carol", "example.com"),
    "to": ("agent", "dave"),
    "subject": ("Quarterly", "spring"),
    "senders": ("carol", "example.com"),
    "recipients": ("agent", "dave"),
}
KINDS = {
    "event_types": ("message.received", "message.sent"),
    "usage_types": ("message_count", "thread_count"),
    "rate_types": ("bounce", "complaint"),
}
LISTS = (
    *(("/inboxes/{inbox}/messages", name) for name in ("labels", "from", "to", "subject")),
    *((f"{at}/threads", name) for at in SCOPES for name in ("labels", "senders", "recipients", "subject")),
    *((f"{at}/drafts", "labels") for at in SCOPES),
)
METRICS = tuple(
    (f"{at}/metrics{path}", name)
    for at in SCOPES
    for path, name in (
        ("", "event_types"), ("/events", "event_types"), ("/usage", "usage_types"), ("/rates", "rate_types"),
    )
)  # fmt: skip


def written(name: str, values: tuple[str, ...]) -> dict[str, str]:
    """Return a list in a query in each way that a client writes it."""
    quoted = [quote_plus(value) for value in values]
    return {
        "a JSON array": f"{name}={quote_plus(json.dumps(values))}",
        "a JSON array without spaces": f"{name}={quote(json.dumps(values, separators=(',', ':')))}",
        "commas": f"{name}={quote_plus(','.join(values))}",
        "bare commas": f"{name}={','.join(quoted)}",
        "repeated": "&".join(f"{name}={value}" for value in quoted),
        "brackets": "&".join(f"{name}[]={value}" for value in quoted),
        "escaped brackets": "&".join(f"{name}%5B%5D={value}" for value in quoted),
        "numbered": "&".join(f"{name}[{at}]={value}" for at, value in enumerate(quoted)),
        "escaped numbers": "&".join(f"{name}%5B{at}%5D={value}" for at, value in enumerate(quoted)),
    }


async def test_a_list_that_filters_is_read_in_every_way_to_write_it(house: Bed) -> None:
    ids = await prepared(house)
    async with wire(house, await owner_key(house)) as client:
        for path, name in LISTS:
            at = f"/v0{escaped(path, ids)}"
            everything = (await client.get(at)).json()["count"]
            assert everything == 2, path
            for way, query in written(name, BOTH_HOLD[name]).items():
                answer = await client.get(f"{at}?{query}", headers=HEADERS)
                assert (answer.status_code, answer.json().get("count")) == (200, 1), (path, way, answer.text)
            bare = await client.get(f"{at}?{name}={BOTH_HOLD[name][1]}")
            assert bare.json()["count"] == 1, path
            both = await client.get(f"{at}?{written(name, (BOTH_HOLD[name][0], 'nothing'))['commas']}")
            assert both.json()["count"] == 0, path


async def test_a_list_of_kinds_is_read_in_every_way_to_write_it(house: Bed) -> None:
    ids = await prepared(house)
    async with wire(house, await owner_key(house)) as client:
        for path, name in METRICS:
            for way, query in written(name, KINDS[name]).items():
                answer = await client.get(f"/v0{escaped(path, ids)}?{query}", headers=HEADERS)
                assert answer.status_code == 200, (path, way, answer.text)
                assert set(answer.json()) - {"message"} <= set(KINDS[name]), (path, way)


def test_every_list_in_a_query_of_the_contract_stands_here() -> None:
    if not CONTRACT.is_file():
        pytest.skip("the contract is not beside this checkout")
    names = {*BOTH_HOLD, *KINDS}
    operations = json.loads(CONTRACT.read_text("utf-8"))["operations"]
    wanted = {
        (operation["path"].replace("{inbox_id}", "{inbox}").replace("{pod_id}", "{pod}"), name)
        for operation in operations
        for name in names & set(operation.get("query", {}))
    }
    assert wanted - {(f"/v0{path}", name) for path, name in (*LISTS, *METRICS)} == set()
