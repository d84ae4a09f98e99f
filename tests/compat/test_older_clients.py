"""What clients of earlier years ask and expect otherwise, request by request (tests/processes runs one)."""

from typing import Any

import pytest

from postroom.http.agentmail import older
from postroom.http.route import Call
from tests.compat.official import owner_key, wire
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail

RAW = f"/v0/inboxes/agent@{DOMAIN}/messages/{{}}/raw"
LONG_AGO = {"start_timestamp": "2026-01-01T00:00:00Z", "end_timestamp": "2026-01-02T00:00:00Z"}


def sdk(version: str, language: str = "Python") -> dict[str, str]:
    return {"X-Fern-Language": language, "X-Fern-SDK-Name": "agentmail", "X-Fern-SDK-Version": version}


@pytest.mark.parametrize("version", ["0.0.59", "0.2.14"])
@pytest.mark.promise("older.raw-bytes")
async def test_a_python_client_before_0_3_is_sent_to_the_bytes_of_a_message(house: Bed, version: str) -> None:
    await house.inbox()
    message = await house.receive(mail())
    async with wire(house, await owner_key(house)) as client:
        answer = await client.get(RAW.format(message.message_id), headers=sdk(version))
        assert answer.status_code == 307
        today = (await client.get(RAW.format(message.message_id))).json()["download_url"]
        assert answer.headers["location"] == today


@pytest.mark.parametrize(
    "headers", [{}, sdk("0.4.15"), sdk("2.0.18"), sdk("0.2.14", "JavaScript"), sdk(""), sdk("0"), sdk("zero.2")]
)
@pytest.mark.promise("older.raw-bytes")
async def test_every_other_client_reads_the_address_of_a_message(house: Bed, headers: dict[str, str]) -> None:
    await house.inbox()
    message = await house.receive(mail())
    async with wire(house, await owner_key(house)) as client:
        answer = await client.get(RAW.format(message.message_id), headers=headers)
        assert (answer.status_code, answer.json()["message_id"]) == (200, message.message_id)


@pytest.mark.promise("older.metrics")
async def test_metrics_have_the_moments_of_messages_and_a_range_by_its_earlier_names(house: Bed) -> None:
    await house.inbox()
    await house.receive(mail())
    await house.receive(mail())
    async with wire(house, await owner_key(house)) as client:
        for at in ("", f"/inboxes/agent@{DOMAIN}"):
            path = f"/v0{at}/metrics"
            shown = (await client.get(path)).json()
            assert len(shown["message"]["received"]) == 2
            assert sum(point["count"] for point in shown["message.received"]) == 2
            asked = {"event_types": '["message.delayed","message.received"]'}
            assert set((await client.get(path, params=asked)).json()["message"]) == {"received"}
            assert (await client.get(path, params=LONG_AGO)).json()["message"] == {}
            assert "message" not in (await client.get(f"{path}/events")).json()


def test_reading_a_range_changes_nothing_that_was_read() -> None:
    def reading(_call: Call) -> dict[str, Any]:
        return {"event_types": ["message.delayed"], "start": "a"}

    call = Call(actor=None, path={}, query=[("end_timestamp", "b")], body={}, headers={})  # type: ignore[arg-type]
    assert older.ranged(reading)(call) == {"event_types": [], "start": "a", "end": "b"}
