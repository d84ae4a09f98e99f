"""No result is above 20,000 characters, in words or as data, whatever a sender made of a mail: every tool, on the worst
that the engine takes.
"""

import asyncio
import json
from typing import Any

import pytest
from mcp import Client

from postroom.mcp.fitting import RESULT_CHARS
from postroom.mcp.selection import read_selection
from postroom.mcp.words import moment
from postroom.service.tenants import PERMISSIONS
from tests.fakes.bed import DOMAIN, Bed
from tests.mcp.bedside import client_of
from tests.processes.running import text_of

AGENT = f"agent@{DOMAIN}"
MAILS = 22
LABELS = [f"{number:02}{'l' * 90}" for number in range(60)]
PEOPLE = [f"{'r' * 50}{number}@{'d' * 50}.example.com" for number in range(50)]
# It asks the person at the client; what follows is worded as for the others that send.
ASKS = {"confirm_send"}


def _crowd(number: int) -> bytes:
    people = ",\n ".join(f'"{"N" * 150}{n}" <{n}{PEOPLE[n % 50]}>' for n in range(200))
    answers = ",\n ".join(f'"{"N" * 150}" <{person}>' for person in PEOPLE[:40])
    files = "".join(
        f"--b\nContent-Type: text/plain\nContent-Disposition: attachment;\n"
        f' filename="{"f" * 150}{n}.txt"\n\n{chr(10) * 30_000 if n == 0 and number == MAILS - 1 else "x"}\n'
        for n in range(40)
    )
    text = (
        f'From: "{"S" * 300}" <s@example.com>\nTo: {people}\nCc: {people}\nReply-To: {answers}\n'
        f"Subject: {'Subj ' * 180}\nMessage-ID: <{'m' * 900}{number}@example.com>\n"
        f"List-Unsubscribe: <mailto:leave@example.com?subject={'u' * 900}>\n"
        f"References: <{'m' * 900}0@example.com>\nMIME-Version: 1.0\n"
        f"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
        f"https://example.com/{'p' * 1500}?token=1\n"
        + '"quoted"\n\\\n' * (9_000 if number == MAILS - 1 else 150)
        + f"\n{files}--b--\n"
    )
    return text.replace("\n", "\r\n").encode()


