"""What another server says of inboxes, messages and drafts, read as far as moving needs it; what is not so is refused.

The words are anybody's: nothing here is trusted further than its type and its length.
"""

from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from postroom.cli.source import SourceError
from postroom.model.address import is_address

MAX_ID = 1000
_MAX_NAMES = 200
T = TypeVar("T", bound="Told")


def _encodable(value: object) -> object:
    if isinstance(value, str):
        value.encode()  # JSON can spell half a surrogate pair, which no path and no database can hold
    return value


def _strings(value: object) -> object:
    """Take a list of strings as far as it is one."""
    items = [value] if isinstance(value, str) else value
    return list(filter(_is_kept, items))[:_MAX_NAMES] if isinstance(items, list) else []


def _is_kept(item: object) -> bool:
    # A text of no Unicode is one whose letters JSON could spell and UTF-8 cannot.
    return isinstance(item, str) and len(item) <= MAX_ID and item == item.encode("utf-8", "ignore").decode()


Id = Annotated[str, Field(min_length=1, max_length=MAX_ID), BeforeValidator(_encodable)]
Strings = Annotated[tuple[str, ...], BeforeValidator(_strings)]


class Told(BaseModel):
    """What a server says: fields that are not asked for are nobody's business."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ThereInbox(Told):
    """An inbox there. `inbox_id` is its address, or `email` is."""

    inbox_id: Id
    email: str | None = None
    display_name: str | None = None
    client_id: str | None = None
    metadata: dict[str, Any] | None = None
    status: str | None = None

    @property
    def address(self) -> str:
        return self.email or self.inbox_id


class ThereMessage(Told):
    """A message as it is listed there."""

    message_id: Id
    thread_id: Id
    timestamp: AwareDatetime
    labels: Strings = ()
    from_: str = Field(default="", alias="from")
    bcc: Strings = ()
    size: int = 0

    @property
    def milliseconds(self) -> int:
        """The timestamp in UTC milliseconds, not before 1970."""
        return max(0, int(self.timestamp.timestamp() * 1000 + 0.5))


class ThereFile(Told):
    """A file of a draft."""

    attachment_id: Id
    filename: str | None = None
    content_type: str | None = None
    content_disposition: str | None = None
    content_id: str | None = None


class ThereDraft(Told):
    """A draft."""

    draft_id: Id
    client_id: str | None = None
    labels: Strings = ()
    to: Strings = ()
    cc: Strings = ()
    bcc: Strings = ()
    reply_to: Strings = ()
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    in_reply_to: str | None = None
    forward_of: str | None = None
    send_at: str | None = None
    attachments: tuple[ThereFile, ...] | None = None


class ThereEntry(Told):
    """An entry of an allow or block list."""

    entry: Id
    reason: str | None = None


def read(kind: type[T], given: Any) -> T:
    """Return what a server says as a record. Raises SourceError where it is none."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        at = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, at["loc"])) or "it"
        raise SourceError(f"What the server says of it cannot be read ({where}: {at['msg']}).", 200) from None


def name_of(given: Any, field: str) -> str:
    """Return how to name something that may be anything."""
    named = given.get(field) if isinstance(given, dict) else None
    return named[:MAX_ID] if isinstance(named, str) else "?"


def checked_address(inbox: ThereInbox) -> str:
    """Return the address of an inbox there. Raises SourceError."""
    if not is_address(inbox.address):
        raise SourceError("Its id is no address.", 200)
    return inbox.address
