# mypy: ignore-errors
"""The LangChain tools of the official toolkit on a running server: python story.py URL API_KEY. Prints ALL OK, exits 0.

It runs in an environment of its own (requirements.lock beside it); every tool is called and its effect read back.
"""

import base64
import sys
import time

import pymupdf
from agentmail import AgentMail
from agentmail.environment import AgentMailEnvironment
from agentmail_toolkit.langchain import AgentMailToolkit

url, api_key = sys.argv[1:]
environment = AgentMailEnvironment(http=url, websockets=url.replace("http", "ws", 1))
client = AgentMail(api_key=api_key, environment=environment)
tools = {tool.name: tool for tool in AgentMailToolkit(client=client).get_tools()}
called = set()


def call(name, **given):
    """Call a tool as an agent's framework does; what a tool refuses is text."""
    called.add(name)
    return tools[name].invoke(given)


def within(seconds, look):
    """Look until something is found."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
    return found


def arrived(inbox, count=1):
    """Wait for the newest thread of an inbox with so many messages."""
    threads = within(10, lambda: call("list_threads", inbox_id=inbox, labels=["received"]).threads)
    return within(
        10, lambda: (t := call("get_thread", inbox_id=inbox, thread_id=threads[0].thread_id)).count >= count and t
    )


alice = call("create_inbox", username="alice", display_name="Alice").inbox_id
bob = call("create_inbox").inbox_id
assert call("get_inbox", inbox_id=alice).display_name == "Alice"
assert {inbox.inbox_id for inbox in call("list_inboxes", limit=5).inboxes} == {alice, bob}

document = pymupdf.open()
document.new_page().insert_text((72, 72), "an invoice")
contents = {"a.txt": b"data", "a.pdf": document.tobytes()}
files = [{"filename": name, "content": base64.b64encode(content).decode()} for name, content in contents.items()]
sent = call("send_message", inbox_id=alice, to=[bob], subject="Hello", text="ping", labels=["mine"], attachments=files)
thread = arrived(bob)
(first,) = thread.messages
assert (first.subject, first.text.strip(), first.message_id) == ("Hello", "ping", sent.message_id)
assert "mine" in client.inboxes.messages.get(alice, sent.message_id).labels

# The toolkit itself opens links over https alone; over http the agent has the metadata and the link.
texts = {}
for part in first.attachments:
    got = call("get_attachment", inbox_id=bob, thread_id=thread.thread_id, attachment_id=part.attachment_id)
    assert got.size == len(contents[got.filename])
    texts[got.filename] = getattr(got, "text", "").strip()
read = {"a.txt": "", "a.pdf": "an invoice"}
assert texts == (read if got.download_url.startswith("https:") else dict.fromkeys(contents, "")), texts

changed = call(
    "update_message", inbox_id=bob, message_id=first.message_id, add_labels=["seen"], remove_labels=["unread"]
)
assert sorted(changed.labels) == ["received", "seen"]
assert call("list_threads", inbox_id=bob, labels=["seen"], before=first.timestamp).count == 0
assert call("list_threads", inbox_id=bob, labels=["seen"], after=first.timestamp, ascending=True).count == 1

answer = call("reply_to_message", inbox_id=bob, message_id=first.message_id, text="pong", reply_all=True)
assert answer.thread_id == thread.thread_id
assert arrived(alice, 2).messages[1].extracted_text.strip() == "pong"

forwarded = call("forward_message", inbox_id=bob, message_id=first.message_id, to=[alice], text="see below")
copy = within(
    10, lambda: [m for m in client.inboxes.messages.list(alice).messages if m.message_id == forwarded.message_id]
)
assert (copy[0].subject, [f.filename for f in copy[0].attachments]) == ("Fwd: Hello", list(contents))

# A refusal is a sentence that the agent reads, with what to do about it.
assert call("get_inbox", inbox_id="nobody@example.org").endswith("(HTTP 404)")
assert "(HTTP 422)" in call("create_inbox", username="alice")

# There is no sign-up here, so nobody waits for a human; the agent is told that.
for refused in (call("agent_attach_human", human_email="h@example.org"), call("agent_verify", otp_code="123456")):
    assert refused.endswith("(HTTP 404)"), refused

assert call("delete_inbox", inbox_id=bob) is None
within(10, lambda: [inbox.inbox_id for inbox in call("list_inboxes").inboxes] == [alice])
assert called == set(tools), set(tools) - called
assert len(tools) == 13
print("ALL OK")
