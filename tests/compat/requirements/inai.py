"""What the text of /api/v0 promises, a row each: its endpoints, and its sentences that a test can hold.

A statement with the source `choice` is ours: the text is silent there, and docs/dialects.md says it.
"""

from tests.compat.requirements.operations import OperationRow
from tests.compat.requirements.statements import Statement

_ENDPOINTS = """
organizations.get       GET    /api/v0/organizations
inboxes.create          POST   /api/v0/inboxes
inboxes.list            GET    /api/v0/inboxes
inboxes.get             GET    /api/v0/inboxes/:inboxId
inboxes.update          PATCH  /api/v0/inboxes/:inboxId
inboxes.delete          DELETE /api/v0/inboxes/:inboxId
messages.send           POST   /api/v0/inboxes/:inboxId/messages/send
messages.list           GET    /api/v0/inboxes/:inboxId/messages
messages.get            GET    /api/v0/inboxes/:inboxId/messages/:messageId
messages.update         PATCH  /api/v0/inboxes/:inboxId/messages/:messageId
messages.reply          POST   /api/v0/inboxes/:inboxId/messages/:messageId/reply
messages.reply_all      POST   /api/v0/inboxes/:inboxId/messages/:messageId/reply-all
messages.forward        POST   /api/v0/inboxes/:inboxId/messages/:messageId/forward
messages.get_attachment GET    /api/v0/inboxes/:inboxId/messages/:messageId/attachments/:attachmentId
threads.list            GET    /api/v0/inboxes/:inboxId/threads
threads.get             GET    /api/v0/inboxes/:inboxId/threads/:threadId
threads.delete          DELETE /api/v0/inboxes/:inboxId/threads/:threadId
domains.create          POST   /api/v0/domains
domains.list            GET    /api/v0/domains
domains.get             GET    /api/v0/domains/:domainId
domains.delete          DELETE /api/v0/domains/:domainId
domains.verify          POST   /api/v0/domains/:domainId/verify
webhooks.create         POST   /api/v0/webhooks
webhooks.list           GET    /api/v0/webhooks
webhooks.get            GET    /api/v0/webhooks/:webhookId
webhooks.update         PATCH  /api/v0/webhooks/:webhookId
webhooks.delete         DELETE /api/v0/webhooks/:webhookId
keys.create             POST   /api/v0/api-keys
keys.list               GET    /api/v0/api-keys
keys.delete             DELETE /api/v0/api-keys/:keyId
"""
ENDPOINTS = tuple(
    OperationRow(f"inai.{name}", method, path, "core")
    for name, method, path in (line.split() for line in _ENDPOINTS.strip().splitlines())
)
_STATEMENTS = """
auth.bearer              Authentication every request needs the bearer of a key, but for the document
pagination               Pagination page counts from 1, page_size is 20 where none is given; both come back
pagination.totals        Pagination total is how many the whole list has, filtered or not
pagination.bounds        Pagination a page below 1, a page_size below 1 or over 100, and what is no number are refused
examples                 Examples every example, as printed, answers with the shape shown
errors.envelope          choice an error is {error: {code, message, fix}}, of a wrong request with problems
errors.rate              choice a spent rate is 429 rate_limit_exceeded, Retry-After its seconds
errors.unknown           choice an unknown field or parameter is refused by its name
names.stable             choice names stay the same and are of the objects that other dialects show
names.others-absent      choice an id of another dialect, tenant or kind is absent
organization.limits      Organizations inbox_limit and domain_limit are kept to, in every dialect
inboxes.username         Inboxes the username is required, of a-zA-Z0-9._%+-
inboxes.domain           Inboxes the domain is the server's where none is given
inboxes.client-id-tracks Inboxes client_id is for tracking: two inboxes may have one
inboxes.unchanged        choice a change without a field changes nothing, and null takes the display name off
send.recipients          Messages to, cc, bcc and reply_to are a string or a list
send.labels              Messages labels are put on the message that is sent
send.headers             Messages custom headers are sent along and shown
send.attachments         Messages attachments come in base64 or from an address
messages.order           Messages sent and received messages are listed by time, the newest first
messages.hidden          choice what is spam, blocked, unauthenticated or in the trash is neither listed nor counted
labels.own-alone         Messages an update replaces the caller's labels; the system's are neither shown nor lost
reply.to-sender          Messages a reply goes to the sender, or to the Reply-To address
reply.threading          Messages In-Reply-To and References are set
reply-all.everybody      Messages a reply to all goes to sender, To and Cc without the inbox itself, cc is additional
forward.new-thread       Messages a forward opens a thread of its own
forward.includes         Messages a forward has the original, and its files, where nothing is given instead
forward.override         Messages text or html given for a forward stands in the place of the original
attachment.expires       Messages the address of an attachment ends after a short period
threads.order            Threads threads are listed by their latest message
threads.whole            Threads a thread has all its messages, oldest first
threads.delete-all       Threads a deleted thread takes its messages with it
domains.records          Domains a new domain is PENDING and names the records to publish
domains.feedback         Domains feedback_enabled is true where nothing is given
domains.verified         Domains when all records are valid the domain is VERIFIED
webhooks.secret-once     Webhooks the secret is shown when the webhook is made and never again, in no dialect
webhooks.events          Webhooks seven types of events may be asked for, and one at least
webhooks.inbox-filter    Webhooks inbox_ids confine a webhook to these inboxes; empty is all, and it can be changed
webhooks.client-id       Webhooks client_id is for tracking: two webhooks may have one
webhooks.body            choice a body is {id, type, created_at, data}, data what GET shows of the object
webhooks.signature       choice bodies are signed as everywhere
keys.once                API Keys the whole key is shown when it is made and never again
keys.prefix              API Keys keys begin with inai_, and lists show their beginning
keys.everywhere          choice a key that is made here opens every dialect, as far as its maker reaches
keys.used-at             API Keys used_at is when the key was last used, to the minute
keys.revoked             API Keys a deleted key opens nothing any more
"""
STATEMENTS = tuple(
    Statement(f"inai.{name}", "inai.txt " + (rest.split()[0] if rest.split()[0] != "API" else "API Keys"), rest)
    for name, rest in (line.split(None, 1) for line in _STATEMENTS.strip().splitlines())
)
