"""Metrics through the official client: what happened, what is held, which share bounces; and who may ask."""

from datetime import UTC, datetime
from typing import Any

import pytest
from agentmail.core.api_error import ApiError
from agentmail.errors import ValidationError

from postroom.model.event import EventType
from tests.compat.official import official, owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import DAY, HOUR, MINUTE, SECOND, START, FakeClock
from tests.fakes.mail import mail

AGENT, OTHER = f"agent@{DOMAIN}", f"other@{DOMAIN}"
NOBODY = f"nobody@{DOMAIN}"


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def counts(series: Any) -> list[tuple[datetime, int]]:
    return [(point.timestamp, point.count) for point in series]


def values(series: Any) -> list[int]:
    return [point.value for point in series]


@pytest.mark.promise("metrics.events")
async def test_events_are_counted_one_by_one_and_in_buckets(house: Bed, clock: FakeClock) -> None:
    await house.inbox("agent")
    for _ in range(3):
        await house.receive(mail(), AGENT)
        clock.advance(10 * MINUTE)
    await house.send(AGENT, NOBODY)
    await house.settled()
    async with official(house) as client:
        every = await client.metrics.query_events()
        hours = await client.metrics.query_events(
            event_types=["message.received"], start=at(START), period=900, descending=True, limit=1
        )
    assert counts(every["message.received"]) == [(at(START + n * 10 * MINUTE), 1) for n in range(3)]
    assert counts(every["message.sent"]) == counts(every["message.bounced"]) == [(at(START + 30 * MINUTE), 1)]
    assert every["message.complained"] == []
    assert set(hours) == {"message.received"}
    assert counts(hours["message.received"]) == [(at(START + 15 * MINUTE), 1)]


@pytest.mark.promise("metrics.query_events")
async def test_a_range_has_its_start_in_it_and_not_its_end(house: Bed, clock: FakeClock) -> None:
    await house.inbox("agent")
    for _ in range(3):
        await house.receive(mail(), AGENT)
        clock.advance(MINUTE)
    async with official(house) as client:
        asked: Any = {"event_types": ["message.received"], "start": at(START + MINUTE)}
        found = await client.metrics.query_events(**asked, end=at(START + 2 * MINUTE))
        later = await client.metrics.query_events(**asked, end=at(START + DAY))
    assert counts(found["message.received"]) == [(at(START + MINUTE), 1)]
    assert len(later["message.received"]) == 2


@pytest.mark.promise("metrics.default-range")
async def test_by_default_the_last_24_hours_are_counted(house: Bed, clock: FakeClock) -> None:
    await house.inbox("agent")
    await house.receive(mail(), AGENT)
    clock.advance(DAY)
    async with official(house) as client:
        assert len((await client.metrics.query_events())["message.received"]) == 1
        clock.advance(1)
        assert (await client.metrics.query_events())["message.received"] == []


@pytest.mark.promise("inboxes.metrics.query_events", "inboxes.metrics.query_usage", "pods.metrics.query_events")
@pytest.mark.promise("pods.metrics.query_usage", "pods.metrics.query_rates", "metrics.usage")
async def test_an_inbox_and_a_pod_have_their_own_numbers(house: Bed) -> None:
    await house.inbox("agent")
    async with official(house) as client:
        pod = await client.pods.create()
        inside = await client.pods.inboxes.create(pod.pod_id)
        await house.receive(mail(), AGENT)
        await house.receive(mail(), inside.inbox_id)
        kinds: Any = ["message.received"]
        whole = await client.metrics.query_events(event_types=kinds, period=60)
        of_pod = await client.pods.metrics.query_events(pod.pod_id, event_types=kinds)
        of_inbox = await client.inboxes.metrics.query_events(AGENT, event_types=kinds)
        usage = await client.pods.metrics.query_usage(pod.pod_id)
        small = await client.inboxes.metrics.query_usage(AGENT)
        rates = await client.pods.metrics.query_rates(pod.pod_id)
    assert [p.count for p in whole["message.received"]] == [2]
    assert [p.count for p in of_pod["message.received"]] == [p.count for p in of_inbox["message.received"]] == [1]
    assert set(usage) == {"storage_bytes", "message_count", "thread_count", "inbox_count", "domain_count"}
    assert (values(usage["message_count"])[-1], values(usage["inbox_count"])[-1]) == (1, 1)
    assert set(small) == {"storage_bytes", "message_count", "thread_count"}
    assert {p.sent for p in rates["bounce"]} == {0}


