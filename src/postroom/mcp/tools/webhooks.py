"""Tools over webhooks: addresses that are told of events as they happen."""

from typing import Annotated, Any

from mcp.types import CallToolResult

from postroom.mcp.admin_shapes import DoneResult, WebhookPage, WebhookResult, WebhookShape, webhook_shape
from postroom.mcp.face import Hands
from postroom.mcp.fitting import fits, room_for
from postroom.mcp.tools.place import ask_within
from postroom.mcp.tools.row import Row, Strings, answer, at, listed, more
from postroom.mcp.words import line
from postroom.model.webhook import STANDARD, Webhook
from postroom.service.operation import Answer

_ADDRESS = 500  # characters of the address of a webhook in a list that would be too long


class WebhookTools:
    """list_webhooks, get_webhook, create_webhook, update_webhook, delete_webhook."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def list_webhooks(
        self, limit: int = 10, page_token: str | None = None
    ) -> Annotated[CallToolResult, WebhookPage]:
        """List the webhooks, newest first."""
        found = await self._hands.ask("webhooks.list", {"limit": limit, "page_token": page_token})
        page = found.result
        items = [webhook_shape(webhook) for webhook in page.items]
        text = f"{len(items)} webhooks.\n" + "\n".join(map(_told, items)) if items else "No webhook."
        data = WebhookPage(webhooks=items, next_page_token=page.next_page_token, position=found.position)
        if not fits(data.model_dump(mode="json", exclude_none=True), room_for(limit)):
            # get_webhook shows the whole address.
            items = [item.model_copy(update={"url": line(item.url, _ADDRESS)}) for item in items]
            data = data.model_copy(update={"webhooks": items})
        return answer(text + more(page.next_page_token) + at(found.position), data)

    async def get_webhook(self, webhook_id: str, show_secret: bool = False) -> Annotated[CallToolResult, WebhookResult]:
        """Get one webhook."""
        return _one(await self._hands.ask("webhooks.get", {"webhook_id": webhook_id}), show_secret=show_secret)

    async def create_webhook(
        self,
        url: str,
        event_types: Strings | None = None,
        inbox_ids: Strings | None = None,
        pod_ids: Strings | None = None,
        client_id: str | None = None,
        headers: dict[str, str] | None = None,
        inbox_id: str | None = None,
        pod_id: str | None = None,
    ) -> Annotated[CallToolResult, WebhookResult]:
        """Have an address told of events. The answer has the secret that verifies what it is sent."""
        given: dict[str, Any] = {
            "url": url,
            "event_types": listed(event_types),
            "inbox_ids": listed(inbox_ids),
            "pod_ids": listed(pod_ids),
            "client_id": client_id,
            "headers": headers,
        }
        found = await ask_within(self._hands, "webhooks.create", given, inbox_id=inbox_id, pod_id=pod_id)
        return _one(found, show_secret=True)

    async def update_webhook(
        self,
        webhook_id: str,
        event_types: Strings | None = None,
        add_inbox_ids: Strings | None = None,
        remove_inbox_ids: Strings | None = None,
        add_pod_ids: Strings | None = None,
        remove_pod_ids: Strings | None = None,
        enabled: bool | None = None,
    ) -> Annotated[CallToolResult, WebhookResult]:
        """Change what a webhook is told of, or switch it off and on. Its address stays."""
        given: dict[str, Any] = {
            "webhook_id": webhook_id,
            "event_types": listed(event_types),
            "add_inbox_ids": listed(add_inbox_ids),
            "remove_inbox_ids": listed(remove_inbox_ids),
            "add_pod_ids": listed(add_pod_ids),
            "remove_pod_ids": listed(remove_pod_ids),
            "enabled": enabled,
        }
        return _one(await self._hands.ask("webhooks.update", given))

    async def delete_webhook(self, webhook_id: str) -> Annotated[CallToolResult, DoneResult]:
        """Delete a webhook for good, with what was on its way to it."""
        found = await self._hands.ask("webhooks.delete", {"webhook_id": webhook_id})
        data = DoneResult(success=True, id=webhook_id, position=found.position)
        return answer(f"Deleted {webhook_id}." + at(found.position), data)


def rows(hands: Hands) -> list[Row]:
    """Return the tools over webhooks."""
    tools = WebhookTools(hands)
    shared: dict[str, Any] = {"toolset": "webhooks"}
    shown = {"show_secret": "Show the secret that verifies what it is sent."}
    made = {"inbox_id": "Make it this inbox's own.", "pod_id": "Make it this pod's own; exclusive with inbox_id."}
    return [
        Row(title="List webhooks", operation="webhooks.list", function=tools.list_webhooks, **shared),
        Row(title="Get webhook", operation="webhooks.get", function=tools.get_webhook, says=shown, **shared),
        Row(
            title="Create webhook",
            operation="webhooks.create",
            function=tools.create_webhook,
            outside=True,
            says=made,
            **shared,
        ),
        Row(title="Update webhook", operation="webhooks.update", function=tools.update_webhook, **shared),
        Row(title="Delete webhook", operation="webhooks.delete", function=tools.delete_webhook, **shared),
    ]


def _told(item: WebhookShape) -> str:
    state = "enabled" if item.enabled else "disabled"
    failing = f" | failing since {item.failing_since}" if item.failing_since else ""
    only = ", ".join((*(item.inbox_ids or ()), *(item.pod_ids or ())))
    of = f" | only {only}" if only else ""
    return (
        f"{item.webhook_id} | {line(item.url, 500)} | {state}{failing}{of}"
        f" | events {', '.join(item.event_types) or 'the standard ones: ' + ', '.join(STANDARD)}"
    )


def _one(found: Answer[Webhook], *, show_secret: bool = False) -> CallToolResult:
    item = webhook_shape(found.result)
    secret = (found.result.secret or None) if show_secret else None
    data = WebhookResult(**item.model_dump(), secret=secret, position=found.position)
    told = _told(item) + (f"\nsecret: {secret}" if secret else "")
    return answer(told + at(found.position), data)