class Crowd:
    """Calls tools of one client, and holds what each answers to the limit."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.called: set[str] = set()
        self.too_long: list[tuple[str, str, int]] = []

    async def does(self, tool: str, /, **given: Any) -> dict[str, Any]:
        return await self.does_more(RESULT_CHARS, tool, **given)

    async def does_more(self, room: int, tool: str, /, **given: Any) -> dict[str, Any]:
        result = await self.client.call_tool(tool, given)
        assert not result.is_error, (tool, text_of(result))
        data = dict(result.structured_content or {})
        sizes = {"words": len(text_of(result)), "data": len(json.dumps(data, ensure_ascii=False))}
        self.too_long += [(tool, what, size) for what, size in sizes.items() if size > room]
        self.called.add(tool)
        return data


async def _crowded(house: Bed) -> None:
    await house.inbox()
    for number in range(MAILS):
        await house.take(_crowd(number), AGENT)
    ids = [message.id for message in await house.messages(AGENT)]
    await house.call("messages.batch_update", inbox_id=AGENT, message_ids=ids, add_labels=LABELS)
    await house.indexed()


@pytest.mark.timeout(60)
async def test_no_result_of_any_tool_is_too_long_for_a_host(house: Bed) -> None:
    async with asyncio.timeout(55), client_of(house, selection=read_selection("all")) as client:
        await _crowded(house)
        crowd = Crowd(client)
        await _inboxes(crowd)
        message = await _messages(crowd)
        await _threads(crowd, message["thread_id"])
        await _work(crowd, house.now())
        await _sending(crowd, message["message_id"])
        await _drafts(crowd)
        await _policies(house, crowd)
        await _administration(crowd)
        await _deletions(crowd, message)
        offered = {tool.name for tool in (await client.list_tools()).tools}
    assert crowd.too_long == []
    assert offered - crowd.called <= ASKS


async def _inboxes(crowd: Crowd) -> None:
    metadata = {f"{number}{'k' * 200}": "v" * 200 for number in range(200)}
    for number in range(10):
        await crowd.does("create_inbox", username=f"i{number}", display_name="n" * 250, metadata=metadata)
    await crowd.does("list_inboxes")
    await crowd.does("update_inbox", inbox_id=f"i0@{DOMAIN}", display_name="m")
    one = await crowd.does("get_inbox", inbox_id=f"i0@{DOMAIN}")
    assert len(one["metadata"]) + one["more_metadata"] == 200
    whole = await crowd.does_more(200_000, "get_inbox", inbox_id=f"i0@{DOMAIN}", max_chars=200_000)
    assert whole["metadata"] == metadata


async def _messages(crowd: Crowd) -> dict[str, Any]:
    page = await crowd.does("list_messages", inbox_id=AGENT)
    assert len(page["messages"]) == 10
    message: dict[str, Any] = page["messages"][0]
    assert len(message["to"]) + len(message.get("cc", ())) + message["more_recipients"] == 400
    await crowd.does("search_messages", q="quoted")
    ref = {"inbox_id": AGENT, "message_id": message["message_id"]}
    for format in ("text", "markdown", "html", "raw"):
        read = await crowd.does("get_message", **ref, format=format)
        assert read["truncated"]
        await crowd.does("get_message", **ref, format=format, offset=read["next_offset"])
    asked = await crowd.does_more(400_000, "get_message", **ref, max_chars=100_000)
    assert len(asked["text"]) > RESULT_CHARS
    await crowd.does("wait_for_message", inbox_id=AGENT, after=0)
    everything = (await crowd.does_more(200_000, "list_messages", inbox_id=AGENT, limit=100))["messages"]
    given = {"inbox_id": AGENT, "message_ids": [m["message_id"] for m in everything]}
    many = await crowd.does("update_messages", **given, add_labels="seen")
    assert len(many["messages"]) + many.get("more_messages", 0) == MAILS
    absent = [f"<{number}{'a' * 900}@x>" for number in range(50)]
    none = await crowd.does("update_messages", inbox_id=AGENT, message_ids=absent, add_labels="seen")
    assert len(none["missing"]) + none["more_missing"] == 50
    await crowd.does("update_message", **ref, add_labels="q")
    file = {"inbox_id": AGENT, "attachment_id": message["attachments"][0]["attachment_id"]}
    assert (await crowd.does("get_attachment", **file))["truncated"]
    await crowd.does("get_attachment", **file, base64_content=True)
    return message


async def _threads(crowd: Crowd, thread_id: str) -> None:
    ref = {"inbox_id": AGENT, "thread_id": thread_id}
    await crowd.does("list_threads")
    await crowd.does("search_threads", q="quoted")
    thread = await crowd.does("get_thread", **ref)
    assert len(thread["messages"]) == 20
    assert thread["messages"][-1]["text"]
    assert thread["messages"][-1]["truncated"]
    assert {message["message_id"] for message in thread["messages"]} == {m["ref"] for m in thread["messages"]}
    await crowd.does("get_thread", **ref, limit=3)
    await crowd.does("update_thread", **ref, add_labels="thread")


async def _work(crowd: Crowd, now: int) -> None:
    claim = await crowd.does("claim_next", inbox_id=AGENT)
    assert claim["messages"]
    await crowd.does("extend_claim", claim_id=claim["claim_id"])
    for _try in range(5):
        await crowd.does("nack", claim_id=claim["claim_id"], reason="r" * 500)
        claim = await crowd.does("claim_next", inbox_id=AGENT)
    await crowd.does("list_set_aside", inbox_id=AGENT)
    thread_id = (await crowd.does("list_threads", inbox_id=AGENT))["threads"][0]["thread_id"]
    await crowd.does("requeue", inbox_id=AGENT, thread_id=thread_id)
    claim = await crowd.does("claim_next", inbox_id=AGENT)
    await crowd.does("ack", claim_id=claim["claim_id"])
    await crowd.client.call_tool("update_thread", {"inbox_id": AGENT, "thread_id": thread_id, "add_labels": "unread"})
    claim = await crowd.does("claim_next", inbox_id=AGENT)
    answer = {"claim_id": claim["claim_id"], "cc": PEOPLE[40:], "text": "t"}
    await crowd.does("reply_and_ack", **answer)
    await crowd.client.call_tool("update_thread", {"inbox_id": AGENT, "thread_id": thread_id, "add_labels": "unread"})
    claim = await crowd.does("claim_next", inbox_id=AGENT)
    await crowd.does("defer", claim_id=claim["claim_id"], until=moment(now + 3_600_000))


async def _sending(crowd: Crowd, message_id: str) -> None:
    ref = {"inbox_id": AGENT, "message_id": message_id}
    sent = await crowd.does("send_message", inbox_id=AGENT, to=PEOPLE, subject="s", text="t")
    assert len(sent["recipients"]) + sent.get("more_recipients", 0) == 50
    await crowd.does("reply_to_message", **ref, to=PEOPLE, text="t")
    await crowd.does("forward_message", **ref, to=PEOPLE, text="t")
    await crowd.does("check_send", inbox_id=AGENT, to=PEOPLE)
    await crowd.does("unsubscribe", **ref)


async def _drafts(crowd: Crowd) -> None:
    files = [{"content": "aGk=", "filename": f"{number}{'f' * 200}"} for number in range(50)]
    people = [f'"{"N" * 200}" <{person}>' for person in PEOPLE]
    given = {"inbox_id": AGENT, "to": people[:25], "cc": people[25:], "reply_to": people, "subject": "s " * 400}
    for _number in range(10):
        made = await crowd.does(
            "create_draft", **given, labels=LABELS[:20], text="\n" * 50_000, html="<p>" * 20_000, attachments=files
        )
    assert len(made["attachments"]) + made["more_attachments"] == 50
    assert made["text"]
    assert made["truncated"]
    one = {"draft_id": made["draft_id"]}
    await crowd.does("get_draft", **one)
    asked = await crowd.does_more(400_000, "get_draft", **one, max_chars=50_000)
    assert len(asked["text"]) == 50_000
    await crowd.does("update_draft", **one, text='"' * 50_000)
    await crowd.does("list_drafts")
    sent = await crowd.does("update_draft", **one, cc="", to=PEOPLE[:3])
    await crowd.does("send_draft", draft_id=sent["draft_id"])


async def _policies(house: Bed, crowd: Crowd) -> None:
    allowed = [f"{'a' * 60}{number}@{'b' * 60}.example.com" for number in range(50)]
    for number in range(10):
        await house.call("policies.set", inbox_id=f"i{number}@{DOMAIN}", recipients="allowlist", allowed=allowed)
    (policy, *_others) = (await crowd.does("whoami"))["policies"]
    assert len(policy.get("allowed", ())) + policy["more_allowed"] == 50
    mail = {"inbox_id": f"i0@{DOMAIN}", "to": PEOPLE}
    assert (await crowd.does("check_send", **mail))["outcome"] == "refused"
    assert (await crowd.does("send_message", **mail, text="t"))["status"] == "refused"
    await house.call("policies.set", inbox_id=f"i0@{DOMAIN}", approval="all")
    assert (await crowd.does("send_message", **mail, text="t"))["status"] == "held"


async def _administration(crowd: Crowd) -> None:
    for number in range(10):
        name = f"{number}{'x' * 200}"
        key = await crowd.does("create_key", name=name, permissions=sorted(PERMISSIONS))
        pod = await crowd.does("create_pod", name=name)
        hook = await crowd.does("create_webhook", url=f"https://example.com/{number}{'u' * 4_000}")
        entry = {"direction": "send", "type": "block", "entry": f"e{number}{PEOPLE[number]}"}
        await crowd.does("add_list_entry", **entry, reason="w" * 1_000)
        domain = {"domain": f"d{number}.example.com", "allow_conflicting_provider": True}
        await crowd.does("add_domain", **domain)
    await crowd.does("update_key", api_key_id=key["api_key_id"], name="k")
    await crowd.does("get_webhook", webhook_id=hook["webhook_id"], show_secret=True)
    await crowd.does("update_webhook", webhook_id=hook["webhook_id"], enabled=False)
    for tool in ("list_keys", "list_pods", "list_webhooks", "list_domains", "whoami"):
        await crowd.does(tool)
    await crowd.does("list_entries", direction="send", type="block")
    for tool in ("count_events", "get_usage", "get_rates"):
        await crowd.does(tool)
        await crowd.does(tool, period=240, **({"window": 240} if tool == "get_rates" else {}))
    for tool in ("get_domain", "verify_domain", "delete_domain"):
        await crowd.does(tool, domain_id=domain["domain"])
    await crowd.does("remove_list_entry", **entry)
    await crowd.does("delete_webhook", webhook_id=hook["webhook_id"])
    await crowd.does("delete_pod", pod_id=pod["pod_id"])
    await crowd.does("delete_key", api_key_id=key["api_key_id"])


async def _deletions(crowd: Crowd, message: dict[str, Any]) -> None:
    drafts = (await crowd.does("list_drafts", inbox_id=AGENT))["drafts"]
    for draft in drafts:
        await crowd.does("delete_draft", draft_id=draft["draft_id"])
    await crowd.does("undo_delete", inbox_id=AGENT, draft_id=drafts[0]["draft_id"])
    for kind in ("message", "thread"):
        ref = {"inbox_id": AGENT, f"{kind}_id": message[f"{kind}_id"]}
        await crowd.does(f"delete_{kind}", **ref)
        assert len((await crowd.does("list_trash"))["trash"]) >= 9
        await crowd.does("undo_delete", **ref)
    await crowd.does("delete_message", inbox_id=AGENT, message_id=message["message_id"])
    await crowd.does("delete_message_permanently", inbox_id=AGENT, message_id=message["message_id"])
    await crowd.does("delete_thread_permanently", inbox_id=AGENT, thread_id=message["thread_id"])
    await crowd.does("delete_draft_permanently", draft_id=drafts[0]["draft_id"])
    await crowd.does("delete_inbox", inbox_id=AGENT)
    await crowd.does("delete_inbox_permanently", inbox_id=AGENT)
