"""The tables, and with them every column and index of the database: the only place that knows either.

Columns are text, integer, real and blob; times are integers of UTC milliseconds; lists and maps are JSON text. A table
that a caller reaches by its own query carries `org_id`, `pod_id`, `inbox_id`; the others are reached by inner keys that
such a query gave. Indexes exist for the queries that name them and for nothing else: each costs about 5 us a message.
"""

from postroom.store.tables.claims import ClaimRow
from postroom.store.tables.counts import ClientIdRow, HiddenCountRow
from postroom.store.tables.domains import DomainRow
from postroom.store.tables.drafts import DraftFileRow, DraftRow
from postroom.store.tables.labels import LabelRow, MarkCountRow, OutgoingCountRow
from postroom.store.tables.lists import ListEntryRow
from postroom.store.tables.mail import (
    DeliveryRow,
    EventRow,
    MessageBodyRow,
    MessageLabelRow,
    MessageReferenceRow,
    MessageRow,
    ThreadRow,
)
from postroom.store.tables.metrics import IdempotencyKeyRow, UsageRow
from postroom.store.tables.oauth import OAuthClientRow, OAuthGrantRow, OAuthTokenRow
from postroom.store.tables.opens import MessageOpenRow
from postroom.store.tables.policies import (
    ApprovalRow,
    CorrespondentRow,
    KeyFamilyRow,
    PolicyCountRow,
    PolicyRow,
    TaintRow,
)
from postroom.store.tables.tenants import ApiKeyRow, InboxRow, InboxWordRow, OrganizationRow, PodRow, PurgeRow
from postroom.store.tables.texts import AttachmentTextRow
from postroom.store.tables.trash import TrashRow
from postroom.store.tables.uploads import UploadRow
from postroom.store.tables.webhooks import EventWaitingRow, WebhookDeliveryRow, WebhookRow

__all__ = [
    "ApiKeyRow",
    "ApprovalRow",
    "AttachmentTextRow",
    "ClaimRow",
    "ClientIdRow",
    "CorrespondentRow",
    "DeliveryRow",
    "DomainRow",
    "DraftFileRow",
    "DraftRow",
    "EventRow",
    "EventWaitingRow",
    "HiddenCountRow",
    "IdempotencyKeyRow",
    "InboxRow",
    "InboxWordRow",
    "KeyFamilyRow",
    "LabelRow",
    "ListEntryRow",
    "MarkCountRow",
    "MessageBodyRow",
    "MessageLabelRow",
    "MessageOpenRow",
    "MessageReferenceRow",
    "MessageRow",
    "OAuthClientRow",
    "OAuthGrantRow",
    "OAuthTokenRow",
    "OrganizationRow",
    "OutgoingCountRow",
    "PodRow",
    "PolicyCountRow",
    "PolicyRow",
    "PurgeRow",
    "TaintRow",
    "ThreadRow",
    "TrashRow",
    "UploadRow",
    "UsageRow",
    "WebhookDeliveryRow",
    "WebhookRow",
]
