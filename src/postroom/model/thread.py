"""A thread: a conversation as one inbox sees it. Other inboxes have threads of their own for the same mail."""

from postroom.model.record import Record


class Thread(Record):
    """Times are UTC milliseconds; `labels` is the union over its messages; `size` the sum of theirs in bytes."""

    seq: int  # its number in the store: the order within one millisecond
    thread_id: str
    org_id: str
    pod_id: str
    inbox_id: str
    inbox_address: str
    subject: str | None
    preview: str | None
    labels: tuple[str, ...]
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    last_message_id: str  # public id
    message_count: int
    size: int
    timestamp: int
    received_timestamp: int | None
    sent_timestamp: int | None
    created_at: int
    updated_at: int
    last_id: str | None = None  # inner id of its newest message, where a page by number asked for it
