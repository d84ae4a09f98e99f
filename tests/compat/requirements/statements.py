"""The promises that hold for all resources: the wire, errors, pages, filters, idempotency, labels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """One promise. `source` is where it was given, `text` says it in a few words of ours; of one that is not kept as it
    was given, `divergence` says what happens instead and why: its tests show that.
    """

    id: str
    source: str
    text: str
    divergence: str | None = None


COMMON: tuple[Statement, ...] = (
    Statement(
        "transport.dates-of-any-zone",
        "agentmail.md 2.1",
        "dates with an offset, a Z or milliseconds are taken for the moment they name",
    ),
    Statement("transport.dates-shown-in-utc", "agentmail.md 2.1", "every date is shown in UTC with milliseconds and Z"),
    Statement(
        "transport.bearer-key",
        "agentmail.md 2.1",
        "the key comes as a bearer's in Authorization; none, another scheme and an unknown one are told apart",
    ),
    Statement("transport.empty-body", "agentmail.md 0.7", "a request whose body is empty is one without fields"),
    Statement("transport.null-is-not-absent", "agentmail.md 0.7", "a null clears where absence keeps"),
    Statement(
        "transport.lists-in-every-spelling",
        "agentmail.md 0.2",
        "a list in a query comes as a JSON array, repeated, with commas or numbered",
    ),
    Statement(
        "transport.ids-with-any-letter",
        "agentmail.md 0.3",
        "a Message-ID in a path may hold slashes and brackets, encoded or not",
    ),
    Statement(
        "transport.ids-of-our-own-are-plain",
        "agentmail.md 0.3",
        "the Message-IDs that are made here need no encoding",
    ),
    Statement("transport.no-501", "agentmail.md 0.6", "what is not offered is never answered with 5xx"),
    Statement(
        "transport.no-5xx-once-queued",
        "agentmail.md 0.6",
        "once mail is queued the answer is no 5xx, whatever fails after",
    ),
    Statement("errors.envelope", "agentmail.md 2.2", "an error is name, code, message and what to do"),
    Statement(
        "errors.400-has-paths",
        "agentmail.md 2.2",
        "a 400 lists each problem with its path and a message, and has a message itself",
    ),
    Statement(
        "errors.typed",
        "agentmail.md 2.2",
        "each status is the class that the client has for it on that operation",
    ),
    Statement(
        "errors.unknown-key",
        "agentmail.md 2.2",
        "a key that ended, was deleted or never was is 401 unknown_api_key",
    ),
    Statement(
        "errors.missing-permission",
        "agentmail.md 2.2",
        "what a key may not do is 403 missing_permission, and fix names the permission",
    ),
    Statement(
        "errors.event-permission",
        "agentmail.md 2.2",
        "a subscription to events that a key may not see is refused, the permission named",
    ),
    Statement(
        "errors.out-of-scope-is-absent",
        "agentmail.md 2.2",
        "what lies outside a key's scope answers exactly as what does not exist",
    ),
    Statement(
        "errors.hidden-is-absent",
        "agentmail.md 2.2",
        "hidden mail is 404 to a key without its label's permission",
    ),
    Statement("errors.retry-after-1", "agentmail.md 2.2", "429 and 503 say Retry-After 1"),
    Statement("errors.rate", "agentmail.md 2.2", "a spent rate is 429 rate_limit_exceeded, Retry-After its seconds"),
    Statement("errors.invalid-page-token", "agentmail.md 2.2", "a page token that was made up is a 400"),
    Statement("errors.cannot-delete", "agentmail.md 2.2", "deleting what something hangs on is 409 cannot_delete"),
    Statement(
        "errors.range-too-wide",
        "agentmail.md 2.2",
        "a range of metrics that is too wide is 422 query_range_too_wide",
    ),
    Statement(
        "pages.count-is-the-page",
        "agentmail.md 2.3",
        "count is the number of items of this page, limit what was asked for",
    ),
    Statement("pages.last-has-no-token", "agentmail.md 2.3", "the last page has no next_page_token"),
    Statement("pages.token-is-of-its-list", "agentmail.md 2.3", "a page token is good for the list that gave it alone"),
    Statement("pages.limit-1-to-100", "agentmail.md 2.3", "a page has at most 100 items, searches too"),
    Statement(
        "pages.thread-messages",
        "agentmail.md 2.3",
        "the messages of a thread come in pages from the newest backwards, each in order",
    ),
    Statement("pages.batch-sizes", "agentmail.md 2.3", "at most 500 ids are got and 50 changed in a batch"),
    Statement("pages.metrics-1000", "agentmail.md 2.3", "a kind has at most 1,000 points"),
    Statement("order.inboxes", "agentmail.md 2.3", "inboxes come newest first, or oldest with ascending"),
    Statement("order.pods", "agentmail.md 2.3", "pods come newest first, or oldest with ascending"),
    Statement("order.keys", "agentmail.md 2.3", "keys come newest first, or oldest with ascending"),
    Statement("order.webhooks", "agentmail.md 2.3", "webhooks come newest first, or oldest with ascending"),
    Statement("order.domains", "agentmail.md 2.3", "domains come newest first"),
    Statement("order.messages", "agentmail.md 2.3", "messages come by timestamp, newest first"),
    Statement("order.threads", "agentmail.md 2.3", "threads come by timestamp, newest first, sent ones among them"),
    Statement("order.drafts", "agentmail.md 2.3", "drafts come by their last change, newest first"),
    Statement("order.list-entries", "agentmail.md 2.3", "list entries come by entry"),
    Statement("order.inbox-events", "agentmail.md 2.3", "the events of an inbox come by event_id, newest first"),
    Statement("filters.before-and-after", "agentmail.md 2.3", "before is exclusive, after inclusive"),
    Statement("filters.all-labels", "agentmail.md 2.3", "of several labels all must be there"),
    Statement(
        "filters.all-words",
        "agentmail.md 2.3",
        "from, to, subject, senders and recipients find substrings, all of which must match",
    ),
    Statement("filters.to-covers-copies", "agentmail.md 2.3", "to looks at cc and bcc too"),
    Statement(
        "filters.hidden-by-default",
        "agentmail.md 2.3",
        "spam, blocked, unauthenticated and trash are listed only when asked for",
    ),
    Statement(
        "filters.hidden-needs-permission",
        "agentmail.md 2.3",
        "asking for hidden mail takes its label's permission",
    ),
    Statement("search.excludes-hidden", "agentmail.md 2.3", "no search finds hidden mail"),
    Statement(
        "search.highlights",
        "agentmail.md 2.3",
        "a match shows its words between asterisks, by field, a key only where one matched",
    ),
    Statement(
        "search.ranked",
        "agentmail.md 2.3",
        "results of a search are ranked",
        "newest first instead: a page that is walked shifts under no mail that arrives",
    ),
    Statement(
        "search.inbox-prefix",
        "agentmail.md 2.3",
        "inboxes are found by the beginnings of the words of address and name, q of 2 to 256 characters",
    ),
    Statement("search.inbox-exact-first", "agentmail.md 2.3", "the inbox of exactly that address comes first"),
    Statement(
        "idempotency.client-id-gives-the-first",
        "agentmail.md 2.4",
        "a second create with one client_id returns the first object and ignores the new body",
    ),
    Statement(
        "idempotency.client-id-characters",
        "agentmail.md 2.4",
        "a client_id has no @ and at most 256 characters",
    ),
    Statement(
        "idempotency.key-replays",
        "agentmail.md 2.4",
        "the same key gives the first message again and sends nothing",
    ),
    Statement("idempotency.key-characters", "agentmail.md 2.4", "an empty key or one of other characters is a 400"),
    Statement(
        "idempotency.other-request-409",
        "agentmail.md 2.4",
        "a key with another content, inbox or endpoint is 409 conflict",
    ),
    Statement("idempotency.in-progress-409", "agentmail.md 2.4", "a key whose first try runs is 409"),
    Statement(
        "idempotency.of-the-organization",
        "agentmail.md 2.4",
        "a key is the whole organization's and no other's",
    ),
    Statement("idempotency.24-hours", "agentmail.md 2.4", "a key is free again 24 hours after its message"),
    Statement("labels.lower-case", "agentmail.md 2.5", "labels are kept in lower case"),
    Statement("labels.system-refused", "agentmail.md 2.5", "labels that the system sets are nobody else's: 400"),
    Statement(
        "labels.of-drafts",
        "agentmail.md 2.5",
        "a draft has draft, with send_at also scheduled, and neither can be set",
    ),
    Statement("labels.unread", "agentmail.md 2.5", "every received message is unread until the label is removed"),
    Statement("labels.string-or-list", "agentmail.md 2.5", "messages take one label or a list, threads lists alone"),
    Statement(
        "labels.removal-wins-on-threads",
        "agentmail.md 2.5",
        "a label of a thread that is added and removed at once is removed",
    ),
    Statement("labels.long-thread-422", "agentmail.md 2.5", "a thread of 100 messages is not labelled whole: 422"),
    Statement(
        "labels.batch-is-atomic",
        "agentmail.md 2.5",
        "a batch is labelled whole or not at all; unknown ids are passed over; limit and count say how many",
    ),
    Statement("labels.of-a-thread", "agentmail.md 2.5", "a thread has the labels of all its messages"),
    Statement("labels.journal", "agentmail.md 2.5", "every change of a label is told in the inbox's events"),
    Statement("webhooks.client-id-is-of-its-place", "agentmail.md 2.4", "one client_id in two places is two objects"),
)
