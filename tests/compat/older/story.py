# mypy: ignore-errors
"""Every method of the official client 0.2.14 on a running server: python story.py URL API_KEY. Prints ALL OK, exits 0.

It runs in an environment of its own (requirements.lock beside it).
"""

import base64
import inspect
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

from agentmail import AgentMail
from agentmail.attachments import SendAttachment
from agentmail.core.api_error import ApiError
from agentmail.environment import AgentMailEnvironment
from agentmail.errors import NotFoundError
from agentmail.inboxes import CreateInboxRequest
from agentmail.websockets import Subscribe, Subscribed

url, api_key = sys.argv[1:]
OPERATIONS = 65
called, offered = set(), set()


class Counted:
    """A part of the client that remembers which of its methods were called."""

    def __init__(self, part, path=()):
        self.part, self.path = part, path
        for name, kind in inspect.getmembers(type(part)):
            if name.startswith("_") or name == "with_raw_response":
                continue
            at = (*path, name)
            if isinstance(kind, property):
                setattr(self, name, Counted(getattr(part, name), at))
            elif callable(kind):
                offered.add(".".join(at))
                setattr(self, name, self.counting(name, at))

    def counting(self, name, at):
        def call(*args, **given):
            called.add(".".join(at))
            return getattr(self.part, name)(*args, **given)

        return call


def within(seconds, look):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
    return found


def refused(status, call, *args, **given):
    try:
        call(*args, **given)
    except ApiError as error:
        if error.status_code == status:
            return error
        raise
    raise AssertionError(f"not refused with {status}")


def fetched(answer):
    with urllib.request.urlopen(answer.download_url, timeout=10) as found:
        return found.read()


environment = AgentMailEnvironment(http=url, websockets=url.replace("http", "ws", 1))
client = Counted(AgentMail(api_key=api_key, environment=environment, timeout=20))
FILE = SendAttachment(filename="a.txt", content_type="text/plain", content=base64.b64encode(b"data").decode())
began = datetime.now(UTC) - timedelta(minutes=5)


def organization_and_pods():
    assert client.organizations.get().organization_id
    (default,) = client.pods.list(limit=5).pods
    pod = client.pods.create(name="tenant", client_id="tenant-1")
    assert client.pods.create(client_id="tenant-1").pod_id == pod.pod_id
    assert client.pods.get(pod.pod_id).name == "tenant"
    assert {found.pod_id for found in client.pods.list().pods} == {default.pod_id, pod.pod_id}
    return pod.pod_id


def keys():
    made = client.api_keys.create(name="second")
    assert made.api_key.startswith(made.prefix)
    assert made.api_key_id in {key.api_key_id for key in client.api_keys.list().api_keys}
    client.api_keys.delete(made.api_key_id)
    assert made.api_key_id not in {key.api_key_id for key in client.api_keys.list().api_keys}


def domains(pod):
    for scope, at in ((client.domains, ()), (client.pods.domains, (pod,))):
        made = scope.create(*at, domain="example.com", feedback_enabled=True)
        assert made.domain_id in {found.domain_id for found in scope.list(*at).domains}
        found = client.domains.get(made.domain_id)
        assert (found.status, found.feedback_enabled, {r.type for r in found.records}) == (
            "NOT_STARTED",
            True,
            {"TXT", "MX"},
        )
        assert "v=spf1" in b"".join(client.domains.get_zone_file(made.domain_id)).decode()
        client.domains.verify(made.domain_id)
        scope.delete(*at, made.domain_id)
        refused(404, client.domains.get, made.domain_id)


def inboxes(pod):
    alice = client.inboxes.create(request=CreateInboxRequest(username="alice", display_name="Alice"))
    bob = client.pods.inboxes.create(pod, username="bob", client_id="bob-1")
    assert client.inboxes.create().pod_id == alice.pod_id != bob.pod_id == pod
    assert client.inboxes.update(alice.inbox_id, display_name="Alice A").display_name == "Alice A"
    assert client.inboxes.get(alice.inbox_id).display_name == "Alice A"
    assert client.inboxes.list(limit=2).next_page_token
    assert client.pods.inboxes.get(pod, bob.inbox_id) == bob
    assert [inbox.inbox_id for inbox in client.pods.inboxes.list(pod).inboxes] == [bob.inbox_id]
    extra = client.pods.inboxes.create(pod)
    client.pods.inboxes.delete(pod, extra.inbox_id)
    error = refused(404, client.inboxes.get, extra.inbox_id)
    assert isinstance(error, NotFoundError)
    assert error.body.name == "NotFoundError"
    return alice.inbox_id, bob.inbox_id


def webhooks(pod, alice):
    made = client.webhooks.create(url="https://example.com/hook", event_types=["message.received"], client_id="hook-1")
    assert made.secret.startswith("whsec_")
    assert client.webhooks.update(made.webhook_id, add_inbox_ids=[alice]).inbox_ids == [alice]
    assert client.webhooks.update(made.webhook_id, remove_inbox_ids=[alice], add_pod_ids=[pod]).pod_ids == [pod]
    assert client.webhooks.get(made.webhook_id).enabled
    assert [hook.webhook_id for hook in client.webhooks.list().webhooks] == [made.webhook_id]
    client.webhooks.delete(made.webhook_id)
    refused(404, client.webhooks.get, made.webhook_id)


