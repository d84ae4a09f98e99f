"""The table of operations: everything that Postroom can do, one row each. Every face reads this table.

It gives the CLI, the permission names, and the checks that every route and tool names an operation and that every
public operation has a face.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import BaseModel

from postroom.model.message import Incoming
from postroom.service import deliver, inboxes, log, messages, reading, receive, send, tenants, threads, upkeep
from postroom.service.operation import Nothing, Operation


def _row(name: str, handler: Callable[..., Any], takes: type[BaseModel], scope: str = "", **more: Any) -> Operation:
    return Operation(name=name, handler=handler, input=takes, scope=scope, **more)


_read = partial(_row, mode="read", idempotent=True)
_write = partial(_row, mode="write")
_own = partial(_row, mode="own")

_PUBLIC = (
    _write("inboxes.create", inboxes.create, inboxes.CreateInbox, "inbox_create"),
    _read("inboxes.list", inboxes.list_, inboxes.ListInboxes, "inbox_read"),
    _read("inboxes.get", inboxes.get, inboxes.InboxRef, "inbox_read"),
    _write("inboxes.update", inboxes.update, inboxes.UpdateInbox, "inbox_update", destroys=True, idempotent=True),
    _write("inboxes.delete", inboxes.delete, inboxes.InboxRef, "inbox_delete", destroys=True, idempotent=True),
    _read("threads.list", threads.list_, threads.ListThreads, "message_read"),
    _read("threads.get", threads.get, threads.GetThread, "message_read"),
    _own("threads.read", reading.read_thread, threads.GetThread, "message_read", idempotent=True),
    _read("messages.list", messages.list_, messages.ListMessages, "message_read"),
    _read("messages.get", messages.get, messages.MessageRef, "message_read"),
    _own("messages.read", reading.read, messages.MessageRef, "message_read", idempotent=True),
    _read("messages.search", messages.search, messages.SearchMessages, "message_read"),
    _own("messages.raw", messages.raw, messages.MessageRef, "message_read", idempotent=True),
    _own("messages.attachment", messages.attachment, messages.AttachmentRef, "message_read", idempotent=True),
    _write(
        "messages.update", messages.update, messages.UpdateMessage, "message_update", destroys=True, idempotent=True
    ),
    _own("messages.send", send.send, send.SendMessage, "message_send"),
    _own("messages.reply", send.reply, send.ReplyToMessage, "message_send"),
    _own("messages.forward", send.forward, send.ForwardMessage, "message_send"),
    _write("keys.create", tenants.create_key, tenants.CreateKey, "api_key_create"),
    _read("keys.list", tenants.list_keys, Nothing, "api_key_read"),
    _write("keys.delete", tenants.delete_key, tenants.KeyRef, "api_key_delete", destroys=True, idempotent=True),
    # What only the person at this machine does.
    _write("organizations.create", tenants.create_organization, tenants.CreateOrganization),
    _read("organizations.list", tenants.list_organizations, Nothing),
)

# Steps of the operations above and of the workers; no face names them.
_INTERNAL = (
    _read("messages.since", messages.since, messages.Since, "message_read", internal=True),
    _read("messages.find_raw", messages.get_raw, messages.MessageRef, "message_read", internal=True),
    _read("messages.prepare", send.prepare, send.Prepare, "message_send", internal=True),
    _write("messages.commit", send.commit, send.Departure, "message_send", internal=True),
    _write("tenants.start", tenants.start, tenants.Start, internal=True),
    _read("tenants.owner", tenants.owner, Nothing, internal=True),
    _read("tenants.authenticate", tenants.authenticate, tenants.Credentials, internal=True),
    _read("inboxes.route", inboxes.route, inboxes.RouteTo, internal=True),
    _own("mail.take", receive.take, Incoming, internal=True),
    _write("mail.file", receive.file_arrival, receive.Arrival, internal=True),
    _write("deliveries.claim", deliver.claim, deliver.Claim, internal=True),
    _read("deliveries.next_due", deliver.next_due, Nothing, internal=True),
    _read("deliveries.owners", deliver.owners, Nothing, internal=True),
    _write("deliveries.give_back", deliver.give_back, deliver.Owner, internal=True),
    _read("deliveries.find_source", deliver.find_source, deliver.MessageBytes, internal=True),
    _own("deliveries.attempt", deliver.attempt, deliver.Attempt, internal=True),
    _write("deliveries.arrive", deliver.arrive, deliver.LocalArrival, internal=True),
    _write("deliveries.defer", deliver.defer, deliver.Failure, internal=True),
    _write("deliveries.bounce", deliver.bounce, deliver.Failure, internal=True),
    _read("events.feed", log.feed, log.After, internal=True),
    _read("events.newest", log.newest, Nothing, internal=True),
    _write("search.index", upkeep.index, upkeep.Batch, alone=True, internal=True),
    _write("purges.step", upkeep.purge, upkeep.Batch, alone=True, internal=True),
    _own("blobs.sweep", upkeep.sweep, upkeep.Batch, internal=True),
    _write("blobs.delete_lone", upkeep.delete_lone_file, upkeep.LoneFile, alone=True, internal=True),
)

OPERATIONS = {operation.name: operation for operation in (*_PUBLIC, *_INTERNAL)}
