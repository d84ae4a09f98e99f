"""The house over /v0, by the official client."""

from typing import Any

from agentmail import AsyncAgentMail
from agentmail.api_keys import CreateBearerApiKeyRequest
from agentmail.core.api_error import ApiError
from agentmail.inboxes import CreateInboxRequest

from tests.compat.one_model.face import Ask, Face, Listed, by_token, ms
from tests.compat.one_model.world import Box, Draft, Hook, Key, Letter, Shown, Site


class OfficialFace(Face):
    """Ids: an inbox is its address, a message its public id."""

    name = "official"
    refusals = (ApiError,)

    def __init__(self, client: AsyncAgentMail) -> None:
        self._client = client

    async def _all(self, ask: Ask, field: str, size: int) -> list[Any]:
        async def page(page_token: str | None) -> Any:
            return await ask(limit=size, page_token=page_token)

        return await by_token(page, lambda found: getattr(found, field), lambda found: found.next_page_token)

    async def boxes(self, size: int) -> Listed:
        found = await self._all(self._client.inboxes.list, "inboxes", size)
        return Listed([{"address": one.inbox_id, "name": one.display_name} for one in found])

    async def letters(self, box: Box, size: int) -> Listed:
        async def ask(**page: Any) -> Any:
            return await self._client.inboxes.messages.list(box.address, **page)

        return Listed([_letter(one) for one in await self._all(ask, "messages", size)])

    async def letter(self, letter: Letter) -> Shown:
        return _letter(await self._client.inboxes.messages.get(letter.box.address, letter.public))

    async def threads(self, box: Box, size: int) -> Listed:
        async def ask(**page: Any) -> Any:
            return await self._client.inboxes.threads.list(box.address, **page)

        return Listed([_thread(one) for one in await self._all(ask, "threads", size)])

    async def all_threads(self, size: int) -> Listed:
        return Listed([_thread(one) for one in await self._all(self._client.threads.list, "threads", size)])

    async def thread(self, letter: Letter) -> list[str]:
        found = await self._client.inboxes.threads.get(letter.box.address, letter.thread)
        return [one.message_id for one in found.messages]

    async def hooks(self, size: int) -> Listed:
        return Listed([_hook(one) for one in await self._all(self._client.webhooks.list, "webhooks", size)])

    async def hooks_of(self, box: Box, size: int) -> Listed:
        async def ask(**page: Any) -> Any:
            return await self._client.inboxes.webhooks.list(box.address, **page)

        return Listed([_hook(one) for one in await self._all(ask, "webhooks", size)])

    async def keys(self, size: int) -> Listed:
        found = await self._all(self._client.api_keys.list, "api_keys", size)
        shown = [
            {"id": one.api_key_id, "name": one.name, "prefix": one.prefix, "address": getattr(one, "inbox_id", None)}
            for one in found
        ]
        return Listed(shown)

    async def sites(self, size: int) -> Listed:
        found = await self._all(self._client.domains.list, "domains", size)
        return Listed([{"name": one.domain, "status": one.status} for one in found])

    async def drafts(self, size: int) -> Listed:
        return Listed([_draft(one) for one in await self._all(self._client.drafts.list, "drafts", size)])

    async def create_box(self, username: str) -> None:
        await self._client.inboxes.create(request=CreateInboxRequest(username=username))

    async def rename(self, box: Box, name: str) -> None:
        await self._client.inboxes.update(box.address, display_name=name)

    async def delete_box(self, box: Box) -> None:
        await self._client.inboxes.delete(box.address)

    async def send(self, box: Box, to: list[str], subject: str, labels: list[str]) -> None:
        await self._client.inboxes.messages.send(box.address, to=to, subject=subject, text="Words.", labels=labels)

    async def reply(self, letter: Letter, everybody: bool) -> None:
        words: dict[str, Any] = {"text": "An answer.", "reply_all": everybody}
        await self._client.inboxes.messages.reply(letter.box.address, letter.public, **words)

    async def forward(self, letter: Letter, to: str) -> None:
        await self._client.inboxes.messages.forward(letter.box.address, letter.public, to=[to], text="Look.")

    async def schedule(self, box: Box, to: str, subject: str, at: str) -> None:
        words: dict[str, Any] = {"to": [to], "subject": subject, "text": "Later.", "send_at": at}
        await self._client.inboxes.drafts.create(box.address, **words)

    async def cancel(self, draft: Draft) -> None:
        await self._client.inboxes.drafts.delete(draft.box.address, draft.id)

    async def label(self, letter: Letter, add: list[str], remove: list[str]) -> None:
        given: dict[str, Any] = {"add_labels": add or None, "remove_labels": remove or None}
        named = {name: value for name, value in given.items() if value}
        await self._client.inboxes.messages.update(letter.box.address, letter.public, **named)

    async def label_many(self, letters: list[Letter], add: str, remove: list[str]) -> None:
        inbox, ids = letters[0].box.address, [letter.public for letter in letters]
        given: dict[str, Any] = {"message_ids": ids, "add_labels": [add], "remove_labels": remove or None}
        await self._client.inboxes.messages.batch_update(inbox, **{name: one for name, one in given.items() if one})

    async def label_thread(self, letter: Letter, add: str) -> None:
        await self._client.inboxes.threads.update(letter.box.address, letter.thread, add_labels=[add])

    async def delete_letter(self, letter: Letter) -> None:
        await self._client.inboxes.messages.delete(letter.box.address, letter.public)

    async def delete_thread(self, letter: Letter) -> None:
        await self._client.inboxes.threads.delete(letter.box.address, letter.thread)

    async def add_hook(self, url: str, events: list[str], boxes: list[Box]) -> None:
        inboxes = {"inbox_ids": [box.address for box in boxes]} if boxes else {}
        await self._client.webhooks.create(url=url, event_types=events, **inboxes)

    async def add_box_hook(self, url: str, events: list[str], box: Box) -> None:
        await self._client.inboxes.webhooks.create(box.address, url=url, event_types=events)

    async def switch_hook(self, hook: Hook, enabled: bool) -> None:
        await self._client.webhooks.update(hook.id, enabled=enabled)

    async def tell_of(self, hook: Hook, box: Box) -> tuple[Box, ...]:
        """Have a webhook told of an inbox; return those that it is told of then."""
        await self._client.webhooks.update(hook.id, add_inbox_ids=[box.address])
        return tuple(dict.fromkeys((*hook.boxes, box)))

    async def delete_hook(self, hook: Hook) -> None:
        await self._client.webhooks.delete(hook.id)

    async def add_key(self, name: str) -> None:
        await self._client.api_keys.create(request=CreateBearerApiKeyRequest(name=name))

    async def add_box_key(self, name: str, box: Box) -> None:
        await self._client.inboxes.api_keys.create(box.address, request=CreateBearerApiKeyRequest(name=name))

    async def delete_key(self, key: Key) -> None:
        await self._client.api_keys.delete(key.id)

    async def add_site(self, name: str) -> None:
        await self._client.domains.create(domain=name)

    async def verify_site(self, site: Site) -> None:
        await self._client.domains.verify(site.name)

    async def delete_site(self, site: Site) -> None:
        await self._client.domains.delete(site.name)