def messages(pod, alice, bob):
    mail = client.inboxes.messages
    with client.websockets.connect(api_key=api_key) as socket:
        socket.send_subscribe(Subscribe(inbox_ids=[bob], event_types=["message.received"]))
        assert isinstance(socket.recv(), Subscribed)
        sent = mail.send(
            alice,
            to=bob,
            cc=["c@example.org"],
            subject="Hello",
            text="ping",
            html="<p>ping</p>",
            labels=["mine"],
            attachments=[FILE],
            headers={"X-Case": "7"},
        )
        event = socket.recv()
        assert (event.event_type, event.message.message_id) == ("message.received", sent.message_id)
    (listed,) = mail.list(bob, labels=["received", "unread"], after=began, include_spam=True, ascending=True).messages
    assert (listed.message_id, listed.from_, listed.subject) == (sent.message_id, f"Alice A <{alice}>", "Hello")
    found = mail.get(bob, sent.message_id)
    assert (found.text.strip(), found.cc, found.headers["X-Case"]) == ("ping", ["c@example.org"], "7")
    file = found.attachments[0].attachment_id
    assert fetched(mail.get_attachment(bob, sent.message_id, file)) == b"data"
    raw = message_from_bytes(b"".join(mail.get_raw(bob, sent.message_id)))
    assert (raw["Subject"], raw["X-Case"]) == ("Hello", "7")
    assert mail.update(bob, sent.message_id, add_labels=["seen"], remove_labels=["unread"]).labels == [
        "received",
        "seen",
    ]

    answers = {
        mail.reply(bob, sent.message_id, text="pong").message_id,
        mail.reply_all(bob, sent.message_id, text="pong to all").message_id,
    }
    forwarded = mail.forward(bob, sent.message_id, to=[alice], text="see below").message_id
    back = within(10, lambda: (page := mail.list(alice, labels=["received"]).messages) and len(page) == 3 and page)
    assert {message.message_id for message in back} == answers | {forwarded}
    return found.thread_id, mail.get(alice, sent.message_id).thread_id, file


def threads(pod, alice, bob, in_bob, in_alice, file):
    scopes = ((client.threads, ()), (client.pods.threads, (pod,)), (client.inboxes.threads, (bob,)))
    for scope, at in scopes:
        page = scope.list(*at, labels=["seen"], after=began, limit=10, ascending=True, include_spam=False)
        assert [thread.thread_id for thread in page.threads] == [in_bob], at
        thread = scope.get(*at, in_bob)
        assert (thread.message_count, len(thread.messages), thread.subject) == (4, 4, "Hello")
        assert fetched(scope.get_attachment(*at, in_bob, file)) == b"data"
    client.inboxes.threads.delete(alice, in_alice)
    refused(404, client.inboxes.threads.get, alice, in_alice)


def drafts(pod, bob, in_bob):
    mine = client.inboxes.drafts
    (first,) = client.inboxes.messages.list(bob, labels=["seen"]).messages
    answer = mine.create(bob, in_reply_to=first.message_id, text="Later")
    assert (answer.thread_id, answer.in_reply_to) == (in_bob, first.message_id)
    mine.delete(bob, answer.draft_id)
    draft = mine.create(
        bob, to=["alice@postroom.localhost"], subject="Plan", text="One", attachments=[FILE], client_id="d"
    )
    assert mine.create(bob, client_id="d").draft_id == draft.draft_id
    changed = mine.update(bob, draft.draft_id, text="Two", cc=["c@example.org"])
    assert (changed.text, changed.cc, changed.subject) == ("Two", ["c@example.org"], "Plan")
    for scope, at in ((client.drafts, ()), (client.pods.drafts, (pod,)), (mine, (bob,))):
        assert [found.draft_id for found in scope.list(*at, labels=["draft"], after=began).drafts] == [draft.draft_id]
        found = scope.get(*at, draft.draft_id)
        assert fetched(scope.get_attachment(*at, draft.draft_id, found.attachments[0].attachment_id)) == b"data"
    sent = mine.send(bob, draft.draft_id, add_labels=["planned"])
    assert "planned" in client.inboxes.messages.get(bob, sent.message_id).labels
    later = mine.create(bob, to=["alice@postroom.localhost"], send_at=datetime.now(UTC) + timedelta(hours=1))
    assert later.send_status == "scheduled"
    mine.delete(bob, later.draft_id)
    refused(404, mine.get, bob, later.draft_id)


def metrics(bob):
    span = {"start_timestamp": began, "end_timestamp": datetime.now(UTC) + timedelta(minutes=1)}
    whole = client.metrics.list(**span).message
    of_bob = client.inboxes.metrics.get(bob, **span, event_types=["message.received", "message.delayed"]).message
    assert len(of_bob.received) == 1 < len(whole.received)
    assert len(whole.sent) >= 4
    assert of_bob.sent is None
    assert (
        client.metrics.list(start_timestamp=began, end_timestamp=began + timedelta(minutes=1)).message.received is None
    )


pod = organization_and_pods()
keys()
domains(pod)
alice, bob = inboxes(pod)
webhooks(pod, alice)
in_bob, in_alice, file = messages(pod, alice, bob)
threads(pod, alice, bob, in_bob, in_alice, file)
drafts(pod, bob, in_bob)
metrics(bob)
client.inboxes.delete(alice)
client.inboxes.delete(bob)
client.pods.delete(pod)
refused(404, client.pods.get, pod)
assert called == offered, offered - called
assert len(offered - {"websockets.connect"}) == OPERATIONS, len(offered)
print("ALL OK")
