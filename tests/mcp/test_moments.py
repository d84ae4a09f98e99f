"""Moments that a tool is given without their zone are asked back, whatever they are for."""

from postroom.mcp.selection import read_selection
from tests.fakes.bed import DOMAIN, Bed
from tests.fakes.mail import mail
from tests.mcp.bedside import client_of
from tests.processes.running import Agent

AGENT = f"agent@{DOMAIN}"


async def test_to_put_off_until_a_time_without_a_zone_is_asked_back(house: Bed) -> None:
    await house.inbox("agent")
    await house.take(mail(), AGENT)
    async with client_of(house, selection=read_selection("all")) as client:
        agent = Agent(client)
        claim = (await agent.does("claim_next", inbox_id=AGENT))["claim_id"]
        said = await agent.refuses("defer", claim_id=claim, until="2026-12-01T10:00:00")
        assert "until: which time zone is meant?" in said
        assert "2026-12-01T10:00:00Z" in said
        await agent.does("defer", claim_id=claim, until="2027-01-01T10:00:00+01:00")
