"""The permission that each operation of the desk asks of a key, where a route of `/v0` leads to it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PermissionRow:
    """One operation, as the catalogue names it, and its permission, as keys have it."""

    operation: str
    permission: str

    @property
    def id(self) -> str:
        """The name of the promise."""
        return f"permission.{self.operation}"


def _rows(table: str) -> tuple[PermissionRow, ...]:
    return tuple(PermissionRow(*line.split()) for line in table.strip().splitlines())


PERMISSIONS = _rows(
    """
domains.create           domain_create
domains.delete           domain_delete
domains.get              domain_read
domains.list             domain_read
domains.update           domain_update
domains.verify           domain_update
domains.zone_file        domain_read
drafts.create            draft_create
drafts.delete            draft_delete
drafts.find_attachment   draft_read
drafts.get               draft_read
drafts.list              draft_read
drafts.send              draft_send
drafts.update            draft_update
inboxes.create           inbox_create
inboxes.delete           inbox_delete
inboxes.events           message_read
inboxes.get              inbox_read
inboxes.list             inbox_read
inboxes.search           inbox_read
inboxes.update           inbox_update
keys.create              api_key_create
keys.delete              api_key_delete
keys.get                 api_key_read
keys.list                api_key_read
keys.update              api_key_update
lists.create             list_entry_create
lists.delete             list_entry_delete
lists.get                list_entry_read
lists.list               list_entry_read
messages.batch_get       message_read
messages.batch_update    message_update
messages.delete          message_delete
messages.find_attachment message_read
messages.forward         message_send
messages.get             message_read
messages.list            message_read
messages.reply           message_send
messages.search          message_read
messages.send            message_send
messages.update          message_update
metrics.query_events     metrics_read
metrics.query_rates      metrics_read
metrics.query_usage      metrics_read
pods.create              pod_create
pods.delete              pod_delete
pods.get                 pod_read
pods.list                pod_read
threads.delete           message_delete
threads.find_attachment  message_read
threads.get              message_read
threads.list             message_read
threads.search           message_read
threads.update           message_update
webhooks.create          webhook_create
webhooks.delete          webhook_delete
webhooks.get             webhook_read
webhooks.header_names    webhook_read
webhooks.list            webhook_read
webhooks.update          webhook_update
webhooks.update_headers  webhook_update
"""
)
