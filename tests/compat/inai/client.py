"""A client of /api/v0 that knows what the text of that API says and nothing else: a field more or less is an error."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field

from postroom.http.inai import openapi
from postroom.http.inai.app import PREFIX, ROUTES, Inai
from postroom.service.keyring import KeyRing
from postroom.service.links import Links
from postroom.store.secret import Secret
from tests.compat.document import Contract, Held
from tests.compat.official import BASE, MAX_BODY, owner_key
from tests.fakes.bed import Bed

T = TypeVar("T", bound="Shown")
EventType = Literal[
    "message.received",
    "message.sent",
    "message.delivered",
    "message.bounced",
    "message.complained",
    "message.rejected",
    "domain.verified",
]
CONTRACT = Contract(PREFIX, ROUTES, openapi.document, "ErrorResponse", "ErrorResponse")


class Shown(BaseModel):
    """What is shown: every field is there, and no other."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(Shown, Generic[T]):
    data: list[T]
    total: int
    page: int
    page_size: int


class Organization(Shown):
    org_id: str
    name: str
    inbox_count: int
    inbox_limit: int
    domain_count: int
    domain_limit: int
    created_at: datetime
    updated_at: datetime


class Inbox(Shown):
    inbox_id: str
    email_address: str
    username: str
    domain: str
    display_name: str | None
    client_id: str | None
    created_at: datetime
    updated_at: datetime


class Sent(Shown):
    message_id: str
    thread_id: str


class MessageItem(Shown):
    inbox_id: str
    thread_id: str
    message_id: str
    direction: Literal["inbound", "outbound"]
    labels: list[str]
    timestamp: datetime
    from_: str = Field(alias="from")
    to: list[str]
    cc: list[str] | None
    subject: str | None
    preview: str | None
    size: int


class File(Shown):
    attachment_id: str
    filename: str | None
    size: int
    content_type: str
    content_disposition: str
    content_id: str | None


class Message(MessageItem):
    reply_to: list[str] | None
    bcc: list[str] | None
    text: str | None
    html: str | None
    in_reply_to: str | None
    references: list[str] | None
    headers: dict[str, str]
    created_at: datetime
    updated_at: datetime
    attachments: list[File] = []  # silent in the text: how else would a client come by their ids


class Attachment(File):
    download_url: str
    expires_at: datetime


class ThreadItem(Shown):
    inbox_id: str
    thread_id: str
    labels: list[str]
    timestamp: datetime
    received_timestamp: datetime | None
    sent_timestamp: datetime | None
    senders: list[str]
    recipients: list[str]
    subject: str | None
    preview: str | None
    last_message_id: str
    message_count: int
    size: int


class ThreadMessage(Shown):
    message_id: str
    direction: Literal["inbound", "outbound"]
    from_: str = Field(alias="from")
    to: list[str]
    subject: str | None
    text: str | None
    timestamp: datetime


class Thread(Shown):
    inbox_id: str
    thread_id: str
    subject: str | None
    message_count: int
    preview: str | None
    messages: list[ThreadMessage]


class DomainRecord(Shown):
    type: str
    name: str
    value: str
    status: str
    priority: int | None


class Domain(Shown):
    domain_id: str
    status: str
    feedback_enabled: bool
    records: list[DomainRecord]
    created_at: datetime
    updated_at: datetime


class Webhook(Shown):
    webhook_id: str
    url: str
    event_types: list[str]
    inbox_ids: list[str]
    enabled: bool
    client_id: str | None
    created_at: datetime
    updated_at: datetime


class NewWebhook(Webhook):
    secret: str


class ApiKey(Shown):
    key_id: str
    name: str
    prefix: str
    used_at: datetime | None
    created_at: datetime


class NewApiKey(ApiKey):
    key: str


