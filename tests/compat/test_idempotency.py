"""Idempotency-Key: a second try sends nothing again, whatever became of the first."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from agentmail import AsyncAgentMail
from agentmail.errors import ConflictError, NotFoundError, ValidationError

from postroom.model.tenant import SYSTEM
from postroom.service.idempotency import Claim, Sweep
from tests.compat.official import official, owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.clock import DAY, MINUTE, FakeClock
from tests.fakes.mail import mail

AGENT, OTHER = f"agent@{DOMAIN}", f"other@{DOMAIN}"
ONCE: Any = {"max_retries": 0}  # the client tries a 409 again, for seconds


async def _send(client: AsyncAgentMail, key: str | None, inbox: str = AGENT, **given: Any) -> tuple[str, str]:
    words = {"to": [OTHER], "subject": "Once", "text": "only"} | given
    sent = await client.inboxes.messages.send(inbox, idempotency_key=key, request_options=ONCE, **words)
    return sent.message_id, sent.thread_id


async def _inboxes(house: Bed) -> None:
    await house.inbox("agent")
    await house.inbox("other")


@pytest.mark.promise("idempotency.key-replays")
async def test_a_second_try_returns_the_first_message_and_sends_nothing(house: Bed) -> None:
    await _inboxes(house)
    async with official(house) as client:
        first = await _send(client, "key-1")
        assert await _send(client, "key-1") == first
        assert await _send(client, "key-2") != first
    assert len(await house.messages(AGENT)) == 2
    assert len(await house.arrived(OTHER)) == 2


@pytest.mark.promise("idempotency.key-replays")
async def test_reply_reply_all_forward_and_draft_send_are_done_once(house: Bed) -> None:
    await _inboxes(house)
    received = await house.receive(mail(), AGENT)
    async with official(house) as client:
        messages, drafts = client.inboxes.messages, client.inboxes.drafts
        draft = await drafts.create(AGENT, to=[OTHER], subject="s", text="t")
        tries = []
        for _ in range(2):
            sent = [
                await messages.reply(AGENT, received.message_id, text="t", idempotency_key="a"),
                await messages.reply_all(AGENT, received.message_id, text="t", idempotency_key="b"),
                await messages.forward(AGENT, received.message_id, to=[OTHER], idempotency_key="c"),
                await drafts.send(AGENT, draft.draft_id, idempotency_key="d"),
            ]
            tries.append([s.message_id for s in sent])
        assert tries[0] == tries[1]
        with pytest.raises(NotFoundError):
            await drafts.send(AGENT, draft.draft_id, idempotency_key="e")
    assert len(set(tries[0])) == 4
    assert len(await house.messages(AGENT)) == 5


@pytest.mark.parametrize("change", [{"text": "other"}, {"inbox": OTHER}, {"labels": ["x"]}, {"headers": {"X-A": "b"}}])
@pytest.mark.promise("idempotency.other-request-409")
async def test_a_key_of_another_request_is_a_conflict(house: Bed, change: dict[str, Any]) -> None:
    await _inboxes(house)
    async with official(house) as client:
        await _send(client, "key")
        with pytest.raises(ConflictError) as caught:
            await _send(client, "key", **change)
    assert caught.value.body.code == "conflict"


@pytest.mark.promise("idempotency.other-request-409")
async def test_a_key_is_bound_to_its_endpoint(house: Bed) -> None:
    await _inboxes(house)
    received = await house.receive(mail(), AGENT)
    async with official(house) as client:
        reply, forward = client.inboxes.messages.reply, client.inboxes.messages.forward
        await reply(AGENT, received.message_id, to=[OTHER], text="t", idempotency_key="key")
        with pytest.raises(ConflictError):
            await forward(AGENT, received.message_id, to=[OTHER], text="t", idempotency_key="key", request_options=ONCE)


@pytest.mark.promise("idempotency.of-the-organization")
async def test_a_key_is_the_organizations_and_no_others(house: Bed) -> None:
    await _inboxes(house)
    stranger = await house.stranger()
    mine = await house.inbox("eve", stranger)
    secret = (await house.call("keys.create", stranger)).api_key
    confined = (await house.call("keys.create", inbox_id=OTHER)).api_key
    async with official(house) as client, official(house, secret) as elsewhere, official(house, confined) as small:
        first = await _send(client, "key")
        assert await _send(elsewhere, "key", mine.address) != first
        with pytest.raises(ConflictError):
            await _send(small, "key", OTHER)
        with pytest.raises(NotFoundError):
            await _send(small, "key")


@pytest.mark.parametrize("key", ["", "a b", "a/b", "a@b", "x" * 257, "ü"])
@pytest.mark.promise("idempotency.key-characters")
async def test_a_key_that_is_none_is_400(house: Bed, key: str) -> None:
    await _inboxes(house)
    async with wire(house, await owner_key(house)) as client:
        headers = {"idempotency-key": key.encode("latin-1")}
        answer = await client.post(
            f"/v0/inboxes/{AGENT}/messages/send",
            json={"to": OTHER, "text": "t"},
            headers=headers,  # type: ignore[arg-type]
        )
        inside = await client.post(
            f"/v0/inboxes/{AGENT}/messages/send", json={"to": OTHER, "text": "t", "idempotency_key": "a"}
        )
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert inside.status_code == 400
    assert await house.messages(AGENT) == []


@pytest.mark.promise("idempotency.key-characters")
async def test_the_longest_key_and_every_allowed_character_are_taken(house: Bed) -> None:
    await _inboxes(house)
    async with official(house) as client:
        key = "Az09-._~" * 32
        assert await _send(client, key) == await _send(client, key)


@pytest.mark.promise("idempotency.24-hours")
async def test_a_key_is_free_again_24_hours_after_its_message(house: Bed, clock: FakeClock) -> None:
    await _inboxes(house)
    async with official(house) as client:
        first = await _send(client, "key")
        clock.advance(DAY - 1)
        assert await _send(client, "key") == first
        clock.advance(1)
        assert await _send(client, "key", text="other") != first


async def test_keys_whose_time_is_over_are_swept(house: Bed, clock: FakeClock) -> None:
    await _inboxes(house)
    async with official(house) as client:
        await _send(client, "old")
        clock.advance(DAY)
        await _send(client, "new")
    assert await house.desk.call("idempotency.sweep", SYSTEM, Sweep()) is False
    assert house.rows("SELECT key FROM idempotency_key") == [("new",)]


async def test_a_request_that_failed_leaves_its_key_free(house: Bed) -> None:
    await _inboxes(house)
    async with official(house) as client:
        with pytest.raises(ValidationError):
            await _send(client, "key", to=["nobody at all"])
        await _send(client, "key")


async def test_a_first_try_that_died_is_taken_over_when_its_lease_ends(house: Bed, clock: FakeClock) -> None:
    await _inboxes(house)
    claim = Claim(inbox_id=AGENT, key="key", request="0" * 64, owner="clm_dead")
    await house.call("idempotency.claim", **claim.model_dump())
    async with official(house) as client:
        with pytest.raises(ConflictError):
            await _send(client, "key")
        clock.advance(MINUTE)
        await _send(client, "key")
    assert len(await house.messages(AGENT)) == 1


@pytest.mark.promise("idempotency.in-progress-409")
async def test_while_the_first_try_runs_the_second_is_a_conflict(house: Bed) -> None:
    await _inboxes(house)
    reached, go = asyncio.Event(), asyncio.Event()
    fetch = house.fetcher.fetch

    async def slow(url: str, **given: Any) -> Any:
        reached.set()
        await go.wait()
        return await fetch(url, **given)

    house.fetcher.fetch = slow  # type: ignore[method-assign]
    house.fetcher.pages["https://files.test/a.txt"] = b"a"
    files: Any = [{"url": "https://files.test/a.txt", "filename": "a.txt"}]
    async with official(house) as client, asyncio.TaskGroup() as group:
        first = group.create_task(_send(client, "key", attachments=files))
        await reached.wait()
        with pytest.raises(ConflictError):
            await _send(client, "key", attachments=files)
        go.set()
        sent = await first
        house.fetcher.pages["https://files.test/a.txt"] = b"changed meanwhile"
        assert await _send(client, "key", attachments=files) == sent
    assert len(await house.messages(AGENT)) == 1


async def test_a_first_try_that_comes_back_after_its_lease_sends_nothing(house: Bed, clock: FakeClock) -> None:
    await _inboxes(house)
    reached, go = asyncio.Event(), asyncio.Event()
    ask = house.desk.ask

    async def held(name: str, *given: Any) -> Any:
        if name == "messages.commit" and not reached.is_set():
            reached.set()
            await go.wait()
        return await ask(name, *given)

    house.desk.ask = held  # type: ignore[method-assign,assignment]
    async with official(house) as client:
        late = asyncio.create_task(_send(client, "key"))
        await reached.wait()
        clock.advance(MINUTE)
        sent = await _send(client, "key")
        go.set()
        with pytest.raises(ConflictError):
            await late
        assert await _send(client, "key") == sent
    assert len(await house.messages(AGENT)) == 1


async def test_two_processes_that_are_asked_at_once_send_one_message(home: Path, clock: FakeClock, house: Bed) -> None:
    await _inboxes(house)
    async with Bed(home, clock) as second, official(house) as one, official(second) as two:
        tries = await asyncio.gather(*(_send(client, "key") for client in (one, two) * 4), return_exceptions=True)
        sent = {found for found in tries if isinstance(found, tuple)}
        assert len(sent) == 1
        assert all(isinstance(found, tuple | ConflictError) for found in tries)
    assert len(await house.messages(AGENT)) == 1
