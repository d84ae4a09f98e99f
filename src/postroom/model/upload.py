"""Files that were handed in to be attached later, each known by its handle."""

from postroom.model.record import Record


class UploadedFile(Record):
    """A file of an inbox that its handle names until `expires_at` (UTC milliseconds, as all times here)."""

    handle: str
    org_id: str
    pod_id: str
    inbox_id: str
    inbox_address: str
    filename: str | None
    content_type: str
    size: int  # bytes
    sha256: str  # hex, of the bytes
    created_at: int
    expires_at: int
