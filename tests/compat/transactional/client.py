"""A client of /v1/agent-email that knows what its text says and nothing else: a field more or less is an error."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field

from postroom.http.transactional import openapi
from postroom.http.transactional.app import PREFIX, ROUTES, Transactional
from postroom.service.keyring import KeyRing
from postroom.service.links import Links
from postroom.store.secret import Secret
from tests.compat.document import Contract, Held
from tests.compat.official import BASE, MAX_BODY, owner_key
from tests.fakes.bed import Bed

T = TypeVar("T")
CONTRACT = Contract(PREFIX, ROUTES, openapi.document, "ErrorResponse", "ErrorResponse")


class Shown(BaseModel):
    """What is shown: every field is there, and no other."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Shown, Generic[T]):
    data: T


class Meta(Shown):
    total: int
    limit: int
    offset: int


class Listed(Shown, Generic[T]):
    data: list[T]
    meta: Meta


class Mailbox(Shown):
    id: str
    address: str
    name: str
    domain: str
    created_at: datetime = Field(alias="createdAt")


class Sent(Shown):
    id: str
    status: Literal["queued", "scheduled", "cancelled"]
    from_: str = Field(alias="from")
    to: list[str]
    subject: str | None


class Item(Shown):
    id: str
    from_: str = Field(alias="from")
    to: list[str]
    subject: str | None
    text_preview: str | None = Field(alias="textPreview")
    read: bool
    labels: list[str]
    thread_id: str = Field(alias="threadId")
    attachment_count: int = Field(alias="attachmentCount")
    received_at: datetime = Field(alias="receivedAt")


class File(Shown):
    id: str
    filename: str | None
    content_type: str = Field(alias="contentType")
    size: int
    content_id: str | None = Field(alias="contentId")
    download_url: str | None = Field(alias="downloadUrl")
    expires_at: datetime | None = Field(alias="expiresAt")


class Message(Item):
    mailbox_id: str = Field(alias="mailboxId")
    cc: list[str]
    bcc: list[str]
    reply_to: list[str] = Field(alias="replyTo")
    text_body: str | None = Field(alias="textBody")
    html_body: str | None = Field(alias="htmlBody")
    headers: dict[str, str]
    tags: list[str]
    attachments: list[File]


class ThreadItem(Shown):
    id: str
    mailbox_id: str = Field(alias="mailboxId")
    subject: str | None
    text_preview: str | None = Field(alias="textPreview")
    participants: list[str]
    labels: list[str]
    message_count: int = Field(alias="messageCount")
    last_message_at: datetime = Field(alias="lastMessageAt")
    created_at: datetime = Field(alias="createdAt")


class Thread(ThreadItem):
    messages: list[Message]


class Label(Shown):
    name: str
    color: str | None
    created_at: datetime | None = Field(alias="createdAt")


class Webhook(Shown):
    id: str
    mailbox_id: str | None = Field(alias="mailboxId")
    url: str
    events: list[str]
    enabled: bool
    created_at: datetime = Field(alias="createdAt")


class NewWebhook(Webhook):
    secret: str


class Trial(Shown):
    id: str
    status: Literal["queued"]


class Record(Shown):
    type: str
    name: str
    value: str
    priority: int | None
    status: str


class Domain(Shown):
    id: str
    domain: str
    status: Literal["pending", "failed", "verified"]
    records: list[Record]
    created_at: datetime = Field(alias="createdAt")


