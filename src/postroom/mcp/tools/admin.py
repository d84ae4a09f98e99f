"""Tools over API keys and pods: for who runs the server by an agent."""

from typing import Annotated, Any

from mcp.types import CallToolResult

from postroom.mcp.admin_shapes import (
    DoneResult,
    KeyPage,
    KeyResult,
    KeyShape,
    NewKeyResult,
    PodPage,
    PodResult,
    PodShape,
    key_shape,
    pod_shape,
)
from postroom.mcp.face import Hands
from postroom.mcp.fitting import fitted, room_for
from postroom.mcp.tools.account import in_words
from postroom.mcp.tools.place import ask_within
from postroom.mcp.tools.row import Row, Strings, answer, at, listed, more
from postroom.mcp.words import line


class KeyTools:
    """list_keys, create_key, update_key, delete_key."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def list_keys(
        self, inbox_id: str | None = None, pod_id: str | None = None, limit: int = 10, page_token: str | None = None
    ) -> Annotated[CallToolResult, KeyPage]:
        """List the API keys, newest first, without their secrets."""
        given = {"limit": limit, "page_token": page_token}
        found = await ask_within(self._hands, "keys.list", given, inbox_id=inbox_id, pod_id=pod_id)
        page = found.result
        items = [key_shape(key) for key in page.items]
        data = KeyPage(api_keys=items, next_page_token=page.next_page_token, position=found.position)
        data = fitted(data, room_for(limit))
        text = f"{len(items)} keys.\n" + "\n".join(map(_told_key, data.api_keys)) if items else "No key."
        return answer(text + more(page.next_page_token) + at(found.position), data)

    async def create_key(
        self,
        name: str,
        inbox_id: str | None = None,
        pod_id: str | None = None,
        permissions: Strings | None = None,
        expires_at: str | None = None,
    ) -> Annotated[CallToolResult, NewKeyResult]:
        """Make an API key, of no more than you may do yourself. Its secret is in this answer and never shown again."""
        given = {"name": name, "permissions": listed(permissions), "expires_at": expires_at}
        found = await ask_within(self._hands, "keys.create", given, inbox_id=inbox_id, pod_id=pod_id)
        item = key_shape(found.result.key)
        data = NewKeyResult(**item.model_dump(), api_key=found.result.api_key, position=found.position)
        text = f"{_told_key(item)}\napi_key: {data.api_key}\nKeep it now: it is never shown again."
        return answer(text + at(found.position), data)

    async def update_key(
        self,
        api_key_id: str,
        name: str | None = None,
        permissions: Strings | None = None,
    ) -> Annotated[CallToolResult, KeyResult]:
        """Change the name or the permissions of an API key; ["all"] allows everything in its scope."""
        allowed = listed(permissions)
        given: dict[str, Any] = {"api_key_id": api_key_id} | ({} if name is None else {"name": name})
        if allowed is not None:
            given["permissions"] = None if allowed == ["all"] else allowed
        face, actor = await self._hands.face(), await self._hands.actor()
        found = await face.desk.ask("keys.update", actor, given)
        item = key_shape(found.result)
        return answer(_told_key(item) + at(found.position), KeyResult(**item.model_dump(), position=found.position))

    async def delete_key(self, api_key_id: str) -> Annotated[CallToolResult, DoneResult]:
        """Delete an API key for good; it stops working at once."""
        found = await self._hands.ask("keys.delete", {"api_key_id": api_key_id})
        data = DoneResult(success=True, id=api_key_id, position=found.position)
        return answer(f"Deleted {api_key_id}." + at(found.position), data)


class PodTools:
    """list_pods, create_pod, delete_pod."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def list_pods(self, limit: int = 10, page_token: str | None = None) -> Annotated[CallToolResult, PodPage]:
        """List the pods, newest first: parts of the organization with inboxes and keys of their own."""
        found = await self._hands.ask("pods.list", {"limit": limit, "page_token": page_token})
        page = found.result
        items = [pod_shape(pod) for pod in page.items]
        text = f"{len(items)} pods.\n" + "\n".join(map(_told_pod, items))
        data = PodPage(pods=items, next_page_token=page.next_page_token, position=found.position)
        return answer(text + more(page.next_page_token) + at(found.position), data)

    async def create_pod(
        self, name: str | None = None, client_id: str | None = None
    ) -> Annotated[CallToolResult, PodResult]:
        """Create a pod."""
        found = await self._hands.ask("pods.create", {"name": name, "client_id": client_id})
        item = pod_shape(found.result)
        data = PodResult(**item.model_dump(), position=found.position)
        return answer(f"Created {_told_pod(item)}" + at(found.position), data)

    async def delete_pod(self, pod_id: str) -> Annotated[CallToolResult, DoneResult]:
        """Delete a pod for good that holds nothing any more; the default pod stays."""
        found = await self._hands.ask("pods.delete", {"pod_id": pod_id})
        data = DoneResult(success=True, id=found.result.pod_id, position=found.position)
        return answer(f"Deleted {data.id}." + at(found.position), data)


def rows(hands: Hands) -> list[Row]:
    """Return the tools over keys and pods."""
    keys, pods = KeyTools(hands), PodTools(hands)
    shared: dict[str, Any] = {"toolset": "admin"}
    of = {"inbox_id": "Keys of this inbox alone.", "pod_id": "Keys of this pod alone; exclusive with inbox_id."}
    made = {
        "inbox_id": "Confine the key to this inbox.",
        "pod_id": "Confine the key to this pod; exclusive with inbox_id.",
        "permissions": "Allow these alone, such as message_read; all when left out.",
    }
    changed = {"permissions": 'Allow these alone; ["all"] allows everything.'}
    return [
        Row(title="List keys", operation="keys.list", function=keys.list_keys, says=of, **shared),
        Row(title="Create key", operation="keys.create", function=keys.create_key, says=made, **shared),
        Row(title="Update key", operation="keys.update", function=keys.update_key, says=changed, **shared),
        Row(title="Delete key", operation="keys.delete", function=keys.delete_key, **shared),
        Row(title="List pods", operation="pods.list", function=pods.list_pods, **shared),
        Row(title="Create pod", operation="pods.create", function=pods.create_pod, **shared),
        Row(title="Delete pod", operation="pods.delete", function=pods.delete_pod, **shared),
    ]


def _told_key(item: KeyShape) -> str:
    where = f"inbox {item.inbox_id}" if item.inbox_id else (f"pod {item.pod_id}" if item.pod_id else "everything")
    may = "everything" if item.permissions is None else in_words(item.permissions)
    may += f" and {item.more_permissions} more" if item.more_permissions else ""
    until = f" | until {item.expires_at}" if item.expires_at else ""
    used = f" | last used {item.used_at}" if item.used_at else ""
    return f"{item.api_key_id} | {line(item.name)} | {item.prefix}… | reaches {where} | may {may}{until}{used}"


def _told_pod(item: PodShape) -> str:
    return f"{item.pod_id} | {line(item.name)} | {item.created_at}"
