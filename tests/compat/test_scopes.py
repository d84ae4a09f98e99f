"""What pods and inboxes have of their own through the official client: each deed is read back through another route."""

import base64
from typing import Any

import pytest
from agentmail import AsyncAgentMail, NotFoundError
from agentmail.api_keys import CreateBearerApiKeyRequest

from tests.compat.official import official
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"
URL = "https://hooks.example.com/in"


async def _place(client: AsyncAgentMail, kind: str) -> tuple[Any, str]:
    """Return the routes of a new pod or of an inbox in it, and its id."""
    pod = await client.pods.create(name="one")
    inbox = await client.pods.inboxes.create(pod.pod_id, username="agent")
    return (client.pods, pod.pod_id) if kind == "pod" else (client.inboxes, inbox.inbox_id)


@pytest.mark.parametrize("kind", ["pod", "inbox"])
@pytest.mark.promise("pods.api_keys.update", "inboxes.api_keys.update")
async def test_a_key_is_renamed_in_its_scope_and_the_organization_sees_it(house: Bed, kind: str) -> None:
    async with official(house) as client:
        scope, place = await _place(client, kind)
        made = await scope.api_keys.create(place, request=CreateBearerApiKeyRequest(name="k"))
        assert (await client.api_keys.get(made.api_key_id)).name == "k"
        await scope.api_keys.update(place, made.api_key_id, name="l")
        assert (await client.api_keys.get(made.api_key_id)).name == "l"


@pytest.mark.promise("inboxes.threads.search")
async def test_a_search_of_an_inbox_finds_its_own_threads_with_their_words(house: Bed) -> None:
    await house.inbox()
    await house.inbox("other")
    arrived = await house.receive(mail(subject="Needles", text="The needle."))
    await house.receive(mail(subject="More needles"), f"other@{DOMAIN}")
    await house.indexed()
    async with official(house) as client:
        (found,) = (await client.inboxes.threads.search(AGENT, q="needle")).threads
        assert (found.thread_id, found.subject) == (arrived.thread_id, "Needles")
        assert found.highlights is not None
        assert found.highlights.text == ["The **needle**."]


@pytest.mark.parametrize("kind", ["pod", "inbox"])
@pytest.mark.promise("pods.webhooks.create", "pods.webhooks.get", "pods.webhooks.get_headers", "pods.webhooks.update")
@pytest.mark.promise("pods.webhooks.update_headers", "pods.webhooks.delete", "inboxes.webhooks.create")
@pytest.mark.promise("inboxes.webhooks.get", "inboxes.webhooks.get_headers", "inboxes.webhooks.update")
@pytest.mark.promise("inboxes.webhooks.update_headers", "inboxes.webhooks.delete")
async def test_a_webhook_of_a_scope_is_changed_there_and_the_organization_sees_it(house: Bed, kind: str) -> None:
    async with official(house) as client:
        scope, place = await _place(client, kind)
        hooks = scope.webhooks
        made = await hooks.create(place, url=URL, event_types=["message.sent"], headers={"X-One": "1"})
        assert await hooks.get(place, made.webhook_id) == await client.webhooks.get(made.webhook_id) == made
        assert (await hooks.get_headers(place, made.webhook_id)).header_names == ["X-One"]
        await hooks.update(place, made.webhook_id, event_types=["message.bounced"], enabled=False)
        changed = await client.webhooks.get(made.webhook_id)
        assert (changed.event_types, changed.enabled) == (["message.bounced"], False)
        await hooks.update_headers(place, made.webhook_id, headers={"X-Two": "2"}, remove_headers=["X-One"])
        assert (await client.webhooks.get_headers(made.webhook_id)).header_names == ["X-Two"]
        await hooks.delete(place, made.webhook_id)
        for attempt in (client.webhooks.get(made.webhook_id), hooks.get(place, made.webhook_id)):
            with pytest.raises(NotFoundError):
                await attempt


@pytest.mark.promise("pods.domains.update", "pods.domains.delete")
async def test_a_domain_of_a_pod_is_changed_there_and_the_organization_sees_it(house: Bed) -> None:
    async with official(house) as client:
        pod = (await client.pods.create(name="one")).pod_id
        await client.pods.domains.create(pod, domain="example.com")
        await client.pods.domains.update(pod, "example.com", tracking_enabled=True)
        assert (await client.domains.get("example.com")).tracking_enabled
        await client.pods.domains.delete(pod, "example.com")
        with pytest.raises(NotFoundError):
            await client.domains.get("example.com")


