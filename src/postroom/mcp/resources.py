"""Mail as resources: how each is addressed (inbox://…), what reading one gives, and what completes an address.

What is read is what the tool of the same thing says, and it is there where that tool is offered: there is no way round
a permission, a reach or a selection here.
"""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.types import CallToolResult, Completion, ImageContent, Resource, ResourceTemplate, TextContent

if TYPE_CHECKING:
    from postroom.mcp.face import Hands

Tool = Callable[..., Awaitable[CallToolResult]]
_LISTED = 100  # inboxes that a list of resources names, and values that one completion gives (the protocol's limit)
_MIME = "text/plain"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of resource: `parts` name the segments of its address and the arguments of the tool that shows it."""

    scheme: str
    parts: tuple[str, ...]
    tool: str
    description: str

    @property
    def template(self) -> str:
        """The template of its addresses (RFC 6570, level 1)."""
        return f"{self.scheme}://" + "/".join(f"{{{part}}}" for part in self.parts)

    def address(self, *ids: str) -> str:
        """Return the address of one; `ids` in the order of `parts`."""
        return f"{self.scheme}://" + "/".join(quote(given, safe="@") for given in ids)


INBOX = Kind(scheme="inbox", parts=("inbox_id",), tool="get_inbox", description="An inbox and its newest messages.")
KINDS = (
    INBOX,
    Kind(
        scheme="thread",
        parts=("inbox_id", "thread_id"),
        tool="get_thread",
        description="A conversation: its newest messages, each with its new text.",
    ),
    Kind(
        scheme="message",
        parts=("inbox_id", "message_id"),
        tool="get_message",
        description="A message: its new text, attachments, one-time codes and links.",
    ),
    Kind(
        scheme="attachment",
        parts=("inbox_id", "message_id", "attachment_id"),
        tool="get_attachment",
        description="An attachment: its text, or where to download it.",
    ),
    Kind(scheme="draft", parts=("inbox_id", "draft_id"), tool="get_draft", description="A draft."),
    Kind(
        scheme="domain",
        parts=("domain_id",),
        tool="get_domain",
        description="A domain with the DNS records that it needs.",
    ),
)
_BY_SCHEME = {kind.scheme: kind for kind in KINDS}
# The last id of an address is that of the thing itself: who may not be shown that is not told which there are.
_SHOWN_BY = {kind.parts[-1]: kind.tool for kind in KINDS}


@dataclass(frozen=True)
class Address:
    """A resource's address, read: its kind and the ids in it."""

    kind: Kind
    ids: Mapping[str, str]


def read_address(uri: str) -> Address | None:
    """Return what `uri` names, None where it is no address of ours. A message id may stand in it with its slashes."""
    scheme, separator, rest = uri.partition("://")
    kind = _BY_SCHEME.get(scheme.lower())
    if kind is None or not separator:
        return None
    ids = [unquote(part) for part in _split(rest, len(kind.parts))]
    return Address(kind, dict(zip(kind.parts, ids, strict=True))) if all(ids) else None


def _split(rest: str, n: int) -> list[str]:
    """Return the `n` ids of an address; between the first and the last, slashes are the id's own."""
    if n == 1:
        return [rest.removesuffix("/")]  # some clients end what looks like a host with one
    first, _slash, others = rest.partition("/")
    if n == 2:
        return [first, others]
    middle, _slash, last = others.rpartition("/")
    return [first, middle, last]


