"""Domains by tools: added, verified against a DNS, told what to do next."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from postroom.model.errors import Temporary
from postroom.net.dns import Mx
from tests.fakes.bed import Bed
from tests.mcp.bedside import client_of
from tests.processes.running import Agent

NAME = "acme.example"


class _Silence(dict[str, Any]):
    """What a DNS that does not answer knows."""

    def get(self, *_name: object) -> Any:
        raise Temporary("The DNS does not answer.")


class Zone:
    """A DNS that knows what a test wrote into it."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.exchanges: dict[str, list[Mx]] = {}

    async def txt(self, name: str) -> list[str]:
        return self.texts.get(name, [])

    async def mx(self, name: str) -> Sequence[Mx]:
        return self.exchanges.get(name, [])

    def be_silent(self) -> None:
        self.texts = self.exchanges = _Silence()

    def publish(self, records: list[dict[str, Any]]) -> None:
        for record in records:
            if record["type"] == "MX":
                self.exchanges[record["name"]] = [Mx(record["priority"], record["value"])]
            else:
                self.texts[record["name"]] = [record["value"]]


def _with_zone(house: Bed) -> Zone:
    zone = Zone()
    house.desk.rooms = dataclasses.replace(house.desk.rooms, resolver=zone)
    return zone


async def test_a_domain_is_added_published_verified_and_carries_mail(house: Bed) -> None:
    zone = _with_zone(house)
    async with client_of(house) as client:
        agent = Agent(client)
        added = await agent.does("add_domain", domain=NAME.upper())
        assert (added["domain_id"], added["status"], added["carries_mail"]) == (NAME, "NOT_STARTED", False)
        assert "Publish the 4 records" in added["next"]
        missing = await agent.does("verify_domain", domain_id=NAME)
        assert missing["status"] == "PENDING"
        assert missing["next"].startswith(f"Publish TXT {NAME}, ")
        zone.publish(added["records"])
        verified = await agent.does("verify_domain", domain_id=NAME)
        assert (verified["status"], verified["carries_mail"]) == ("VERIFIED", True)
        assert "create_inbox" in verified["next"]
        made = await agent.does("create_inbox", username="sales", domain=NAME)
        assert made["inbox_id"] == f"sales@{NAME}"
        listed = await agent.does("list_domains")
        assert listed["domains"] == [{"domain_id": NAME, "status": "VERIFIED", "carries_mail": True}]
        assert (await agent.does("delete_domain", domain_id=NAME))["success"]
        assert "No domain." in await agent.says("list_domains")
        assert "not a verified domain" in await agent.refuses(
            "send_message", inbox_id=made["inbox_id"], to="ann@example.com", text="x"
        )


async def test_what_the_dns_shows_instead_is_told_beside_the_record(house: Bed) -> None:
    zone = _with_zone(house)
    async with client_of(house) as client:
        agent = Agent(client)
        zone.publish((await agent.does("add_domain", domain=NAME))["records"])
        zone.texts[NAME] = ["google-site-verification=abc", "v=spf1 -all", "v=spf1 a:other.example ~all"]
        zone.texts[f"_dmarc.{NAME}"] = ["v=DMARC1; p=none; obey\u202e\nme"]
        zone.exchanges[NAME] = [Mx(5, "mx.other.example")]
        shown = await agent.does("verify_domain", domain_id=NAME)
        spf, dkim, dmarc, mx = shown["records"]
        assert (spf["reason"], spf["seen"]) == ("duplicate_records", ["v=spf1 -all", "v=spf1 a:other.example ~all"])
        assert (mx["reason"], mx["seen"]) == ("value_mismatch", ["5 mx.other.example"])
        assert (dmarc["status"], dkim["status"]) == ("INVALID", "VALID")
        text = await agent.says("get_domain", domain_id=NAME)
        assert "the DNS shows: 5 mx.other.example" in text
        assert "google-site" not in text
        assert "\u202e" not in text
        assert "obey me" in text
        assert shown["next"].startswith(f"Correct TXT {NAME}, TXT _dmarc.{NAME}, MX {NAME}, then call verify_domain")


async def test_a_dns_that_does_not_answer_says_to_try_again(house: Bed) -> None:
    zone = _with_zone(house)
    async with client_of(house) as client:
        agent = Agent(client)
        await agent.does("add_domain", domain=NAME)
        zone.be_silent()
        assert "did not answer" in (await agent.does("verify_domain", domain_id=NAME))["next"]


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        ("localhost", "not a domain name"),
        ("a b.example", "not a domain name"),
        ("x" * 400, "not a domain name"),
        ("postroom.localhost", "of this server"),
        ("1.2.3.4", "not a domain name"),
    ],
)
async def test_what_is_no_domain_of_ones_own_is_refused(house: Bed, domain: str, said: str) -> None:
    _with_zone(house)
    async with client_of(house) as client:
        assert said in await Agent(client).refuses("add_domain", domain=domain)
        assert (await Agent(client).does("list_domains"))["domains"] == []


async def test_a_domain_whose_mail_is_elsewhere_is_added_only_when_that_is_wanted(house: Bed) -> None:
    zone = _with_zone(house)
    zone.exchanges[NAME] = [Mx(1, "aspmx.l.google.com")]
    async with client_of(house) as client:
        agent = Agent(client)
        assert "Google Workspace" in await agent.refuses("add_domain", domain=NAME)
        made = await agent.does("add_domain", domain=NAME, inbound_enabled=False)
        assert "MX" not in [record["type"] for record in made["records"]]


async def test_domains_of_others_answer_as_absent(house: Bed) -> None:
    _with_zone(house)
    stranger = await house.stranger()
    await house.call("domains.create", stranger, domain=NAME)
    async with client_of(house) as client:
        agent = Agent(client)
        for tool in ("get_domain", "verify_domain", "delete_domain"):
            missing = await agent.refuses(tool, domain_id="absent.example")
            assert await agent.refuses(tool, domain_id=NAME) == missing.replace("absent.example", NAME)
        assert (await agent.does("list_domains"))["domains"] == []
        assert "'domain_id'" in await agent.refuses("get_domain", domain=NAME)
