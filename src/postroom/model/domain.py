"""A domain of one's own, and the DNS records that show whose it is and where its mail goes. It looks nothing up."""

from enum import StrEnum
from typing import NamedTuple

from postroom.model.record import Record


class RecordStatus(StrEnum):
    """What the DNS said of a record when it was last asked."""

    MISSING = "MISSING"
    INVALID = "INVALID"
    VALID = "VALID"


class DomainStatus(StrEnum):
    """How far a domain is. FAILED: the DNS could not be asked; nothing is known of the records."""

    NOT_STARTED = "NOT_STARTED"
    PENDING = "PENDING"
    INVALID = "INVALID"
    FAILED = "FAILED"
    VERIFYING = "VERIFYING"
    VERIFIED = "VERIFIED"


class Finding(Record):
    """What a look-up gave for one record; `reason` is `duplicate_records` or `value_mismatch` where it is INVALID.

    `seen` is what stands in the DNS in its place, the beginnings of a few: whoever owns the domain wrote it.
    """

    status: RecordStatus = RecordStatus.MISSING
    reason: str | None = None
    seen: tuple[str, ...] = ()


class DnsRecord(Record):
    """A record to publish: `name` and an MX's `value` are absolute names without the last dot, in A-labels."""

    key: str  # spf, dkim, dmarc, mx or wildcard_mx
    type: str
    name: str
    value: str
    priority: int | None = None
    status: RecordStatus = RecordStatus.MISSING
    reason: str | None = None
    seen: tuple[str, ...] = ()


class Domain(Record):
    """`domain` is in A-labels. `verified_at` None: it carries no mail, whatever `status` says of the last look."""

    id: str
    org_id: str
    pod_id: str | None  # None: for every pod of the organization
    domain: str
    status: DomainStatus
    reason: str | None
    feedback_enabled: bool
    inbound_enabled: bool
    subdomains_enabled: bool
    tracking_enabled: bool
    records: tuple[DnsRecord, ...]
    verified_at: int | None  # UTC milliseconds, as all times here
    created_at: int
    updated_at: int


class Host(NamedTuple):
    """Whose a verified domain is and what it carries: what mail needs to know of it."""

    org_id: str
    pod_id: str | None
    name: str
    inbound_enabled: bool
    subdomains_enabled: bool
    feedback_enabled: bool
    tracking_enabled: bool
