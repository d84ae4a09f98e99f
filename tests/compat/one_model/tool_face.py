"""The house by the tools of MCP."""

from typing import Any

from mcp import Client

from tests.compat.one_model.face import Face, Listed, by_token, ms
from tests.compat.one_model.world import Box, Draft, Hook, Key, Letter, Shown, Site


class ToolRefused(Exception):
    """A tool answered with an error."""


class ToolFace(Face):
    """Ids: an inbox is its address, a message its public id. What its tools delete can be brought back."""

    name = "tools"
    refusals = (ToolRefused,)

    def __init__(self, client: Client) -> None:
        self._client = client

    async def _do(self, tool: str, **given: Any) -> dict[str, Any]:
        found = await self._client.call_tool(tool, {name: one for name, one in given.items() if one is not None})
        if found.is_error:
            raise ToolRefused(f"{tool}: {getattr(found.content[0], 'text', found.content)}")
        return found.structured_content or {}

    async def _all(self, tool: str, field: str, size: int, **given: Any) -> list[dict[str, Any]]:
        async def page(page_token: str | None) -> dict[str, Any]:
            return await self._do(tool, limit=size, page_token=page_token, **given)

        return await by_token(page, lambda found: found[field], lambda found: found.get("next_page_token"))

    async def boxes(self, size: int) -> Listed:
        found = await self._all("list_inboxes", "inboxes", size)
        return Listed([{"address": one["inbox_id"], "name": one.get("display_name")} for one in found])

    async def letters(self, box: Box, size: int) -> Listed:
        found = await self._all("list_messages", "messages", size, inbox_id=box.address)
        return Listed([_letter(one) for one in found])

    async def letter(self, letter: Letter) -> Shown:
        return _letter(await self._do("get_message", **_ref(letter)))

    async def threads(self, box: Box, size: int) -> Listed:
        found = await self._all("list_threads", "threads", size, inbox_id=box.address)
        return Listed([_thread(one) for one in found])

    async def all_threads(self, size: int) -> Listed:
        found = await self._all("list_threads", "threads", size)
        return Listed([{**_thread(one), "address": one["inbox_id"]} for one in found])

    async def thread(self, letter: Letter) -> list[str]:
        given = {"inbox_id": letter.box.address, "thread_id": letter.thread, "limit": 100, "max_chars": 200_000}
        return [one["message_id"] for one in (await self._do("get_thread", **given))["messages"]]

    async def hooks(self, size: int) -> Listed:
        return Listed([_hook(one) for one in await self._all("list_webhooks", "webhooks", size)])

    async def keys(self, size: int) -> Listed:
        found = await self._all("list_keys", "api_keys", size)
        names = {"id": "api_key_id", "name": "name", "prefix": "prefix", "address": "inbox_id"}
        return Listed([{mine: one.get(shown) for mine, shown in names.items()} for one in found])

    async def sites(self, size: int) -> Listed:
        found = await self._all("list_domains", "domains", size)
        return Listed([{"name": one["domain_id"], "status": one["status"]} for one in found])

    async def drafts(self, size: int) -> Listed:
        return Listed([_draft(one) for one in await self._all("list_drafts", "drafts", size)])

    async def trash(self) -> list[tuple[str, str | None]]:
        """Return what is in the trash: the address of an inbox, and a message or a draft where it is one."""
        found = await self._all("list_trash", "trash", 100)
        return [(one["inbox_id"], one.get("message_id") or one.get("draft_id")) for one in found]

    async def create_box(self, username: str) -> None:
        await self._do("create_inbox", username=username)

    async def rename(self, box: Box, name: str) -> None:
        await self._do("update_inbox", inbox_id=box.address, display_name=name)

    async def delete_box(self, box: Box) -> None:
        await self._do("delete_inbox_permanently", inbox_id=box.address)

    async def trash_box(self, box: Box) -> None:
        await self._do("delete_inbox", inbox_id=box.address)

    async def restore_box(self, box: Box) -> None:
        await self._do("undo_delete", inbox_id=box.address)

    async def send(self, box: Box, to: list[str], subject: str, labels: list[str]) -> None:
        await self._do("send_message", inbox_id=box.address, to=to, subject=subject, text="Words.", labels=labels)

    async def reply(self, letter: Letter, everybody: bool) -> None:
        await self._do("reply_to_message", **_ref(letter), text="An answer.", reply_all=everybody)

    async def forward(self, letter: Letter, to: str) -> None:
        await self._do("forward_message", **_ref(letter), to=to, text="Look.")

    async def schedule(self, box: Box, to: str, subject: str, at: str) -> None:
        await self._do("create_draft", inbox_id=box.address, to=to, subject=subject, text="Later.", send_at=at)

    async def cancel(self, draft: Draft) -> None:
        await self._do("delete_draft", draft_id=draft.id)

    async def restore_draft(self, draft: Draft) -> None:
        await self._do("undo_delete", inbox_id=draft.box.address, draft_id=draft.id)

    async def label(self, letter: Letter, add: list[str], remove: list[str]) -> None:
        await self._do("update_message", **_ref(letter), add_labels=add or None, remove_labels=remove or None)

    async def label_many(self, letters: list[Letter], add: str, remove: list[str]) -> None:
        given = {"inbox_id": letters[0].box.address, "message_ids": [letter.public for letter in letters]}
        await self._do("update_messages", **given, add_labels=add, remove_labels=remove or None)

    async def trash_letter(self, letter: Letter) -> None:
        await self._do("delete_message", **_ref(letter))

    async def restore_letter(self, letter: Letter) -> None:
        await self._do("undo_delete", **_ref(letter))

    async def delete_letter(self, letter: Letter) -> None:
        await self._do("delete_message_permanently", **_ref(letter))

    async def trash_thread(self, letter: Letter) -> None:
        await self._do("delete_thread", inbox_id=letter.box.address, thread_id=letter.thread)

    async def restore_thread(self, letter: Letter) -> None:
        await self._do("undo_delete", inbox_id=letter.box.address, thread_id=letter.thread)

    async def delete_thread(self, letter: Letter) -> None:
        await self._do("delete_thread_permanently", inbox_id=letter.box.address, thread_id=letter.thread)

    async def add_hook(self, url: str, events: list[str], boxes: list[Box]) -> None:
        inboxes = [box.address for box in boxes] or None
        await self._do("create_webhook", url=url, event_types=events, inbox_ids=inboxes)

    async def add_box_hook(self, url: str, events: list[str], box: Box) -> None:
        await self._do("create_webhook", url=url, event_types=events, inbox_id=box.address)

    async def switch_hook(self, hook: Hook, enabled: bool) -> None:
        await self._do("update_webhook", webhook_id=hook.id, enabled=enabled)

    async def tell_of(self, hook: Hook, box: Box) -> tuple[Box, ...]:
        """Have a webhook told of an inbox; return those that it is told of then."""
        await self._do("update_webhook", webhook_id=hook.id, add_inbox_ids=box.address)
        return tuple(dict.fromkeys((*hook.boxes, box)))

    async def delete_hook(self, hook: Hook) -> None:
        await self._do("delete_webhook", webhook_id=hook.id)

    async def add_key(self, name: str) -> None:
        await self._do("create_key", name=name)

    async def add_box_key(self, name: str, box: Box) -> None:
        await self._do("create_key", name=name, inbox_id=box.address)

    async def delete_key(self, key: Key) -> None:
        await self._do("delete_key", api_key_id=key.id)

    async def add_site(self, name: str) -> None:
        await self._do("add_domain", domain=name)

    async def verify_site(self, site: Site) -> None:
        await self._do("verify_domain", domain_id=site.name)

    async def delete_site(self, site: Site) -> None:
        await self._do("delete_domain", domain_id=site.name)