def _letter(one: Any) -> Shown:
    return {
        "address": one.inbox_id,
        "public": one.message_id,
        "thread": one.thread_id,
        "from": one.from_,
        "to": tuple(one.to),
        "subject": one.subject,
        "preview": one.preview,
        "size": one.size,
        "files": len(one.attachments or ()),
        "at": ms(one.timestamp),
        "labels": frozenset(one.labels),
    }


def _thread(one: Any) -> Shown:
    return {
        "id": one.thread_id,
        "address": one.inbox_id,
        "subject": one.subject,
        "preview": one.preview,
        "labels": frozenset(one.labels),
        "senders": tuple(one.senders),
        "recipients": tuple(one.recipients),
        "count": one.message_count,
        "last": one.last_message_id,
        "size": one.size,
        "at": ms(one.timestamp),
        "came_at": ms(one.received_timestamp),
        "left_at": ms(one.sent_timestamp),
    }


def _hook(one: Any) -> Shown:
    return {
        "id": one.webhook_id,
        "url": one.url,
        "events": frozenset(one.event_types),
        "addresses": frozenset(one.inbox_ids or ()),
        "address": getattr(one, "inbox_id", None),
        "enabled": one.enabled,
        "has_secret": bool(one.secret),
    }


def _draft(one: Any) -> Shown:
    return {
        "id": one.draft_id,
        "address": one.inbox_id,
        "to": tuple(one.to),
        "subject": one.subject,
        "send_at": ms(one.send_at),
        "labels": frozenset(one.labels),
        "status": one.send_status,
    }