class Refused(Exception):
    """An answer that is an error, with its status, its code and where the request was wrong."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(f"{status} {error}")
        self.status = status
        self.code: str = error["code"]
        self.message: str = error["message"]
        self.paths = [problem["path"] for problem in error.get("problems", ())]


class Client:
    """Every endpoint of the text, by resource and verb; `http` is for what the text does not say."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ask(self, method: str, path: str, shape: type[T], body: Any = None, **query: Any) -> T:
        """Ask for one thing and return it. Raises Refused."""
        answer = await self.http.request(method, PREFIX + path, json=body, params=query or None)
        if answer.status_code != 200:
            raise Refused(answer.status_code, answer.json()["error"])
        return shape.model_validate_json(answer.content)

    async def _drop(self, path: str) -> None:
        answer = await self.http.delete(PREFIX + path)
        if answer.status_code != 204:
            raise Refused(answer.status_code, answer.json()["error"])
        assert answer.content == b""

    async def organization(self) -> Organization:
        return await self.ask("GET", "/organizations", Organization)

    async def create_inbox(self, username: str, **given: Any) -> Inbox:
        return await self.ask("POST", "/inboxes", Inbox, {"username": username, **given})

    async def inboxes(self, **query: int) -> Page[Inbox]:
        return await self.ask("GET", "/inboxes", Page[Inbox], **query)

    async def inbox(self, inbox: str) -> Inbox:
        return await self.ask("GET", f"/inboxes/{_at(inbox)}", Inbox)

    async def update_inbox(self, inbox: str, **given: Any) -> Inbox:
        return await self.ask("PATCH", f"/inboxes/{_at(inbox)}", Inbox, given)

    async def delete_inbox(self, inbox: str) -> None:
        await self._drop(f"/inboxes/{_at(inbox)}")

    async def send(self, inbox: str, to: str | list[str], **given: Any) -> Sent:
        return await self.ask("POST", f"/inboxes/{_at(inbox)}/messages/send", Sent, {"to": to, **given})

    async def messages(self, inbox: str, **query: int) -> Page[MessageItem]:
        return await self.ask("GET", f"/inboxes/{_at(inbox)}/messages", Page[MessageItem], **query)

    async def message(self, inbox: str, message: str) -> Message:
        return await self.ask("GET", _message(inbox, message), Message)

    async def label(self, inbox: str, message: str, labels: list[str]) -> MessageItem:
        return await self.ask("PATCH", _message(inbox, message), MessageItem, {"labels": labels})

    async def reply(self, inbox: str, message: str, **given: Any) -> Sent:
        return await self.ask("POST", f"{_message(inbox, message)}/reply", Sent, given)

    async def reply_all(self, inbox: str, message: str, **given: Any) -> Sent:
        return await self.ask("POST", f"{_message(inbox, message)}/reply-all", Sent, given)

    async def forward(self, inbox: str, message: str, to: str | list[str], **given: Any) -> Sent:
        return await self.ask("POST", f"{_message(inbox, message)}/forward", Sent, {"to": to, **given})

    async def attachment(self, inbox: str, message: str, attachment: str) -> Attachment:
        return await self.ask("GET", f"{_message(inbox, message)}/attachments/{_at(attachment)}", Attachment)

    async def threads(self, inbox: str, **query: int) -> Page[ThreadItem]:
        return await self.ask("GET", f"/inboxes/{_at(inbox)}/threads", Page[ThreadItem], **query)

    async def thread(self, inbox: str, thread: str) -> Thread:
        return await self.ask("GET", f"/inboxes/{_at(inbox)}/threads/{_at(thread)}", Thread)

    async def delete_thread(self, inbox: str, thread: str) -> None:
        await self._drop(f"/inboxes/{_at(inbox)}/threads/{_at(thread)}")

    async def create_domain(self, domain: str, **given: Any) -> Domain:
        return await self.ask("POST", "/domains", Domain, {"domain": domain, **given})

    async def domains(self, **query: int) -> Page[Domain]:
        return await self.ask("GET", "/domains", Page[Domain], **query)

    async def domain(self, domain: str) -> Domain:
        return await self.ask("GET", f"/domains/{_at(domain)}", Domain)

    async def delete_domain(self, domain: str) -> None:
        await self._drop(f"/domains/{_at(domain)}")

    async def verify_domain(self, domain: str) -> Domain:
        return await self.ask("POST", f"/domains/{_at(domain)}/verify", Domain)

    async def create_webhook(self, url: str, event_types: list[EventType], **given: Any) -> NewWebhook:
        return await self.ask("POST", "/webhooks", NewWebhook, {"url": url, "event_types": event_types, **given})

    async def webhooks(self, **query: int) -> Page[Webhook]:
        return await self.ask("GET", "/webhooks", Page[Webhook], **query)

    async def webhook(self, webhook: str) -> Webhook:
        return await self.ask("GET", f"/webhooks/{_at(webhook)}", Webhook)

    async def update_webhook(self, webhook: str, **given: Any) -> Webhook:
        return await self.ask("PATCH", f"/webhooks/{_at(webhook)}", Webhook, given)

    async def delete_webhook(self, webhook: str) -> None:
        await self._drop(f"/webhooks/{_at(webhook)}")

    async def create_key(self, name: str) -> NewApiKey:
        return await self.ask("POST", "/api-keys", NewApiKey, {"name": name})

    async def keys(self, **query: int) -> Page[ApiKey]:
        return await self.ask("GET", "/api-keys", Page[ApiKey], **query)

    async def delete_key(self, key: str) -> None:
        await self._drop(f"/api-keys/{_at(key)}")


def _at(name: str) -> str:
    return quote(name, safe="")


def _message(inbox: str, message: str) -> str:
    return f"/inboxes/{_at(inbox)}/messages/{_at(message)}"


def app(house: Bed) -> Held:
    """Return the dialect over a house; every answer is held against its document."""
    versions = iter(range(10**9))  # what a key may do is read anew at every request
    links = Links(Secret.load(house.home / "secret.key", None), lambda: BASE, house.now)
    return Held(Inai(house.desk, KeyRing(house.desk, lambda: next(versions)), links, MAX_BODY), CONTRACT)


@contextlib.asynccontextmanager
async def inai(house: Bed, api_key: str | None = None) -> AsyncIterator[Client]:
    """Give the client, as the owner when no key is named."""
    secret = api_key or await owner_key(house)
    headers = {"authorization": f"Bearer {secret}"}
    transport = httpx.ASGITransport(app(house))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as http:
        yield Client(http)
