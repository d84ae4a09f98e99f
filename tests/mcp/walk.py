"""A walk through all tools, for every transport: what each answers is held against its schema and its text."""

import asyncio
import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from tests.processes.running import Agent, mail, send, text_of

IDS = (
    *("inbox_id", "message_id", "thread_id", "attachment_id", "last_message_id", "next_page_token", "download_url"),
    *("draft_id", "domain_id", "webhook_id", "api_key_id", "pod_id"),
)


class Walk:
    """Calls tools as a program does that believes the schemas, and as a model does that sees the text alone."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._outputs: dict[str, Any] = {}
        self.called: set[str] = set()

    async def begin(self) -> None:
        tools = (await self._agent.client.list_tools()).tools
        self._outputs = {tool.name: tool.output_schema for tool in tools}

    async def does(self, tool: str, **given: Any) -> dict[str, Any]:
        """Call a tool; its data follow its output schema and its text has every id that the data have."""
        arguments = {"from" if name == "from_" else name: value for name, value in given.items()}
        result = await self._agent.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        data: dict[str, Any] = json.loads(json.dumps(result.structured_content))
        jsonschema.validate(data, self._outputs[tool])
        text = text_of(result)
        assert f"\nposition: {data['position']}" in text
        for found in _ids(data) if tool != "update_message" else [data["message_id"]]:
            assert found in text, (tool, found)
        self.called.add(tool)
        return data


async def walk(agent: Agent, smtp: tuple[str, int], mark: str) -> set[str]:
    """Use every tool once at least; return their names."""
    tools = Walk(agent)
    await tools.begin()
    support = (await tools.does("create_inbox", username=f"support-{mark}", display_name="Support"))["inbox_id"]
    archive = await tools.does("create_inbox", username=f"archive-{mark}")
    assert len((await tools.does("list_inboxes", limit=100))["inboxes"]) >= 2
    updated = await tools.does("update_inbox", inbox_id=support, display_name="Help", metadata={"team": 1})
    assert (await tools.does("get_inbox", inbox_id=support))["display_name"] == updated["display_name"] == "Help"
    message = await _mail_comes(tools, support, smtp, mark)
    await _is_read(tools, support, message)
    await _is_answered(tools, support, archive["inbox_id"], message)
    await _is_drafted(tools, support, message)
    await _has_a_domain(tools, mark)
    came = await tools.does("wait_for_message", inbox_id=archive["inbox_id"], after=archive["position"], timeout=10)
    assert came["message"]["sender_verdict"] == "tainted"  # it forwards mail from outside
    await _leaves_a_list(tools, support, smtp, came["position"])
    await _is_deleted(tools, support, message)
    assert (await tools.does("delete_inbox", inbox_id=archive["inbox_id"]))["success"]
    return tools.called


async def _is_deleted(tools: Walk, inbox: str, message: dict[str, Any]) -> None:
    for kind in ("message", "thread"):
        ref = {"inbox_id": inbox, f"{kind}_id": message[f"{kind}_id"]}
        until = (await tools.does(f"delete_{kind}", **ref))["until"]
        assert until in {item["until"] for item in (await tools.does("list_trash", inbox_id=inbox))["trash"]}
        assert (await tools.does("undo_delete", **ref))["success"]


async def _mail_comes(tools: Walk, inbox: str, smtp: tuple[str, int], mark: str) -> dict[str, Any]:
    before = (await tools.does("list_messages", inbox_id=inbox))["position"]
    letter = mail(inbox, "Your code", "Your verification code is 482913.\n\nhttps://example.com/verify?t=abc\n")
    letter["Message-ID"] = f"<code-{mark}@example.com>"
    letter.add_attachment("a,b\n1,2\n", subtype="csv", filename="table.csv")
    await asyncio.to_thread(send, smtp, letter)
    came = await tools.does("wait_for_message", inbox_id=inbox, after=before, from_="ann@", timeout=10)
    message: dict[str, Any] = came["message"]
    assert [code["code"] for code in message["codes"]] == ["482913"]
    assert message["links"][0]["url"] == "https://example.com/verify?t=abc"
    return message


async def _leaves_a_list(tools: Walk, inbox: str, smtp: tuple[str, int], position: int) -> None:
    letter = mail(inbox, "Our news", "Much has happened.\n")
    letter["List-Unsubscribe"] = "<mailto:leave@example.com>"
    letter["Precedence"] = "bulk"
    await asyncio.to_thread(send, smtp, letter)
    came = (await tools.does("wait_for_message", inbox_id=inbox, after=position, from_="ann@", timeout=10))["message"]
    assert came["facts"]["automatic"]
    ref = {"inbox_id": inbox, "message_id": came["message_id"]}
    assert (await tools.does("unsubscribe", **ref))["status"] == "by_mail"
    assert (await tools.does("reply_to_message", **ref, text="Please stop."))["rule"] == "automatic"


async def _is_read(tools: Walk, inbox: str, message: dict[str, Any]) -> None:
    ref = {"inbox_id": inbox, "message_id": message["message_id"]}
    assert (await tools.does("get_message", **ref))["codes"] == message["codes"]
    assert [m["message_id"] for m in (await tools.does("list_messages", inbox_id=inbox, labels="unread"))["messages"]]
    read = await tools.does("update_message", **ref, remove_labels="unread", add_labels=["Seen"])
    assert read["labels"] == ["received", "seen"]
    many = {"inbox_id": inbox, "message_ids": [message["message_id"]], "remove_labels": "seen"}
    assert (await tools.does("update_messages", **many))["messages"][0]["labels"] == ["received"]
    file = await tools.does("get_attachment", inbox_id=inbox, attachment_id=message["attachments"][0]["attachment_id"])
    assert file["text"].split() == ["a,b", "1,2"]
    found: list[Any] = []
    while not found:  # the index follows within half a second
        found = (await tools.does("search_messages", inbox_id=inbox, q="verification"))["messages"]


async def _is_answered(tools: Walk, inbox: str, archive: str, message: dict[str, Any]) -> None:
    ref = {"inbox_id": inbox, "message_id": message["message_id"]}
    replied = await tools.does("reply_to_message", **ref, text="Thank you.")
    assert (replied["thread_id"], replied["status"]) == (message["thread_id"], "captured")
    await tools.does("forward_message", **ref, to=archive)
    letter = {"inbox_id": inbox, "to": ["a@example.com"], "bcc": "b@example.com", "subject": "New"}
    assert (await tools.does("check_send", inbox_id=inbox, to="a@example.com"))["outcome"] == "sent"
    await tools.does("send_message", **letter)
    threads = await tools.does("list_threads", inbox_id=inbox, limit=1)
    assert threads["next_page_token"]
    thread = await tools.does("get_thread", inbox_id=inbox, thread_id=message["thread_id"])
    assert thread["message_count"] == len(thread["messages"]) == 3


async def _is_drafted(tools: Walk, inbox: str, message: dict[str, Any]) -> None:
    assert (await tools.does("whoami"))["toolsets"] == ["core", "domains"]
    made = await tools.does("create_draft", inbox_id=inbox, in_reply_to=message["message_id"], text="Thanks.")
    changed = await tools.does("update_draft", draft_id=made["draft_id"], text="Many thanks.")
    assert (await tools.does("get_draft", draft_id=made["draft_id"]))["text"] == changed["text"] == "Many thanks."
    assert [d["draft_id"] for d in (await tools.does("list_drafts", inbox_id=inbox))["drafts"]] == [made["draft_id"]]
    assert (await tools.does("send_draft", draft_id=made["draft_id"]))["thread_id"] == message["thread_id"]
    other = await tools.does("create_draft", inbox_id=inbox, to="a@example.com", text="Not sent.")
    assert (await tools.does("delete_draft", draft_id=other["draft_id"]))["success"]


async def _has_a_domain(tools: Walk, mark: str) -> None:
    name = f"{mark}.example.com"
    assert (await tools.does("add_domain", domain=name, allow_conflicting_provider=True))["domain_id"] == name
    assert (await tools.does("verify_domain", domain_id=name))["carries_mail"] is False
    assert (await tools.does("get_domain", domain_id=name))["records"]
    assert name in [d["domain_id"] for d in (await tools.does("list_domains", limit=100))["domains"]]
    assert (await tools.does("delete_domain", domain_id=name))["success"]


def _ids(data: Any) -> list[str]:
    if isinstance(data, list):
        return [found for item in data for found in _ids(item)]
    if not isinstance(data, dict):
        return []
    # A message of a thread is named by its ref alone in the text.
    data = {**data, "message_id": data["ref"]} if "ref" in data else data
    own = [str(value) for name, value in data.items() if name in IDS and value is not None]
    return own + [found for value in data.values() for found in _ids(value)]