class Resources:
    """Reads, lists and completes. `tool` gives the function of a tool that is offered to whoever calls, or None."""

    def __init__(self, hands: "Hands", tool: Callable[[str], Awaitable[Tool | None]]) -> None:
        self._hands = hands
        self._tool = tool

    async def templates(self) -> list[ResourceTemplate]:
        """Return the templates of what whoever calls may read."""
        return [
            ResourceTemplate(
                name=kind.scheme,
                title=kind.scheme.capitalize(),
                uri_template=kind.template,
                description=kind.description,
                mime_type=_MIME,
            )
            for kind in KINDS
            if await self._tool(kind.tool) is not None
        ]

    async def listed(self) -> list[Resource]:
        """Return the newest inboxes within reach, each as a resource."""
        if await self._tool(INBOX.tool) is None:
            return []
        page = (await self._hands.ask("inboxes.list", {"limit": _LISTED})).result
        return [
            Resource(
                uri=INBOX.address(inbox.address),
                name=inbox.address,
                title=inbox.address,
                description=INBOX.description,
                mime_type=_MIME,
            )
            for inbox in page.items
        ]

    async def read(self, address: Address) -> CallToolResult:
        """Return what the tool of a resource says of it.

        Raises:
            NotFound: it is absent, out of reach, or of a kind that is not offered to whoever asks.
        """
        from postroom.model.errors import NotFound

        tool = await self._tool(address.kind.tool)
        if tool is None:
            raise NotFound("resource", address.kind.address(*address.ids.values()))
        found = await tool(**address.ids)
        if address.kind is INBOX and (lists := await self._tool("list_messages")) is not None:
            newest = await lists(**address.ids)
            return found.model_copy(update={"content": [*found.content, *newest.content], "meta": newest.meta})
        return found

    async def complete(self, argument: str, begun: str, known: Mapping[str, str]) -> Completion:
        """Return what an argument of a template or a prompt may be, from what whoever calls reaches.

        `begun` is what was typed of it, `known` the arguments that are settled. Nothing, where nothing can be told, and
        of a kind whose tool is not offered to whoever calls.
        """
        from postroom.model.errors import PostroomError

        source = _SOURCES.get(argument)
        if source is None or await self._tool(_SHOWN_BY[argument]) is None:
            return Completion(values=[])
        try:
            values, is_more = await source(self._hands, begun, known)
        except PostroomError:
            return Completion(values=[])
        fitting = list(dict.fromkeys(value for value in values if value.lower().startswith(begun.lower())))
        return Completion(values=fitting[:_LISTED], has_more=is_more or len(fitting) > _LISTED)


def text_of(result: CallToolResult) -> str:
    """Return the text of a tool's result."""
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def pictures_of(result: CallToolResult) -> list[ReadResourceContents]:
    """Return the pictures of a tool's result."""
    pictures = [part for part in result.content if isinstance(part, ImageContent)]
    return [ReadResourceContents(b64decode(one.data), one.mime_type, result.meta) for one in pictures]


Values = tuple[list[str], bool]  # values, and whether there are more


async def _inboxes(hands: "Hands", begun: str, known: Mapping[str, str]) -> Values:
    page = (await hands.ask("inboxes.list", {"limit": _LISTED})).result
    if page.next_page_token is not None and len(begun) > 1:
        page = (await hands.ask("inboxes.search", {"q": begun[:256], "limit": _LISTED})).result
    return [inbox.address for inbox in page.items], page.next_page_token is not None


async def _threads(hands: "Hands", begun: str, known: Mapping[str, str]) -> Values:
    page = await _page(hands, "threads.list", known)
    return [thread.thread_id for thread in page.items], page.next_page_token is not None


async def _messages(hands: "Hands", begun: str, known: Mapping[str, str]) -> Values:
    page = await _page(hands, "messages.list", known)
    return [message.message_id for message in page.items], page.next_page_token is not None


async def _attachments(hands: "Hands", begun: str, known: Mapping[str, str]) -> Values:
    if "message_id" in known:
        message = (await hands.ask("messages.find", await _within(hands, known, "message_id"))).result
        return [file.attachment_id for file in message.attachments], False
    page = await _page(hands, "messages.list", known)
    files = [file.attachment_id for message in page.items for file in message.attachments]
    return files, page.next_page_token is not None


async def _drafts(hands: "Hands", begun: str, known: Mapping[str, str]) -> Values:
    page = await _page(hands, "drafts.list", known)
    return [draft.draft_id for draft in page.items], page.next_page_token is not None


async def _domains(hands: "Hands", begun: str, known: Mapping[str, str]) -> Values:
    page = (await hands.ask("domains.list", {"limit": _LISTED})).result
    return [domain.domain for domain in page.items], page.next_page_token is not None


async def _page(hands: "Hands", operation: str, known: Mapping[str, str]) -> Any:
    return (await hands.ask(operation, {**await _within(hands, known), "limit": _LISTED})).result


async def _within(hands: "Hands", known: Mapping[str, str], *names: str) -> dict[str, str]:
    """Return the inbox to look in, the only one of a key where none is named; and further ids that are known."""
    inbox_id = known.get("inbox_id") or (await hands.actor()).reach.inbox_id or ""
    return {"inbox_id": inbox_id, **{name: known[name] for name in names}}


_SOURCES: Mapping[str, Callable[["Hands", str, Mapping[str, str]], Awaitable[Values]]] = {
    "inbox_id": _inboxes,
    "thread_id": _threads,
    "message_id": _messages,
    "attachment_id": _attachments,
    "draft_id": _drafts,
    "domain_id": _domains,
}