@pytest.mark.promise("metrics.query_usage", "metrics.usage")
async def test_usage_is_the_running_total_at_each_point(house: Bed, clock: FakeClock) -> None:
    await house.inbox("agent")
    first = await house.receive(mail(), AGENT)
    clock.advance(HOUR)
    second = await house.receive(mail(subject="Re: Plan", answers=first.message_id), AGENT)
    await house.inbox("other")
    clock.advance(HOUR)
    await house.call("messages.delete", inbox_id=AGENT, message_id=first.message_id)
    clock.advance(HOUR)
    await house.call("messages.delete", inbox_id=AGENT, message_id=second.message_id)
    async with official(house) as client:
        told = await client.metrics.query_usage(start=at(START - HOUR))
        limited = await client.metrics.query_usage(
            usage_types=["message_count"], start=at(START - HOUR), limit=2, descending=True
        )
    assert [p.timestamp for p in told["pod_count"]] == [at(START + n * HOUR) for n in range(-1, 4)]
    assert values(told["message_count"]) == [0, 1, 2, 1, 0]
    assert values(told["thread_count"]) == [0, 1, 1, 1, 0]
    both = first.size + second.size
    assert values(told["storage_bytes"]) == [0, first.size, both, second.size, 0]
    assert values(told["inbox_count"]) == [0, 1, 2, 2, 2]
    assert values(told["pod_count"])[-1] == 1
    assert values(told["domain_count"]) == [0] * 5
    assert [(p.timestamp, p.value) for p in limited["message_count"]] == [
        (at(START + 3 * HOUR), 0),
        (at(START + 2 * HOUR), 1),
    ]


async def test_a_deleted_inbox_leaves_no_usage(house: Bed) -> None:
    inbox = await house.inbox("agent")
    await house.receive(mail(), AGENT)
    await house.call("inboxes.delete", inbox_id=AGENT)
    await house.until(lambda: not house.rows("SELECT 1 FROM purge"))
    assert house.rows("SELECT * FROM usage WHERE place = ?", inbox.inbox_id) == []
    async with official(house) as client:
        told = await client.metrics.query_usage(usage_types=["message_count", "inbox_count"])
    assert (values(told["message_count"])[-1], values(told["inbox_count"])[-1]) == (0, 0)


async def test_a_clock_that_steps_back_loses_no_total(house: Bed, clock: FakeClock) -> None:
    await house.inbox("agent")
    await house.receive(mail(), AGENT)
    clock.advance(-MINUTE)
    await house.receive(mail(), AGENT)
    clock.advance(MINUTE)
    async with official(house) as client:
        told = await client.inboxes.metrics.query_usage(AGENT)
    assert values(told["message_count"])[-1] == 2


@pytest.mark.promise("metrics.query_rates", "metrics.rates")
async def test_rates_count_recipients_over_a_rolling_window(house: Bed, clock: FakeClock) -> None:
    await house.inbox("agent")
    await house.inbox("other")
    await house.send(AGENT, OTHER, NOBODY, f"nobody2@{DOMAIN}", f"agent@{DOMAIN}")
    await house.settled()
    clock.advance(HOUR)
    await house.send(AGENT, OTHER)
    await house.settled()
    async with official(house) as client:
        told = await client.metrics.query_rates(start=at(START - HOUR), window=7200)
        newest = await client.metrics.query_rates(rate_types=["bounce"], limit=1, descending=True)
        clock.advance(HOUR)
        later = await client.metrics.query_rates(rate_types=["bounce"], start=at(START + 2 * HOUR), window=3600)
    assert [(p.sent, p.rate) for p in told["bounce"]] == [(0, None), (4, 0.5), (5, 0.4)]
    assert [(p.sent, p.rate) for p in told["complaint"]] == [(0, None), (4, 0.0), (5, 0.0)]
    assert [(p.timestamp, p.rate) for p in newest["bounce"]] == [(at(START + HOUR), 0.4)]
    assert [(p.sent, p.rate) for p in later["bounce"]] == [(0, None)]  # a window has its beginning not in it


@pytest.mark.promise("inboxes.metrics.query_rates")
async def test_complaints_have_their_rate(house: Bed, clock: FakeClock) -> None:
    inbox = await house.inbox("agent")
    await house.send(AGENT, OTHER, "a@example.com")
    house.write(
        "INSERT INTO event (type, org_id, pod_id, inbox_id, at, data) VALUES (?, ?, ?, ?, ?, ?)",
        *(EventType.MESSAGE_COMPLAINED.value, inbox.org_id, inbox.pod_id, inbox.inbox_id, clock.now),
        '{"recipients":["a@example.com"]}',
    )
    async with official(house) as client:
        told = await client.inboxes.metrics.query_rates(AGENT, rate_types=["complaint"])
    assert (told["complaint"][-1].sent, told["complaint"][-1].rate) == (2, 0.5)


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("events", {"start": at(START - 90 * DAY - 1).isoformat()}),
        ("usage", {"start": at(START - 90 * DAY - 1).isoformat()}),
        ("rates", {"start": at(START - 90 * DAY - 1).isoformat()}),
        ("usage", {"period": "86"}),
        ("rates", {"period": "60"}),
    ],
)
@pytest.mark.promise("errors.range-too-wide", "pages.metrics-1000", "metrics.default-range")
async def test_a_range_that_is_too_wide_is_422(house: Bed, path: str, given: dict[str, Any]) -> None:
    async with wire(house, await owner_key(house)) as client:
        answer = await client.get(f"/v0/metrics/{path}", params=given)
    assert (answer.status_code, answer.json()["code"]) == (422, "query_range_too_wide")


