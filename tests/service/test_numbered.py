"""Pages by number: what stands on them, how many there are in all, and what that costs."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from postroom.model.errors import InvalidInput
from postroom.model.tenant import Reach
from postroom.store.queries import numbered
from postroom.store.query import shape_of
from postroom.store.sqlite import DIALECT
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import FakeClock
from tests.fakes.mail import mail

AGENT = f"agent@{DOMAIN}"


async def _filled(house: Bed, clock: FakeClock, number: int = 6) -> list[str]:
    """Make an inbox with messages, every second one read, every third from another sender; return their inner ids."""
    await house.inbox()
    ids = []
    for n in range(number):
        sender = "Zoë <ZOE@example.com>" if n % 3 == 0 else "carol_x@example.com"
        ids.append((await house.receive(mail(subject=f"s{n}", sender=sender))).id)
        if n % 2 == 0:
            await house.call("messages.update", inbox_id=AGENT, message_id=ids[-1], remove_labels="unread")
        clock.advance(1)
    return ids


async def _page(house: Bed, **given: Any) -> tuple[int | None, list[str | None]]:
    page = await house.desk.call("messages.list", house.owner, {"inbox_id": AGENT, "offset": 0, **given})
    assert page.next_page_token is None
    return page.total, [m.subject for m in page.items]


async def test_a_page_by_number_has_the_rows_and_the_total_of_its_filter(house: Bed, clock: FakeClock) -> None:
    ids = await _filled(house, clock)
    assert await _page(house, limit=2, offset=1) == (6, ["s4", "s3"])
    assert await _page(house, limit=2, offset=1, ascending=True) == (6, ["s1", "s2"])
    assert await _page(house, offset=6) == (6, [])
    assert await _page(house, offset=2**53) == (6, [])
    assert await _page(house, labels="unread") == (3, ["s5", "s3", "s1"])
    assert await _page(house, without_labels="unread", limit=2) == (3, ["s4", "s2"])
    assert await _page(house, labels=["unread", "received"], offset=2) == (3, ["s1"])
    assert await _page(house, **{"from": "zoe@EXAMPLE"}) == (2, ["s3", "s0"])
    assert await _page(house, **{"from": "carol_x"}, labels="unread") == (2, ["s5", "s1"])
    assert await _page(house, **{"from": "carolyx"}) == (0, [])
    assert await _page(house, **{"from": "%"}) == (0, [])
    since, until = clock.now - 4, clock.now - 2
    assert await _page(house, after=since, before=until) == (2, ["s3", "s2"])
    await house.call("messages.update", inbox_id=AGENT, message_id=ids[5], add_labels=["spam", "trash"])
    assert await _page(house, limit=1) == (5, ["s4"])
    assert await _page(house, labels="unread") == (2, ["s3", "s1"])
    assert await _page(house, include_spam=True) == (5, ["s4", "s3", "s2", "s1", "s0"])
    assert await _page(house, include_spam=True, include_trash=True, limit=1) == (6, ["s5"])
    every = {f"include_{label}": True for label in ("spam", "blocked", "unauthenticated", "trash")}
    assert await _page(house, **every, limit=1) == (6, ["s5"])


async def test_what_by_a_token_and_by_number_is_listed_is_the_same(house: Bed, clock: FakeClock) -> None:
    await _filled(house, clock)
    for given in ({}, {"labels": "unread"}, {"without_labels": "unread"}, {"from": "zoe"}):
        by_token = await house.desk.call("messages.list", house.owner, {"inbox_id": AGENT, "limit": 100, **given})
        assert (await _page(house, limit=100, **given))[1] == [m.subject for m in by_token.items]


@pytest.mark.parametrize(
    "given",
    [
        {"page_token": "x"},
        {"subject": "s"},
        {"to": "a"},
        {"from": ["a", "b"]},
        {"labels": [f"l{n}" for n in range(11)]},
    ],
)
async def test_what_no_index_counts_has_no_pages_by_number(house: Bed, given: dict[str, Any]) -> None:
    await house.inbox()
    with pytest.raises(InvalidInput):
        await _page(house, **given)


async def test_threads_are_counted_without_those_that_are_hidden(house: Bed, clock: FakeClock) -> None:
    ids = await _filled(house, clock, 4)
    await house.call("messages.update", inbox_id=AGENT, message_id=ids[3], add_labels="spam")
    page = await house.call("threads.list", inbox_id=AGENT, offset=1, limit=2)
    assert (page.total, [t.subject for t in page.items]) == (3, ["s1", "s0"])
    assert [t.last_id for t in page.items] == [ids[1], ids[0]]
    every = {f"include_{label}": True for label in ("spam", "blocked", "unauthenticated", "trash")}
    whole = await house.call("threads.list", inbox_id=AGENT, offset=0, limit=1, **every)
    assert (whole.total, whole.items[0].subject) == (4, "s3")
    of_inbox = {"inbox_id": AGENT}
    for given in ({}, {**of_inbox, "labels": "unread"}, {**of_inbox, "page_token": "x"}, {**of_inbox, "after": 1}):
        with pytest.raises(InvalidInput):
            await house.call("threads.list", offset=0, **given)


async def test_lists_of_a_tenant_are_counted_within_reach(house: Bed, clock: FakeClock) -> None:
    pod = await house.call("pods.create", name="side")
    inner = house.owner.model_copy(update={"reach": Reach(org_id=pod.org_id, pod_id=pod.pod_id)})
    for actor, names in ((house.owner, "ab"), (inner, "c")):
        for name in names:
            await house.inbox(name, actor)
            await house.call("domains.create", actor, domain=f"{name}.example")
            await house.call("webhooks.create", actor, url="https://a.example")
            await house.call("keys.create", actor)
            clock.advance(1)
    stranger = await house.stranger()
    for operation in ("inboxes.list", "domains.list", "webhooks.list", "keys.list"):
        own = 1 if operation == "keys.list" else 0  # the owner's key
        for actor, number in ((house.owner, 3 + own), (inner, 1)):
            page = await house.call(operation, actor, offset=0, limit=2)
            assert (page.total, len(page.items)) == (number, min(number, 2)), operation
            listed = (await house.call(operation, actor, limit=100)).items
            assert (await house.call(operation, actor, offset=1)).items == listed[1:]
            up = (await house.call(operation, actor, limit=100, ascending=True)).items
            assert (await house.call(operation, actor, offset=0, ascending=True)).items == up
        assert (await house.call(operation, stranger, offset=0)).total == own
    await house.call("inboxes.trash", inbox_id=f"a@{DOMAIN}")
    assert (await house.call("inboxes.list", offset=0)).total == 2
    assert (await house.call("inboxes.list", inner, offset=0)).total == 1


@pytest.mark.parametrize("query", numbered.NUMBERED, ids=lambda query: query.name)
def test_places_are_counted_along_an_index_alone(migrated: Path, query: Any) -> None:
    with contextlib.closing(sqlite3.connect(migrated)) as connection:
        compiled = query.compiled(DIALECT, shape_of(DIALECT, Reach(org_id="o", pod_id="p")))
        marks = dict.fromkeys(_names(query), 1)
        values = compiled.values({**compiled.constants, **marks, "reach_org_id": "o", "reach_pod_id": "p"})
        steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled.text}", values)]
    inner = next(step for step in steps if "SEARCH" in step)
    wanted = "INDEX" if query.name.startswith("messages.num") or "_shown" not in query.name else "thread_by_time"
    assert wanted in inner or "PRIMARY KEY" in inner, steps


def _names(query: Any) -> list[str]:
    """Return the parameters of a query."""
    return [name for name, bound in query.statement.compile().binds.items() if bound.required]
