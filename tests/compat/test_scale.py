"""Ten thousand of a kind are listed, found, made and deleted with the work of ten: counted in steps of the database's
own machine, which no other program on the computer disturbs.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

from postroom.model.tenant import Actor, Reach
from postroom.service import places
from postroom.service.desk import Desk
from postroom.service.operation import Context
from postroom.store.secret import Secret
from postroom.store.sqlite import DIALECT, connect
from postroom.store.transaction import Transaction
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import DAY, START
from tests.fakes.mail import mail

FEW, MANY, FACTOR = 10, 10_000, 1.5
AGENT = f"agent@{DOMAIN}"
Varied = Callable[[int], Any]
# What differs from row to row; all else is as in the row that a house has made.
_TIMES: dict[str, Varied] = {"created_at": lambda n: START + n, "updated_at": lambda n: START + n}
_ROWS: dict[str, dict[str, Varied]] = {
    "pod": {"id": lambda n: f"pod_{n:026}", "default_of": lambda n: None, "created_at": lambda n: START + n},
    "inbox": {
        "inbox_id": lambda n: f"inb_{n:026}",
        "address": lambda n: f"agent-{n}@{DOMAIN}",
        "address_key": lambda n: f"agent-{n}@{DOMAIN}",
        **_TIMES,
    },
    **{
        f"inbox_word {word}": {"inbox_id": lambda n: f"inb_{n:026}", "word": word.format}
        for word in ("agent", "{}", "localhost")
    },
    "thread": {
        "seq": lambda n: n + 100,
        "id": lambda n: f"thd_{n:026}",
        "inbox_id": lambda n: f"inb_{n:026}",
        "timestamp": lambda n: START + n,
    },
    "message": {"seq": lambda n: n + 100, "id": lambda n: f"msg_{n:026}", "timestamp": lambda n: START + n},
    "api_key": {"id": lambda n: f"key_{n:026}", **_TIMES},
    "webhook": {"id": lambda n: f"ep_{n:026}", **_TIMES},
    "webhook_delivery": {"id": lambda n: f"not_{n:026}", "event_seq": lambda n: n + 100, "inbox_id": lambda n: f"{n}"},
    "draft": {
        "seq": lambda n: n + 100,
        "id": lambda n: f"dft_{n:026}",
        "inbox_id": lambda n: f"inb_{n:026}",
        **_TIMES,
    },
    "domain": {"id": lambda n: f"dom_{n:026}", "name": lambda n: f"d{n}.example.com", **_TIMES},
    "list_entry": {"entry": lambda n: f"d{n:05}.example.com"},
}
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "list inboxes": ("inboxes.list", {"limit": 5}),
    "list inboxes upwards": ("inboxes.list", {"limit": 5, "ascending": True}),
    "search inboxes by a common word": ("inboxes.search", {"q": "agent", "limit": 5}),
    "search inboxes by a rare word": ("inboxes.search", {"q": "agent seldom", "limit": 5}),
    "search an inbox by its address": ("inboxes.search", {"q": AGENT, "limit": 5}),
    "search an inbox by a rare address": ("inboxes.search", {"q": f"seldom@{DOMAIN}", "limit": 5}),
    "get an inbox": ("inboxes.get", {"inbox_id": AGENT}),
    "create an inbox": ("inboxes.create", {"username": "newcomer", "client_id": "new"}),
    "update an inbox": ("inboxes.update", {"inbox_id": AGENT, "display_name": "Other"}),
    "delete an inbox": ("inboxes.delete", {"inbox_id": AGENT}),
    "list threads": ("threads.list", {"limit": 5}),
    "list threads of an inbox": ("threads.list", {"inbox_id": AGENT, "limit": 5}),
    "list messages": ("messages.list", {"inbox_id": AGENT, "limit": 5}),
    "list keys": ("keys.list", {"limit": 5}),
    "list webhooks": ("webhooks.list", {"limit": 5}),
    "list drafts": ("drafts.list", {"limit": 5}),
    "list drafts of an inbox": ("drafts.list", {"inbox_id": AGENT, "limit": 5}),
    "list domains": ("domains.list", {"limit": 5}),
    "list a list": ("lists.list", {"direction": "send", "type": "block", "limit": 5}),
    "list pods": ("pods.list", {"limit": 5}),
    "count inboxes and domains": ("organizations.get", {}),
    "ask what is held": ("metrics.query_usage", {}),
}
# Lists with the row where a page deep in them begins.
DEEP: dict[str, tuple[str, dict[str, Any], Callable[[int], str]]] = {
    "inboxes": ("inboxes.list", {}, lambda n: places.seal("inboxes", (START + n, f"inb_{n:026}"))),
    "threads": ("threads.list", {}, lambda n: places.seal("threads", (START + n, n + 100))),
    "messages": ("messages.list", {"inbox_id": AGENT}, lambda n: places.seal("messages", (START + n, n + 100))),
    "keys": ("keys.list", {}, lambda n: places.seal("keys", (START + n, f"key_{n:026}"))),
    "webhooks": ("webhooks.list", {}, lambda n: places.seal("webhooks", (START + n, f"ep_{n:026}"))),
    "drafts": ("drafts.list", {}, lambda n: places.seal("drafts", (START + n, n + 100))),
    "domains": ("domains.list", {}, lambda n: places.seal("domains", (START + n, f"dom_{n:026}"))),
    "pods": ("pods.list", {}, lambda n: places.seal("pods", (START + n, f"pod_{n:026}"))),
    "entries": (
        "lists.list",
        {"direction": "send", "type": "block"},
        lambda n: places.seal("lists", (0, f"d{n:05}.example.com")),
    ),
}


class Counted:
    """A database and how many steps its machine takes, and how many statements it is given, for an operation."""

    def __init__(self, path: Path, desk: Desk, now: int) -> None:
        self.connection = connect(path)
        self._desk = desk
        self._now = now

    def work(self, operation: str, reach: Reach, given: dict[str, Any]) -> tuple[int, int]:
        """Return the steps and the statements of an operation that is undone afterwards."""
        row, steps, statements = self._desk.operations[operation], 0, list[str]()

        def step() -> int:
            nonlocal steps
            steps += 1
            return 0

        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.set_progress_handler(step, 1)
        self.connection.set_trace_callback(statements.append)
        try:
            transaction = Transaction(self.connection, DIALECT, reach, self._now)
            context = Context(Actor(reach=reach), transaction, self._now, self._desk.house)
            row.handler(context, row.input.model_validate(given))
        finally:
            self.connection.set_progress_handler(None, 1)
            self.connection.set_trace_callback(None)
            self.connection.execute("ROLLBACK")
        return steps, sum(not statement.startswith("--") for statement in statements)


async def _one_of_each(house: Bed) -> None:
    await house.inbox("agent", client_id=None)
    await house.inbox("seldom")
    await house.receive(mail(), AGENT)
    pod = Actor(reach=Reach(org_id=house.owner.reach.org_id, pod_id=_pod(house)))
    await house.call("domains.create", pod, domain="d.example.com")
    await house.call("keys.create", pod, name="k")
    await house.call("webhooks.create", pod, url="https://hooks.example/", event_types=["message.sent"])
    await house.call("lists.create", entry="listed.example", direction="send", type="block")
    await house.call("drafts.create", inbox_id=AGENT, subject="s")
    await house.call("pods.create", name="p")
    await house.send(AGENT, "someone@example.com")
    await house.settled()
    await house.until(lambda: bool(house.rows("SELECT 1 FROM webhook_delivery WHERE due_at IS NULL")))


def _pod(house: Bed) -> str:
    return str(house.rows("SELECT id FROM pod WHERE default_of IS NOT NULL")[0][0])


def _fill(connection: sqlite3.Connection, number: int) -> None:
    """Let there be `number` rows more of each kind, copies of the one that is there."""
    for table, varied in ((name.partition(" ")[0], varied) for name, varied in _ROWS.items()):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        of_pod = " WHERE pod_id IS NOT NULL" if table in ("api_key", "webhook", "domain") else ""
        of_pod = " WHERE default_of IS NULL" if table == "pod" else of_pod
        found = connection.execute(f"SELECT * FROM {table}{of_pod} LIMIT 1").fetchone()
        kept = dict(zip(columns, found, strict=True)) | {c: None for c in columns if c == "client_id"}
        if table == "webhook_delivery":
            kept |= {"due_at": START + 10 * DAY, "state": "pending"}
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" for _ in columns)
        rows = ([varied[c](n) if c in varied else kept[c] for c in columns] for n in range(number))
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)


@contextlib.asynccontextmanager
async def _measured(house: Bed, tmp_path: Path) -> Any:
    await _one_of_each(house)
    with contextlib.ExitStack() as stack:
        # The copies of a webhook have its secret, which opens for that one alone.
        stack.enter_context(patch.object(Secret, "unseal", return_value="{}"))
        found = []
        for number in (FEW, MANY):
            path = tmp_path / f"{number}.db"
            with (
                contextlib.closing(sqlite3.connect(house.database)) as source,
                contextlib.closing(connect(path)) as copy,
            ):
                source.backup(copy)
                copy.execute("BEGIN")
                _fill(copy, number)
                copy.execute("COMMIT")
            counted = Counted(path, house.desk, START + DAY)
            stack.callback(counted.connection.close)
            found.append(counted)
        yield tuple(found)


def _reaches(house: Bed) -> Iterator[tuple[str, Reach]]:
    yield "organization", house.owner.reach
    yield "pod", Reach(org_id=house.owner.reach.org_id, pod_id=_pod(house))


async def test_ten_thousand_of_each_cost_the_steps_of_ten_and_a_page_deep_in_a_list_those_of_the_first(
    house: Bed, tmp_path: Path
) -> None:
    async with _measured(house, tmp_path) as (few, many):
        slow = {}
        for name, reach in _reaches(house):
            for what, (operation, given) in ASKED.items():
                least, most = few.work(operation, reach, given), many.work(operation, reach, given)
                if most[0] > FACTOR * least[0] or most[1] > FACTOR * least[1]:
                    slow[what, name] = (least, most)
        assert slow == {}
        assert _slow_when_deep(many, house.owner.reach) == {}


def _slow_when_deep(many: Counted, reach: Reach) -> dict[tuple[str, bool], Any]:
    """Return the lists of which a page in the middle costs more than the first."""
    slow = {}
    for (name, (operation, given, token)), ascending in product(DEEP.items(), (False, True)):
        order = {} if name == "entries" else {"ascending": ascending}
        asked = {**given, **order, "limit": 5}
        first = many.work(operation, reach, asked)
        deep = many.work(operation, reach, {**asked, "page_token": token(MANY // 2)})
        if deep[0] > FACTOR * first[0]:
            slow[name, ascending] = (first, deep)
    return slow