@pytest.mark.promise("pages.metrics-1000")
async def test_the_widest_ranges_are_answered(house: Bed) -> None:
    async with official(house) as client:
        start = at(START - 90 * DAY)
        assert len((await client.metrics.query_usage(start=start))["message_count"]) == 91
        assert len((await client.metrics.query_rates(start=start, period=86400))["bounce"]) == 91
        await client.metrics.query_events(start=start, period=1)
        assert len((await client.metrics.query_usage(start=at(START - 1000 * MINUTE), period=60))["pod_count"]) == 1001


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("events", "period=0"),
        ("events", "period=86401"),
        ("events", "limit=0"),
        ("events", "limit=many"),
        ("events", "start=yesterday"),
        ("events", "event_types=message.read"),
        ("usage", "usage_types=seat_count"),
        ("rates", "rate_types=open"),
        ("rates", "period=3600&window=5400"),
        ("rates", "window=0"),
    ],
)
@pytest.mark.promise("metrics.rates")
async def test_what_cannot_be_asked_is_400(house: Bed, path: str, query: str) -> None:
    async with wire(house, await owner_key(house)) as client:
        answer = await client.get(f"/v0/metrics/{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")


async def test_a_start_that_is_not_before_the_end_is_400(house: Bed) -> None:
    async with official(house) as client:
        for given in ({"start": at(START + SECOND)}, {"start": at(START - HOUR), "end": at(START - HOUR)}):
            with pytest.raises(ValidationError):
                await client.metrics.query_events(**given)


@pytest.mark.promise("metrics.usage")
async def test_an_inbox_has_no_number_of_inboxes(house: Bed) -> None:
    await house.inbox("agent")
    async with official(house) as client:
        with pytest.raises(ValidationError):
            await client.inboxes.metrics.query_usage(AGENT, usage_types=["inbox_count"])


@pytest.mark.promise("transport.lists-in-every-spelling")
async def test_types_come_as_json_with_commas_or_repeated(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        for query in (
            'event_types=["message.sent","message.received"]',
            "event_types=message.sent,message.received",
            "event_types=message.sent&event_types=message.received",
        ):
            assert list((await client.get(f"/v0/metrics/events?{query}")).json()) == [
                "message.sent",
                "message.received",
            ]


@pytest.mark.promise("older.metrics")
async def test_older_clients_ask_for_events_without_saying_so(house: Bed) -> None:
    await house.inbox("agent")
    await house.receive(mail(), AGENT)
    pod = (await house.call("pods.list")).items[0].pod_id
    async with wire(house, await owner_key(house)) as client:
        for place in ("", f"/inboxes/{AGENT}", f"/pods/{pod}"):
            old, new = await client.get(f"/v0{place}/metrics"), await client.get(f"/v0{place}/metrics/events")
            # Clients before 0.3 read the group `message` of moments; the rest is what the events are.
            assert {kind: points for kind, points in old.json().items() if kind != "message"} == new.json()
            assert len(old.json()["message.received"]) == 1


async def test_metrics_of_others_are_absent_and_ones_own_hold_nothing_of_theirs(house: Bed) -> None:
    inbox = await house.inbox("agent")
    await house.inbox("other")
    await house.receive(mail(), AGENT)
    stranger = (await house.call("keys.create", await house.stranger())).api_key
    confined = (await house.call("keys.create", inbox_id=OTHER)).api_key
    for secret in (stranger, confined):
        async with official(house, secret) as client:
            for ask in ("query_events", "query_usage", "query_rates"):
                # The client has no class of its own for 404 here.
                with pytest.raises(ApiError) as caught:
                    await getattr(client.inboxes.metrics, ask)(AGENT)
                assert caught.value.status_code == 404
                if secret is stranger:
                    with pytest.raises(ApiError) as caught:
                        await getattr(client.pods.metrics, ask)(inbox.pod_id)
                    assert caught.value.status_code == 404
            assert not any((await client.metrics.query_events()).values())
            assert not any(values((await client.metrics.query_usage())["message_count"]))


async def test_a_key_needs_the_permission_to_read_metrics(house: Bed) -> None:
    secret = (await house.call("keys.create", permissions={"inbox_read": True})).api_key
    async with official(house, secret) as client:
        with pytest.raises(ApiError) as caught:
            await client.metrics.query_events()
    assert (caught.value.status_code, caught.value.body["code"]) == (403, "missing_permission")