@pytest.mark.promise("drafts.get", "drafts.get_attachment", "pods.drafts.get", "pods.drafts.get_attachment")
@pytest.mark.promise("inboxes.drafts.get", "inboxes.drafts.get_attachment", "inboxes.drafts.create")
@pytest.mark.promise("inboxes.drafts.update", "inboxes.drafts.delete")
async def test_a_draft_is_the_same_in_its_inbox_its_pod_and_the_organization(house: Bed) -> None:
    inbox = await house.inbox()
    content = base64.b64encode(b"data").decode()
    async with official(house) as client:
        made = await client.inboxes.drafts.create(
            AGENT, to=["a@example.com"], text="t", attachments=[{"filename": "a.txt", "content": content}]
        )
        assert (made.to, made.text) == (["a@example.com"], "t")
        await client.inboxes.drafts.update(AGENT, made.draft_id, text="u")
        (kept,) = made.attachments or []
        places: tuple[tuple[Any, tuple[str, ...]], ...] = (
            (client.drafts, ()),
            (client.pods.drafts, (inbox.pod_id,)),
            (client.inboxes.drafts, (AGENT,)),
        )
        for drafts, at in places:
            shown = await drafts.get(*at, made.draft_id)
            assert (shown.inbox_id, shown.to, shown.text) == (AGENT, ["a@example.com"], "u")
            file = await drafts.get_attachment(*at, made.draft_id, kept.attachment_id)
            assert (file.filename, file.size) == ("a.txt", 4)
            assert file.download_url.startswith("http://mail.test/")
        await client.inboxes.drafts.delete(AGENT, made.draft_id)
        for drafts, at in places:
            with pytest.raises(NotFoundError):
                await drafts.get(*at, made.draft_id)


@pytest.mark.promise("pods.inboxes.create", "pods.inboxes.list", "pods.inboxes.search", "pods.inboxes.get")
@pytest.mark.promise("pods.inboxes.update", "pods.inboxes.delete")
async def test_an_inbox_of_a_pod_is_found_changed_and_deleted_there(house: Bed) -> None:
    async with official(house) as client:
        pod = (await client.pods.create(name="one")).pod_id
        made = await client.pods.inboxes.create(pod, username="agent", display_name="Walrus")
        assert (made.pod_id, made.display_name) == (pod, "Walrus")
        assert await client.pods.inboxes.get(pod, AGENT) == await client.inboxes.get(AGENT) == made
        assert (await client.pods.inboxes.list(pod)).inboxes == [made]
        assert (await client.pods.inboxes.search(pod, q="walrus")).inboxes == [made]
        await client.pods.inboxes.update(pod, AGENT, display_name="Carpenter")
        assert (await client.inboxes.get(AGENT)).display_name == "Carpenter"
        await client.pods.inboxes.delete(pod, AGENT)
        with pytest.raises(NotFoundError):
            await client.inboxes.get(AGENT)


@pytest.mark.promise("pods.threads.list", "pods.threads.search", "pods.threads.get", "pods.threads.get_attachment")
@pytest.mark.promise("pods.threads.update", "pods.threads.delete", "threads.files")
async def test_a_thread_of_a_pod_is_labelled_read_and_deleted_there(house: Bed) -> None:
    pod = (await house.inbox()).pod_id
    arrived = await house.receive(mail(subject="Talk", text="A needle.", files={"a.txt": b"data"}))
    await house.indexed()
    (file,) = arrived.attachments
    async with official(house) as client:
        threads = client.pods.threads
        assert [m.message_id for m in (await threads.get(pod, arrived.thread_id)).messages] == [arrived.message_id]
        assert [t.thread_id for t in (await threads.search(pod, q="needle")).threads] == [arrived.thread_id]
        assert [t.thread_id for t in (await threads.list(pod)).threads] == [arrived.thread_id]
        shown = await threads.get_attachment(pod, arrived.thread_id, file.attachment_id)
        assert (shown.filename, shown.size) == ("a.txt", 4)
        await threads.update(pod, arrived.thread_id, add_labels=["done"], remove_labels=["unread"])
        assert (await client.inboxes.messages.get(AGENT, arrived.message_id)).labels == ["done", "received"]
        await threads.delete(pod, arrived.thread_id)
        with pytest.raises(NotFoundError):
            await client.inboxes.messages.get(AGENT, arrived.message_id)