def _ref(letter: Letter) -> dict[str, str]:
    return {"inbox_id": letter.box.address, "message_id": letter.public}


def _letter(one: dict[str, Any]) -> Shown:
    return {
        "public": one["message_id"],
        "thread": one["thread_id"],
        "from": one["from"],
        "to": tuple(one["to"]),
        "subject": one.get("subject"),
        "preview": one.get("preview"),
        "size": one["size"],
        "files": len(one.get("attachments", ())),
        "at": ms(one["timestamp"]),
        "labels": frozenset(one["labels"]),
    }


def _thread(one: dict[str, Any]) -> Shown:
    return {
        "id": one["thread_id"],
        "subject": one.get("subject"),
        "preview": one.get("preview"),
        "labels": frozenset(one["labels"]),
        "senders": tuple(one["senders"]),
        "recipients": tuple(one["recipients"]),
        "count": one["message_count"],
        "last": one["last_message_id"],
        "at": ms(one["timestamp"]),
    }


def _hook(one: dict[str, Any]) -> Shown:
    return {
        "id": one["webhook_id"],
        "url": one["url"],
        "events": frozenset(one["event_types"]),
        "addresses": frozenset(one.get("inbox_ids", ())),
        "enabled": one["enabled"],
    }


def _draft(one: dict[str, Any]) -> Shown:
    return {
        "id": one["draft_id"],
        "address": one["inbox_id"],
        "to": tuple(one["to"]),
        "subject": one.get("subject"),
        "send_at": ms(one.get("send_at")),
        "labels": frozenset(one["labels"]),
        "status": one.get("send_status"),
    }
