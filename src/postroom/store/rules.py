"""What a rule of the invariants is, and those over totals, keys of requests, and access by OAuth. Read-only."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`sql` selects one text column, the rows that break the rule; `says` is the sentence with `{}` for that text."""

    says: str
    sql: str


_LAST_USAGE = "LEFT JOIN usage u ON u.place = {0} AND u.at = (SELECT max(at) FROM usage WHERE place = {0})"
_HIDDEN = " OR ".join(f"instr(labels, '\"{label}\"') > 0" for label in ("spam", "blocked", "unauthenticated", "trash"))
COUNTED = (
    Rule(
        "the last usage of inbox {} is not what it holds",
        f"SELECT i.inbox_id FROM inbox i {_LAST_USAGE.format('i.inbox_id')}"
        " LEFT JOIN (SELECT inbox_id, sum(message_count) AS m, sum(size) AS b, count(*) AS n FROM thread"
        " GROUP BY inbox_id) t ON t.inbox_id = i.inbox_id WHERE coalesce(u.messages, 0) <> coalesce(t.m, 0)"
        " OR coalesce(u.bytes, 0) <> coalesce(t.b, 0) OR coalesce(u.threads, 0) <> coalesce(t.n, 0)",
    ),
    *(
        Rule(
            f"the last usage of {table} {{}} is not what it holds",
            f"SELECT o.id FROM {table} o {_LAST_USAGE.format('o.id')}"
            f" LEFT JOIN (SELECT {column}, sum(message_count) AS m, sum(size) AS b, count(*) AS n FROM thread"
            f" GROUP BY {column}) t ON t.{column} = o.id WHERE coalesce(u.messages, 0) <> coalesce(t.m, 0)"
            " OR coalesce(u.bytes, 0) <> coalesce(t.b, 0) OR coalesce(u.threads, 0) <> coalesce(t.n, 0)"
            f" OR coalesce(u.inboxes, 0) <> (SELECT count(*) FROM inbox WHERE {column} = o.id)"
            f" OR coalesce(u.domains, 0) <> (SELECT count(*) FROM domain WHERE {column} = o.id)"
            + (
                " OR coalesce(u.pods, 0) <> (SELECT count(*) FROM pod WHERE org_id = o.id)"
                if column == "org_id"
                else ""
            ),
        )
        for table, column in (("pod", "pod_id"), ("organization", "org_id"))
    ),
    Rule(
        "the count of what inbox {} hides is not what it hides",
        f"SELECT inbox_id FROM (SELECT inbox_id, 1 AS m, 0 AS t FROM message WHERE {_HIDDEN} UNION ALL"
        f" SELECT inbox_id, 0, 1 FROM thread WHERE {_HIDDEN} UNION ALL"
        " SELECT inbox_id, -messages, -threads FROM hidden_count) GROUP BY inbox_id HAVING sum(m) <> 0 OR sum(t) <> 0",
    ),
    Rule(
        "client id {} is of no inbox or webhook that has it",
        "SELECT c.client_id FROM client_id c LEFT JOIN inbox i ON i.inbox_id = c.id AND i.client_id = c.client_id"
        " AND i.pod_id = c.place AND c.kind = 'inbox' LEFT JOIN webhook w ON w.id = c.id"
        " AND w.client_id = c.client_id AND w.place = c.place AND c.kind = 'webhook'"
        " WHERE i.inbox_id IS NULL AND w.id IS NULL",
    ),
    Rule(
        "usage of {}, which does not exist",
        "SELECT DISTINCT place FROM usage WHERE place NOT IN (SELECT inbox_id FROM inbox UNION SELECT id FROM pod"
        " UNION SELECT id FROM organization UNION SELECT inbox_id FROM purge)",
    ),
    Rule(
        "idempotency key {} names a part of a message, or an organization that does not exist",
        "SELECT k.key FROM idempotency_key k LEFT JOIN organization o ON o.id = k.org_id WHERE o.id IS NULL"
        " OR (k.message IS NULL) <> (k.message_id IS NULL) OR (k.message IS NULL) <> (k.thread_id IS NULL)",
    ),
)
_OUTGOING = " AND ".join(
    f"instr(labels, '\"{label}\"') = 0" for label in ("received", "spam", "blocked", "unauthenticated", "trash")
)
_SHOWN = _OUTGOING.replace("instr(labels, '\"received\"') = 0", "instr(labels, '\"received\"') > 0")
_SEEN, _ASIDE = "instr(labels, '\"unread\"') = 0", "instr(labels, '\"archived\"') > 0"
LABELLED = (
    Rule(
        "inbox {} has another number of messages that are read or archived than is counted",
        "SELECT inbox_id FROM (SELECT inbox_id, sum(s) AS s, sum(a) AS a, sum(b) AS b FROM"
        " (SELECT inbox_id, seen AS s, archived AS a, seen_archived AS b FROM mark_count"
        f" UNION ALL SELECT inbox_id, -sum({_SEEN}), -sum({_ASIDE}), -sum({_SEEN} AND {_ASIDE})"
        f" FROM message WHERE {_SHOWN} GROUP BY inbox_id) GROUP BY inbox_id) WHERE s <> 0 OR a <> 0 OR b <> 0",
    ),
    Rule(
        "inbox {} shows another number of messages that it did not receive than is counted",
        "SELECT inbox_id FROM (SELECT inbox_id, sum(n) AS n FROM (SELECT inbox_id, messages AS n FROM outgoing_count"
        f" UNION ALL SELECT inbox_id, -count(*) FROM message WHERE {_OUTGOING} GROUP BY inbox_id)"
        " GROUP BY inbox_id) WHERE n <> 0",
    ),
    Rule(
        "label {} is not where its inbox is",
        "SELECT l.inbox_id || ' ' || l.name FROM label l JOIN inbox i ON i.inbox_id = l.inbox_id"
        " WHERE l.org_id <> i.org_id OR l.pod_id <> i.pod_id",
    ),
)
OAUTH = (
    Rule(
        "OAuth token {} is of no grant, or of one whose code was not redeemed",
        "SELECT hex(t.hash) FROM oauth_token t LEFT JOIN oauth_grant g ON g.id = t.grant_id WHERE g.used_at IS NULL",
    ),
    Rule(
        "OAuth grant {} and its API key are not of one organization",
        "SELECT g.id FROM oauth_grant g JOIN api_key k ON k.id = g.api_key_id"
        " WHERE k.org_id <> g.org_id OR k.pod_id IS NOT g.pod_id OR k.inbox_id IS NOT g.inbox_id",
    ),
    Rule(
        "two OAuth grants stand on API key {}",
        "SELECT api_key_id FROM oauth_grant GROUP BY api_key_id HAVING count(*) > 1",
    ),
)
