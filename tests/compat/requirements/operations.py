"""The operations of the official client, one row each, named as it names them. What is core is promised; of what is
possible or the hosted service's own, the row says what is answered instead.
"""

from dataclasses import dataclass
from typing import Literal

Mark = Literal["core", "possible", "hosted"]


@dataclass(frozen=True)
class OperationRow:
    """One operation. `path` is written as the client's reference has it."""

    id: str
    method: str
    path: str
    mark: Mark


def _rows(mark: Mark, table: str) -> tuple[OperationRow, ...]:
    rows = (line.split() for line in table.strip().splitlines())
    return tuple(OperationRow(name, method, path, mark) for name, method, path in rows)


CORE = _rows(
    "core",
    """
auth.me                         GET    /v0/auth/me
metrics.query_events            GET    /v0/metrics/events
metrics.query_usage             GET    /v0/metrics/usage
metrics.query_rates             GET    /v0/metrics/rates
api_keys.list                   GET    /v0/api-keys
api_keys.get                    GET    /v0/api-keys/{api_key_id}
api_keys.create                 POST   /v0/api-keys
api_keys.update                 PATCH  /v0/api-keys/{api_key_id}
api_keys.delete                 DELETE /v0/api-keys/{api_key_id}
domains.list                    GET    /v0/domains
domains.get                     GET    /v0/domains/{domain_id}
domains.get_zone_file           GET    /v0/domains/{domain_id}/zone-file
domains.create                  POST   /v0/domains
domains.update                  PATCH  /v0/domains/{domain_id}
domains.delete                  DELETE /v0/domains/{domain_id}
domains.verify                  POST   /v0/domains/{domain_id}/verify
drafts.list                     GET    /v0/drafts
drafts.get                      GET    /v0/drafts/{draft_id}
drafts.get_attachment           GET    /v0/drafts/{draft_id}/attachments/{attachment_id}
lists.list                      GET    /v0/lists/{direction}/{type}
lists.get                       GET    /v0/lists/{direction}/{type}/{entry}
lists.create                    POST   /v0/lists/{direction}/{type}
lists.delete                    DELETE /v0/lists/{direction}/{type}/{entry}
inboxes.list                    GET    /v0/inboxes
inboxes.search                  GET    /v0/inboxes/search
inboxes.get                     GET    /v0/inboxes/{inbox_id}
inboxes.create                  POST   /v0/inboxes
inboxes.update                  PATCH  /v0/inboxes/{inbox_id}
inboxes.delete                  DELETE /v0/inboxes/{inbox_id}
inboxes.metrics.query_events    GET    /v0/inboxes/{inbox_id}/metrics/events
inboxes.metrics.query_usage     GET    /v0/inboxes/{inbox_id}/metrics/usage
inboxes.metrics.query_rates     GET    /v0/inboxes/{inbox_id}/metrics/rates
inboxes.api_keys.list           GET    /v0/inboxes/{inbox_id}/api-keys
inboxes.api_keys.create         POST   /v0/inboxes/{inbox_id}/api-keys
inboxes.api_keys.update         PATCH  /v0/inboxes/{inbox_id}/api-keys/{api_key_id}
inboxes.api_keys.delete         DELETE /v0/inboxes/{inbox_id}/api-keys/{api_key_id}
inboxes.events.list             GET    /v0/inboxes/{inbox_id}/events
inboxes.drafts.list             GET    /v0/inboxes/{inbox_id}/drafts
inboxes.drafts.get              GET    /v0/inboxes/{inbox_id}/drafts/{draft_id}
inboxes.drafts.get_attachment   GET    /v0/inboxes/{inbox_id}/drafts/{draft_id}/attachments/{attachment_id}
inboxes.drafts.create           POST   /v0/inboxes/{inbox_id}/drafts
inboxes.drafts.update           PATCH  /v0/inboxes/{inbox_id}/drafts/{draft_id}
inboxes.drafts.delete           DELETE /v0/inboxes/{inbox_id}/drafts/{draft_id}
inboxes.drafts.send             POST   /v0/inboxes/{inbox_id}/drafts/{draft_id}/send
inboxes.lists.list              GET    /v0/inboxes/{inbox_id}/lists/{direction}/{type}
inboxes.lists.get               GET    /v0/inboxes/{inbox_id}/lists/{direction}/{type}/{entry}
inboxes.lists.create            POST   /v0/inboxes/{inbox_id}/lists/{direction}/{type}
inboxes.lists.delete            DELETE /v0/inboxes/{inbox_id}/lists/{direction}/{type}/{entry}
inboxes.messages.list           GET    /v0/inboxes/{inbox_id}/messages
inboxes.messages.search         GET    /v0/inboxes/{inbox_id}/messages/search
inboxes.messages.get            GET    /v0/inboxes/{inbox_id}/messages/{message_id}
inboxes.messages.batch_get      POST   /v0/inboxes/{inbox_id}/messages/batch-get
inboxes.messages.batch_update   POST   /v0/inboxes/{inbox_id}/messages/batch-update
inboxes.messages.get_attachment GET    /v0/inboxes/{inbox_id}/messages/{message_id}/attachments/{attachment_id}
inboxes.messages.get_raw        GET    /v0/inboxes/{inbox_id}/messages/{message_id}/raw
inboxes.messages.update         PATCH  /v0/inboxes/{inbox_id}/messages/{message_id}
inboxes.messages.delete         DELETE /v0/inboxes/{inbox_id}/messages/{message_id}
inboxes.messages.send           POST   /v0/inboxes/{inbox_id}/messages/send
inboxes.messages.reply          POST   /v0/inboxes/{inbox_id}/messages/{message_id}/reply
inboxes.messages.reply_all      POST   /v0/inboxes/{inbox_id}/messages/{message_id}/reply-all
inboxes.messages.forward        POST   /v0/inboxes/{inbox_id}/messages/{message_id}/forward
inboxes.threads.list            GET    /v0/inboxes/{inbox_id}/threads
inboxes.threads.search          GET    /v0/inboxes/{inbox_id}/threads/search
inboxes.threads.get             GET    /v0/inboxes/{inbox_id}/threads/{thread_id}
inboxes.threads.get_attachment  GET    /v0/inboxes/{inbox_id}/threads/{thread_id}/attachments/{attachment_id}
inboxes.threads.update          PATCH  /v0/inboxes/{inbox_id}/threads/{thread_id}
inboxes.threads.delete          DELETE /v0/inboxes/{inbox_id}/threads/{thread_id}
inboxes.webhooks.list           GET    /v0/inboxes/{inbox_id}/webhooks
inboxes.webhooks.get            GET    /v0/inboxes/{inbox_id}/webhooks/{webhook_id}
inboxes.webhooks.get_headers    GET    /v0/inboxes/{inbox_id}/webhooks/{webhook_id}/headers
inboxes.webhooks.create         POST   /v0/inboxes/{inbox_id}/webhooks
inboxes.webhooks.update         PATCH  /v0/inboxes/{inbox_id}/webhooks/{webhook_id}
inboxes.webhooks.update_headers PATCH  /v0/inboxes/{inbox_id}/webhooks/{webhook_id}/headers
inboxes.webhooks.delete         DELETE /v0/inboxes/{inbox_id}/webhooks/{webhook_id}
threads.list                    GET    /v0/threads
threads.search                  GET    /v0/threads/search
threads.get                     GET    /v0/threads/{thread_id}
threads.get_attachment          GET    /v0/threads/{thread_id}/attachments/{attachment_id}
threads.update                  PATCH  /v0/threads/{thread_id}
threads.delete                  DELETE /v0/threads/{thread_id}
organizations.get               GET    /v0/organizations
webhooks.list                   GET    /v0/webhooks
webhooks.get                    GET    /v0/webhooks/{webhook_id}
webhooks.get_headers            GET    /v0/webhooks/{webhook_id}/headers
webhooks.create                 POST   /v0/webhooks
webhooks.update                 PATCH  /v0/webhooks/{webhook_id}
webhooks.update_headers         PATCH  /v0/webhooks/{webhook_id}/headers
webhooks.delete                 DELETE /v0/webhooks/{webhook_id}
pods.list                       GET    /v0/pods
pods.get                        GET    /v0/pods/{pod_id}
pods.create                     POST   /v0/pods
pods.delete                     DELETE /v0/pods/{pod_id}
pods.metrics.query_events       GET    /v0/pods/{pod_id}/metrics/events
pods.metrics.query_usage        GET    /v0/pods/{pod_id}/metrics/usage
pods.metrics.query_rates        GET    /v0/pods/{pod_id}/metrics/rates
pods.api_keys.list              GET    /v0/pods/{pod_id}/api-keys
pods.api_keys.create            POST   /v0/pods/{pod_id}/api-keys
pods.api_keys.update            PATCH  /v0/pods/{pod_id}/api-keys/{api_key_id}
pods.api_keys.delete            DELETE /v0/pods/{pod_id}/api-keys/{api_key_id}
pods.domains.list               GET    /v0/pods/{pod_id}/domains
pods.domains.get                GET    /v0/pods/{pod_id}/domains/{domain_id}
pods.domains.get_zone_file      GET    /v0/pods/{pod_id}/domains/{domain_id}/zone-file
pods.domains.create             POST   /v0/pods/{pod_id}/domains
pods.domains.update             PATCH  /v0/pods/{pod_id}/domains/{domain_id}
pods.domains.delete             DELETE /v0/pods/{pod_id}/domains/{domain_id}
pods.domains.verify             POST   /v0/pods/{pod_id}/domains/{domain_id}/verify
pods.drafts.list                GET    /v0/pods/{pod_id}/drafts
pods.drafts.get                 GET    /v0/pods/{pod_id}/drafts/{draft_id}
pods.drafts.get_attachment      GET    /v0/pods/{pod_id}/drafts/{draft_id}/attachments/{attachment_id}
pods.lists.list                 GET    /v0/pods/{pod_id}/lists/{direction}/{type}
pods.lists.get                  GET    /v0/pods/{pod_id}/lists/{direction}/{type}/{entry}
pods.lists.create               POST   /v0/pods/{pod_id}/lists/{direction}/{type}
pods.lists.delete               DELETE /v0/pods/{pod_id}/lists/{direction}/{type}/{entry}
pods.inboxes.list               GET    /v0/pods/{pod_id}/inboxes
pods.inboxes.search             GET    /v0/pods/{pod_id}/inboxes/search
pods.inboxes.get                GET    /v0/pods/{pod_id}/inboxes/{inbox_id}
pods.inboxes.create             POST   /v0/pods/{pod_id}/inboxes
pods.inboxes.update             PATCH  /v0/pods/{pod_id}/inboxes/{inbox_id}
pods.inboxes.delete             DELETE /v0/pods/{pod_id}/inboxes/{inbox_id}
pods.threads.list               GET    /v0/pods/{pod_id}/threads
pods.threads.search             GET    /v0/pods/{pod_id}/threads/search
pods.threads.get                GET    /v0/pods/{pod_id}/threads/{thread_id}
pods.threads.get_attachment     GET    /v0/pods/{pod_id}/threads/{thread_id}/attachments/{attachment_id}
pods.threads.update             PATCH  /v0/pods/{pod_id}/threads/{thread_id}
pods.threads.delete             DELETE /v0/pods/{pod_id}/threads/{thread_id}
pods.webhooks.list              GET    /v0/pods/{pod_id}/webhooks
pods.webhooks.get               GET    /v0/pods/{pod_id}/webhooks/{webhook_id}
pods.webhooks.get_headers       GET    /v0/pods/{pod_id}/webhooks/{webhook_id}/headers
pods.webhooks.create            POST   /v0/pods/{pod_id}/webhooks
pods.webhooks.update            PATCH  /v0/pods/{pod_id}/webhooks/{webhook_id}
pods.webhooks.update_headers    PATCH  /v0/pods/{pod_id}/webhooks/{webhook_id}/headers
pods.webhooks.delete            DELETE /v0/pods/{pod_id}/webhooks/{webhook_id}
""",
)
POSSIBLE = _rows(
    "possible",
    """
inboxes.files.create                         POST   /v0/inboxes/{inbox_id}/files
inboxes.files.complete                       POST   /v0/inboxes/{inbox_id}/files/{file_id}/complete
inboxes.files.get                            GET    /v0/inboxes/{inbox_id}/files/{file_id}
inboxes.files.list                           GET    /v0/inboxes/{inbox_id}/files
inboxes.files.delete                         DELETE /v0/inboxes/{inbox_id}/files/{file_id}
inboxes.messages.create_agent_armor_feedback POST   /v0/inboxes/{inbox_id}/messages/{message_id}/agent-armor/feedback
inboxes.messages.release_agent_armor_message POST   /v0/inboxes/{inbox_id}/messages/{message_id}/agent-armor/release
inboxes.webhooks.polling.list                GET    /v0/inboxes/{inbox_id}/webhooks/polling
inboxes.webhooks.polling.get                 GET    /v0/inboxes/{inbox_id}/webhooks/polling/{webhook_id}
inboxes.webhooks.polling.create              POST   /v0/inboxes/{inbox_id}/webhooks/polling
inboxes.webhooks.polling.delete              DELETE /v0/inboxes/{inbox_id}/webhooks/polling/{webhook_id}
inboxes.calendar.get                         GET    /v0/inboxes/{inbox_id}/calendar
inboxes.calendar.update                      PATCH  /v0/inboxes/{inbox_id}/calendar
inboxes.calendar.list_events                 GET    /v0/inboxes/{inbox_id}/calendar/events
inboxes.calendar.get_agenda                  GET    /v0/inboxes/{inbox_id}/calendar/agenda
inboxes.calendar.create_event                POST   /v0/inboxes/{inbox_id}/calendar/events
inboxes.calendar.get_event                   GET    /v0/inboxes/{inbox_id}/calendar/events/{event_id}
inboxes.calendar.update_event                PATCH  /v0/inboxes/{inbox_id}/calendar/events/{event_id}
inboxes.calendar.delete_event                DELETE /v0/inboxes/{inbox_id}/calendar/events/{event_id}
inboxes.calendar.list_event_instances        GET    /v0/inboxes/{inbox_id}/calendar/events/{event_id}/instances
inboxes.calendar.respond_to_event            POST   /v0/inboxes/{inbox_id}/calendar/events/{event_id}/respond
webhooks.polling.list                        GET    /v0/webhooks/polling
webhooks.polling.get                         GET    /v0/webhooks/polling/{webhook_id}
webhooks.polling.create                      POST   /v0/webhooks/polling
webhooks.polling.delete                      DELETE /v0/webhooks/polling/{webhook_id}
pods.webhooks.polling.list                   GET    /v0/pods/{pod_id}/webhooks/polling
pods.webhooks.polling.get                    GET    /v0/pods/{pod_id}/webhooks/polling/{webhook_id}
pods.webhooks.polling.create                 POST   /v0/pods/{pod_id}/webhooks/polling
pods.webhooks.polling.delete                 DELETE /v0/pods/{pod_id}/webhooks/polling/{webhook_id}
""",
)
HOSTED = _rows(
    "hosted",
    """
agent.sign_up           POST   /v0/agent/sign-up
agent.attach_human      POST   /v0/agent/human
agent.verify            POST   /v0/agent/verify
domains.get_setup_link  GET    /v0/domains/{domain_id}/setup-link
inboxes.authorize       POST   /v0/inboxes/{inbox_id}/authorize
inboxes.accounts.list   GET    /v0/inboxes/{inbox_id}/accounts
inboxes.accounts.get    GET    /v0/inboxes/{inbox_id}/accounts/{account_id}
apps.list               GET    /v0/apps
apps.search             GET    /v0/apps/search
apps.get                GET    /v0/apps/{app_id}
apps.list_accounts      GET    /v0/apps/{app_id}/accounts
apps.connect            POST   /v0/apps/{app_id}/connect
organizations.get_labs  GET    /v0/organizations/labs
organizations.join_labs POST   /v0/organizations/labs
accounts.list           GET    /v0/accounts
accounts.get            GET    /v0/accounts/{account_id}
accounts.update         PATCH  /v0/accounts/{account_id}/update
pods.accounts.list      GET    /v0/pods/{pod_id}/accounts
pods.accounts.get       GET    /v0/pods/{pod_id}/accounts/{account_id}
""",
)
OPERATIONS = (*CORE, *POSSIBLE, *HOSTED)
