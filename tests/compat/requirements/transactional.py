"""What the text of /v1/agent-email promises, a row each: its endpoints, and its sentences that a test can hold.

A statement with the source `choice` is ours: the text is silent there, and docs/dialects.md says it.
"""

from tests.compat.requirements.operations import OperationRow
from tests.compat.requirements.statements import Statement

_ENDPOINTS = """
mailboxes.create     POST   /mailboxes
mailboxes.list       GET    /mailboxes
mailboxes.get        GET    /mailboxes/:mailboxId
mailboxes.delete     DELETE /mailboxes/:mailboxId
messages.send        POST   /messages/send
messages.send-batch  POST   /messages/send-batch
messages.reply       POST   /messages/:messageId/reply
messages.reply-all   POST   /messages/:messageId/reply-all
messages.forward     POST   /messages/:messageId/forward
messages.cancel      POST   /messages/:messageId/cancel
inbox.list           GET    /mailboxes/:mailboxId/inbox
inbox.get            GET    /inbox/:messageId
inbox.search         GET    /mailboxes/:mailboxId/inbox/search
inbox.mark-read      POST   /inbox/mark-read
inbox.mark-unread    POST   /inbox/mark-unread
inbox.archive        POST   /inbox/archive
inbox.unarchive      POST   /inbox/unarchive
inbox.delete         DELETE /inbox
threads.list         GET    /mailboxes/:mailboxId/threads
threads.get          GET    /threads/:threadId
labels.list          GET    /mailboxes/:mailboxId/labels
labels.create        POST   /mailboxes/:mailboxId/labels
labels.add           POST   /inbox/:messageId/labels
labels.remove        DELETE /inbox/:messageId/labels/:labelName
labels.delete        DELETE /mailboxes/:mailboxId/labels/:labelName
webhooks.create      POST   /mailboxes/:mailboxId/webhooks
webhooks.list        GET    /mailboxes/:mailboxId/webhooks
webhooks.update      PATCH  /webhooks/:webhookId
webhooks.delete      DELETE /webhooks/:webhookId
webhooks.test        POST   /webhooks/:webhookId/test
domains.create       POST   /domains
domains.verify       POST   /domains/:domainId/verify
domains.list         GET    /domains
domains.get          GET    /domains/:domainId
domains.delete       DELETE /domains/:domainId
"""
ENDPOINTS = tuple(
    OperationRow(f"transactional.{name}", method, "/v1/agent-email" + path, "core")
    for name, method, path in (line.split() for line in _ENDPOINTS.strip().splitlines())
)
_STATEMENTS = """
auth.bearer               API all requests need the bearer of a key
examples                  API every example, as printed, answers with the shape shown
pages                     Inbox lists have data and meta with total, limit and offset
pages.bounds              choice a limit below 1 or over 100 and an offset below 0 are refused by name
unknown                   choice an unknown field or parameter is refused by its name
names.others-absent       choice an id of another dialect, tenant or kind is absent
mailboxes.permanent       Mailboxes a deleted mailbox takes its messages, webhooks, keys and queue with it
send.queued               Messages a message that is taken is answered with 202 and queued
send.tags                 choice tags are kept, returned, and usable as labels
send.scheduled            Messages a message with scheduledAt leaves then, by the id that it was given
cancel.scheduled          Messages a scheduled message is cancelled, one that was sent is not
batch.whole               choice a batch is accepted as a whole or refused as a whole
batch.outcomes            choice each message of a batch has an outcome of its own
inbox.received            choice the inbox lists what was received, the newest first
inbox.filters             Inbox unread, label, from, after and before each narrow the list and its total
inbox.sort                Inbox sort is received_at, desc or asc
inbox.full                Inbox a message is shown with htmlBody, textBody, headers and attachments
inbox.read                Inbox read is false until the message is marked, or shown with markRead=true
inbox.archived            choice label inbox is on what was received, archive takes it off, unarchive puts it back
inbox.bulk                choice what names many messages does all or nothing
search.words              Inbox a search finds words, and counts what it finds
threads.chronological     Threads a thread has all its messages, oldest first
labels.listed             choice the labels of a mailbox are those that were made and those in use
labels.color              Labels a label has a colour
labels.deleted            choice a label that is deleted is taken off the messages
labels.reserved           choice labels that Postroom keeps are not made, given, taken or asked for
webhooks.secret           Webhooks a secret of one's own signs the bodies, and is shown once
webhooks.body             choice a body is {id, type, createdAt, data}, data what GET shows of the object
webhooks.tested           Webhooks a test tells the webhook
webhooks.of-mailbox       Webhooks a webhook is told of its mailbox alone
domains.records           choice a domain is pending, names its records, and is verified when all are valid
errors.envelope           Error an error is {error: {code, message}}
errors.mailbox            Error MAILBOX_NOT_FOUND 404
errors.message            Error MESSAGE_NOT_FOUND 404
errors.domain             Error DOMAIN_NOT_VERIFIED 400
errors.rate               Error RATE_LIMIT_EXCEEDED 429
errors.attachment         Error ATTACHMENT_TOO_LARGE 400 over 25 MB
errors.recipient          Error INVALID_RECIPIENT 400
"""
STATEMENTS = tuple(
    Statement(f"transactional.{name}", f"transactional.txt {section}", text)
    for name, section, text in (line.split(None, 2) for line in _STATEMENTS.strip().splitlines())
)
