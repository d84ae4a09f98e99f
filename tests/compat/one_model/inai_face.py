"""The house over /api/v0."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.compat.inai.client import Client, EventType, Refused
from tests.compat.one_model.face import Face, Listed, ms
from tests.compat.one_model.world import Box, Hook, Key, Letter, Shown, Site


class InaiFace(Face):
    """Ids: an inbox is its inner id without prefix, a message its inner id. It has own labels, all at once."""

    name = "inai"
    refusals = (Refused,)

    def __init__(self, client: Client) -> None:
        self._client = client

    async def _all(self, ask: Callable[..., Awaitable[Any]], show: Callable[[Any], Shown], size: int) -> Listed:
        page = await ask(page=1, page_size=size)
        found, total = [*page.data], page.total
        while len(page.data) == size:
            page = await ask(page=page.page + 1, page_size=size)
            assert page.total == total
            found += page.data
        return Listed([show(one) for one in found], total)

    async def boxes(self, size: int) -> Listed:
        return await self._all(self._client.inboxes, _box, size)

    async def letters(self, box: Box, size: int) -> Listed:
        async def ask(**page: int) -> Any:
            return await self._client.messages(_inbox(box), **page)

        return await self._all(ask, _letter, size)

    async def letter(self, letter: Letter) -> Shown:
        found = await self._client.message(_inbox(letter.box), letter.id)
        return {**_letter(found), "files": len(found.attachments)}

    async def threads(self, box: Box, size: int) -> Listed:
        async def ask(**page: int) -> Any:
            return await self._client.threads(_inbox(box), **page)

        return await self._all(ask, _thread, size)

    async def thread(self, letter: Letter) -> list[str]:
        found = await self._client.thread(_inbox(letter.box), _conversation(letter))
        assert found.message_count == len(found.messages)
        return [one.message_id for one in found.messages]

    async def hooks(self, size: int) -> Listed:
        return await self._all(self._client.webhooks, _hook, size)

    async def keys(self, size: int) -> Listed:
        return await self._all(self._client.keys, _key, size)

    async def sites(self, size: int) -> Listed:
        return await self._all(self._client.domains, _site, size)

    def name_of(self, letter: Letter) -> str:
        return letter.id

    async def counts(self) -> tuple[int, int]:
        """Return how many inboxes, those in the trash too, and domains there are."""
        told = await self._client.organization()
        return told.inbox_count, told.domain_count

    async def create_box(self, username: str) -> None:
        await self._client.create_inbox(username)

    async def rename(self, box: Box, name: str) -> None:
        await self._client.update_inbox(_inbox(box), display_name=name)

    async def delete_box(self, box: Box) -> None:
        await self._client.delete_inbox(_inbox(box))

    async def send(self, box: Box, to: list[str], subject: str, labels: list[str]) -> None:
        await self._client.send(_inbox(box), to, subject=subject, text="Words.", labels=labels)

    async def reply(self, letter: Letter, everybody: bool) -> None:
        ask = self._client.reply_all if everybody else self._client.reply
        await ask(_inbox(letter.box), letter.id, text="An answer.")

    async def forward(self, letter: Letter, to: str) -> None:
        await self._client.forward(_inbox(letter.box), letter.id, to, text="Look.")

    async def set_own(self, letter: Letter, labels: list[str]) -> None:
        await self._client.label(_inbox(letter.box), letter.id, labels)

    async def delete_thread(self, letter: Letter) -> None:
        await self._client.delete_thread(_inbox(letter.box), _conversation(letter))

    async def add_hook(self, url: str, events: list[EventType], boxes: list[Box]) -> None:
        given = {"inbox_ids": [_inbox(box) for box in boxes]} if boxes else {}
        await self._client.create_webhook(url, events, **given)

    async def switch_hook(self, hook: Hook, enabled: bool) -> None:
        await self._client.update_webhook(f"wh_{hook.id.removeprefix('ep_')}", enabled=enabled)

    async def tell_of(self, hook: Hook, box: Box) -> tuple[Box, ...]:
        """Have a webhook told of an inbox alone; return those that it is told of then."""
        await self._client.update_webhook(f"wh_{hook.id.removeprefix('ep_')}", inbox_ids=[_inbox(box)])
        return (box,)

    async def delete_hook(self, hook: Hook) -> None:
        await self._client.delete_webhook(f"wh_{hook.id.removeprefix('ep_')}")

    async def add_key(self, name: str) -> None:
        await self._client.create_key(name)

    async def delete_key(self, key: Key) -> None:
        await self._client.delete_key(key.id)

    async def add_site(self, name: str) -> None:
        await self._client.create_domain(name)

    async def verify_site(self, site: Site) -> None:
        await self._client.verify_domain(site.name)

    async def delete_site(self, site: Site) -> None:
        await self._client.delete_domain(site.name)


def _inbox(box: Box) -> str:
    return box.id.removeprefix("inb_")


def _conversation(letter: Letter) -> str:
    return f"thr_{letter.thread.removeprefix('thd_')}"


def _inner_thread(name: str) -> str:
    assert name.startswith("thr_")
    return f"thd_{name[4:]}"


def _box(one: Any) -> Shown:
    assert one.email_address == f"{one.username}@{one.domain}"
    return {"id": f"inb_{one.inbox_id}", "address": one.email_address, "name": one.display_name}


def _letter(one: Any) -> Shown:
    assert one.cc is None
    return {
        "inbox": f"inb_{one.inbox_id}",
        "id": one.message_id,
        "thread": _inner_thread(one.thread_id),
        "from": one.from_,
        "to": tuple(one.to),
        "subject": one.subject,
        "preview": one.preview,
        "size": one.size,
        "at": ms(one.timestamp),
        "own": frozenset(one.labels),
        "direction": one.direction,
    }


def _thread(one: Any) -> Shown:
    return {
        "id": _inner_thread(one.thread_id),
        "inbox": f"inb_{one.inbox_id}",
        "subject": one.subject,
        "preview": one.preview,
        "own": frozenset(one.labels),
        "senders": tuple(one.senders),
        "recipients": tuple(one.recipients),
        "count": one.message_count,
        "last_id": one.last_message_id,
        "size": one.size,
        "at": ms(one.timestamp),
        "came_at": ms(one.received_timestamp),
        "left_at": ms(one.sent_timestamp),
    }


def _hook(one: Any) -> Shown:
    return {
        "id": f"ep_{one.webhook_id.removeprefix('wh_')}",
        "url": one.url,
        "events": frozenset(one.event_types),
        "inboxes": frozenset(f"inb_{inbox}" for inbox in one.inbox_ids),
        "enabled": one.enabled,
    }


def _key(one: Any) -> Shown:
    return {"id": one.key_id, "name": one.name, "prefix": one.prefix}


def _site(one: Any) -> Shown:
    return {"name": one.domain_id, "inai_status": one.status}
