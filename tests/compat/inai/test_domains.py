"""Domains over /api/v0, verified against a DNS server; and what a webhook is told of one."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.compat.inai.client import inai
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.dns import FakeDns


@pytest.fixture
def dns() -> Iterator[FakeDns]:
    """A DNS server whose records the test sets."""
    with FakeDns() as server:
        yield server


@pytest.fixture
def house(home: Path, clock: FakeClock, migrated: Path, dns: FakeDns) -> Bed:
    """A house that asks the test's DNS server."""
    return Bed(home, clock, migrated, resolver=dns.endpoint)


@pytest.mark.promise("inai.domains.verify", "inai.domains.verified", "inai.webhooks.body")
async def test_a_domain_whose_records_are_all_valid_is_verified_and_its_webhook_told(house: Bed, dns: FakeDns) -> None:
    async with inai(house) as client:
        await client.create_webhook("https://hooks.example.com/in", ["domain.verified"])
        made = await client.create_domain("mail.example.com")
        waiting = await client.verify_domain("mail.example.com")
        assert waiting.status == "PENDING"
        dns.publish([record for record in made.records if record.type == "MX"])
        partly = await client.verify_domain("mail.example.com")
        assert {record.type: record.status for record in partly.records} == {"MX": "VALID", "TXT": "MISSING"}
        dns.publish(made.records)
        done = await client.verify_domain("mail.example.com")
        assert (done.status, {record.status for record in done.records}) == ("VERIFIED", {"VALID"})
        assert await client.domain("mail.example.com") == done
        await house.until(lambda: len(house.fetcher.posts) == 1)
        body = orjson.loads(house.fetcher.posts[0].content)
        assert (body["type"], sorted(body)) == ("domain.verified", ["created_at", "data", "id", "type"])
        assert body["data"] == (await client.http.get("/api/v0/domains/mail.example.com")).json()
        made_there = await client.create_inbox("agent-1", domain="mail.example.com")
        assert made_there.email_address == "agent-1@mail.example.com"