class Refused(Exception):
    """An answer that is an error, with its status and its code."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.status_code} {answer.text}")
        body = answer.json()
        assert body.keys() == {"error"}
        assert body["error"].keys() == {"code", "message"}
        self.status = answer.status_code
        self.code: str = body["error"]["code"]
        self.message: str = body["error"]["message"]
        self.told = (self.status, self.code)


class Client:
    """Every endpoint of the text, by resource and verb; `http` is for what the text does not say."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ask(self, method: str, path: str, shape: type[T], status: int, body: Any = None, **query: Any) -> T:
        """Ask for one thing and return it. Raises Refused."""
        answer = await self.http.request(method, PREFIX + path, json=body, params=query or None)
        if answer.status_code >= 400:
            raise Refused(answer)
        assert answer.status_code == status
        return shape.model_validate_json(answer.content)  # type: ignore[attr-defined, no-any-return]

    async def _drop(self, path: str, body: Any = None) -> None:
        answer = await self.http.request("DELETE", PREFIX + path, json=body)
        if answer.status_code >= 400:
            raise Refused(answer)
        assert (answer.status_code, answer.content) == (204, b"")

    async def create_mailbox(self, name: str, **given: Any) -> Mailbox:
        return (await self.ask("POST", "/mailboxes", Data[Mailbox], 201, {"name": name, **given})).data

    async def mailboxes(self, **query: Any) -> Listed[Mailbox]:
        return await self.ask("GET", "/mailboxes", Listed[Mailbox], 200, **query)

    async def mailbox(self, mailbox: str) -> Mailbox:
        return (await self.ask("GET", f"/mailboxes/{_at(mailbox)}", Data[Mailbox], 200)).data

    async def delete_mailbox(self, mailbox: str) -> None:
        await self._drop(f"/mailboxes/{_at(mailbox)}")

    async def send(self, sender: str, to: Any, **given: Any) -> Sent:
        body = {"from": sender, "to": to, **given}
        return (await self.ask("POST", "/messages/send", Data[Sent], 202, body)).data

    async def send_batch(self, sender: str, messages: list[dict[str, Any]]) -> list[Sent]:
        body = {"from": sender, "messages": messages}
        return (await self.ask("POST", "/messages/send-batch", Data[list[Sent]], 202, body)).data

    async def reply(self, message: str, **given: Any) -> Sent:
        return (await self.ask("POST", f"/messages/{_at(message)}/reply", Data[Sent], 202, given)).data

    async def reply_all(self, message: str, **given: Any) -> Sent:
        return (await self.ask("POST", f"/messages/{_at(message)}/reply-all", Data[Sent], 202, given)).data

    async def forward(self, message: str, to: Any, **given: Any) -> Sent:
        body = {"to": to, **given}
        return (await self.ask("POST", f"/messages/{_at(message)}/forward", Data[Sent], 202, body)).data

    async def cancel(self, message: str) -> Sent:
        return (await self.ask("POST", f"/messages/{_at(message)}/cancel", Data[Sent], 200)).data

    async def inbox(self, mailbox: str, **query: Any) -> Listed[Item]:
        return await self.ask("GET", f"/mailboxes/{_at(mailbox)}/inbox", Listed[Item], 200, **query)

    async def message(self, message: str, **query: Any) -> Message:
        return (await self.ask("GET", f"/inbox/{_at(message)}", Data[Message], 200, **query)).data

    async def search(self, mailbox: str, query: str, **more: Any) -> Listed[Item]:
        path = f"/mailboxes/{_at(mailbox)}/inbox/search"
        return await self.ask("GET", path, Listed[Item], 200, query=query, **more)

    async def mark(self, how: Literal["mark-read", "mark-unread", "archive", "unarchive"], *ids: str) -> list[Item]:
        return (await self.ask("POST", f"/inbox/{how}", Data[list[Item]], 200, {"messageIds": ids})).data

    async def delete_messages(self, *ids: str) -> None:
        await self._drop("/inbox", {"messageIds": ids})

    async def threads(self, mailbox: str, **query: Any) -> Listed[ThreadItem]:
        return await self.ask("GET", f"/mailboxes/{_at(mailbox)}/threads", Listed[ThreadItem], 200, **query)

    async def thread(self, thread: str) -> Thread:
        return (await self.ask("GET", f"/threads/{_at(thread)}", Data[Thread], 200)).data

    async def labels(self, mailbox: str, **query: Any) -> Listed[Label]:
        return await self.ask("GET", f"/mailboxes/{_at(mailbox)}/labels", Listed[Label], 200, **query)

    async def create_label(self, mailbox: str, name: str, **given: Any) -> Label:
        path = f"/mailboxes/{_at(mailbox)}/labels"
        return (await self.ask("POST", path, Data[Label], 201, {"name": name, **given})).data

    async def add_labels(self, message: str, *labels: str) -> Item:
        return (await self.ask("POST", f"/inbox/{_at(message)}/labels", Data[Item], 200, {"labels": labels})).data

    async def remove_label(self, message: str, label: str) -> None:
        await self._drop(f"/inbox/{_at(message)}/labels/{_at(label)}")

    async def delete_label(self, mailbox: str, label: str) -> None:
        await self._drop(f"/mailboxes/{_at(mailbox)}/labels/{_at(label)}")

    async def create_webhook(self, mailbox: str, url: str, events: list[str], **given: Any) -> NewWebhook:
        body = {"url": url, "events": events, **given}
        return (await self.ask("POST", f"/mailboxes/{_at(mailbox)}/webhooks", Data[NewWebhook], 201, body)).data

    async def webhooks(self, mailbox: str, **query: Any) -> Listed[Webhook]:
        return await self.ask("GET", f"/mailboxes/{_at(mailbox)}/webhooks", Listed[Webhook], 200, **query)

    async def update_webhook(self, webhook: str, **given: Any) -> Webhook:
        return (await self.ask("PATCH", f"/webhooks/{_at(webhook)}", Data[Webhook], 200, given)).data

    async def delete_webhook(self, webhook: str) -> None:
        await self._drop(f"/webhooks/{_at(webhook)}")

    async def test_webhook(self, webhook: str) -> Trial:
        return (await self.ask("POST", f"/webhooks/{_at(webhook)}/test", Data[Trial], 202)).data

    async def add_domain(self, domain: str) -> Domain:
        return (await self.ask("POST", "/domains", Data[Domain], 201, {"domain": domain})).data

    async def verify_domain(self, domain: str) -> Domain:
        return (await self.ask("POST", f"/domains/{_at(domain)}/verify", Data[Domain], 200)).data

    async def domains(self, **query: Any) -> Listed[Domain]:
        return await self.ask("GET", "/domains", Listed[Domain], 200, **query)

    async def domain(self, domain: str) -> Domain:
        return (await self.ask("GET", f"/domains/{_at(domain)}", Data[Domain], 200)).data

    async def delete_domain(self, domain: str) -> None:
        await self._drop(f"/domains/{_at(domain)}")


def _at(name: str) -> str:
    return quote(name, safe="")


def app(house: Bed) -> Held:
    """Return the dialect over a house; every answer is held against its document."""
    versions = iter(range(10**9))  # what a key may do is read anew at every request
    links = Links(Secret.load(house.home / "secret.key", None), lambda: BASE, house.now)
    keys = KeyRing(house.desk, lambda: next(versions))
    return Held(Transactional(house.desk, keys, links, MAX_BODY), CONTRACT)


@contextlib.asynccontextmanager
async def transactional(house: Bed, api_key: str | None = None) -> AsyncIterator[Client]:
    """Give the client, as the owner when no key is named."""
    headers = {"authorization": f"Bearer {api_key or await owner_key(house)}"}
    transport = httpx.ASGITransport(app(house))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as http:
        yield Client(http)
