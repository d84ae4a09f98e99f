"""The house over /v1/agent-email."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.compat.one_model.face import Face, Listed, ms
from tests.compat.one_model.world import Box, Draft, Hook, Letter, Shown, Site
from tests.compat.transactional.client import Client, Refused


class EmailFace(Face):
    """Its list of messages has what was received. A message is in its inbox unless it was archived."""

    name = "email"
    refusals = (Refused,)

    def __init__(self, client: Client) -> None:
        self._client = client

    async def _all(self, ask: Callable[..., Awaitable[Any]], show: Callable[[Any], Shown], size: int) -> Listed:
        page = await ask(limit=size, offset=0)
        found, total = [*page.data], page.meta.total
        while len(page.data) == size:
            page = await ask(limit=size, offset=len(found))
            assert page.meta.total == total
            found += page.data
        return Listed([show(one) for one in found], total)

    async def boxes(self, size: int) -> Listed:
        return await self._all(self._client.mailboxes, _box, size)

    async def letters(self, box: Box, size: int) -> Listed:
        return await self.filtered(box, size)

    async def filtered(self, box: Box, size: int, **query: str) -> Listed:
        """Return the messages of its inbox that a query leaves."""

        async def ask(**page: int) -> Any:
            return await self._client.inbox(_mailbox(box), **page, **query)

        return await self._all(ask, _letter, size)

    async def letter(self, letter: Letter) -> Shown:
        found = await self._client.message(letter.id)
        assert len(found.attachments) == found.attachment_count
        return {**_letter(found), "inbox": _inner(found.mailbox_id)}

    async def threads(self, box: Box, size: int) -> Listed:
        async def ask(**page: int) -> Any:
            return await self._client.threads(_mailbox(box), **page)

        return await self._all(ask, _thread, size)

    async def thread(self, letter: Letter) -> list[str]:
        found = await self._client.thread(letter.thread)
        assert found.message_count == len(found.messages)
        return [one.id for one in found.messages]

    async def hooks_of(self, box: Box, size: int) -> Listed:
        async def ask(**page: int) -> Any:
            return await self._client.webhooks(_mailbox(box), **page)

        return await self._all(ask, _hook, size)

    async def labels(self, box: Box) -> list[str]:
        """Return the labels that an inbox has, by name."""
        return [one.name for one in (await self._client.labels(_mailbox(box))).data]

    async def make_label(self, box: Box, label: str) -> None:
        await self._client.create_label(_mailbox(box), label, color="#3B82F6")

    async def drop_label(self, box: Box, label: str) -> None:
        await self._client.delete_label(_mailbox(box), label)

    async def sites(self, size: int) -> Listed:
        return await self._all(self._client.domains, _site, size)

    def lists(self, letter: Letter) -> bool:
        return not letter.is_sent

    def name_of(self, letter: Letter) -> str:
        return letter.id

    async def create_box(self, username: str) -> None:
        await self._client.create_mailbox(username)

    async def delete_box(self, box: Box) -> None:
        await self._client.delete_mailbox(_mailbox(box))

    async def send(self, box: Box, to: list[str], subject: str, labels: list[str]) -> None:
        await self._client.send(box.address, to, subject=subject, text="Words.", tags=labels)

    async def send_batch(self, box: Box, to: list[str], subject: str) -> None:
        await self._client.send_batch(box.address, [{"to": one, "subject": subject, "text": "Words."} for one in to])

    async def reply(self, letter: Letter, everybody: bool) -> None:
        ask = self._client.reply_all if everybody else self._client.reply
        await ask(letter.id, text="An answer.")

    async def forward(self, letter: Letter, to: str) -> None:
        await self._client.forward(letter.id, [to], text="Look.")

    async def schedule(self, box: Box, to: str, subject: str, at: str) -> None:
        await self._client.send(box.address, [to], subject=subject, text="Later.", scheduledAt=at)

    async def cancel(self, draft: Draft) -> None:
        await self._client.cancel(f"msg_{draft.id.removeprefix('dft_')}")

    async def label(self, letter: Letter, add: list[str], remove: list[str]) -> None:
        if add:
            await self._client.add_labels(letter.id, *add)
        for label in remove:
            await self._client.remove_label(letter.id, label)

    async def mark(self, how: Any, letters: list[Letter]) -> None:
        await self._client.mark(how, *(letter.id for letter in letters))

    async def read(self, letter: Letter) -> None:
        assert (await self._client.message(letter.id, markRead="true")).read

    async def delete_letter(self, letter: Letter) -> None:
        await self._client.delete_messages(letter.id)

    async def add_box_hook(self, url: str, events: list[str], box: Box) -> None:
        await self._client.create_webhook(_mailbox(box), url, events)

    async def switch_hook(self, hook: Hook, enabled: bool) -> None:
        await self._client.update_webhook(f"whk_{hook.id.removeprefix('ep_')}", enabled=enabled)

    async def delete_hook(self, hook: Hook) -> None:
        await self._client.delete_webhook(f"whk_{hook.id.removeprefix('ep_')}")

    async def add_site(self, name: str) -> None:
        await self._client.add_domain(name)

    async def verify_site(self, site: Site) -> None:
        await self._client.verify_domain(site.id)

    async def delete_site(self, site: Site) -> None:
        await self._client.delete_domain(site.id)


def _mailbox(box: Box) -> str:
    return f"mbx_{box.id.removeprefix('inb_')}"


def _inner(name: str) -> str:
    assert name.startswith("mbx_")
    return f"inb_{name[4:]}"


def _box(one: Any) -> Shown:
    assert one.address == f"{one.name}@{one.domain}"
    return {"id": _inner(one.id), "address": one.address}


def _letter(one: Any) -> Shown:
    return {
        "id": one.id,
        "thread": one.thread_id,
        "from": one.from_,
        "to": tuple(one.to),
        "subject": one.subject,
        "preview": one.text_preview,
        "files": one.attachment_count,
        "at": ms(one.received_at),
        "read": one.read,
        "tagged": frozenset(one.labels),
    }


def _thread(one: Any) -> Shown:
    return {
        "id": one.id,
        "inbox": _inner(one.mailbox_id),
        "subject": one.subject,
        "preview": one.text_preview,
        "participants": tuple(one.participants),
        "tags": frozenset(one.labels),
        "count": one.message_count,
        "at": ms(one.last_message_at),
    }


def _hook(one: Any) -> Shown:
    return {
        "id": f"ep_{one.id.removeprefix('whk_')}",
        "inbox": None if one.mailbox_id is None else _inner(one.mailbox_id),
        "url": one.url,
        "events": frozenset(one.events),
        "enabled": one.enabled,
    }


def _site(one: Any) -> Shown:
    return {"id": one.id, "name": one.domain, "plain_status": one.status}
