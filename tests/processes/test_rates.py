"""The rate of a key on a running server: REST, MCP and SMTP spend one bucket, and who shows no key has none."""

import json
import smtplib
import urllib.request
from typing import Any

import pytest

from tests.processes.running import Processes, Server, endpoint, fetch, remote

BURST = 40
LISTS = ("/v0/inboxes", "/api/v0/inboxes", "/v1/agent-email/mailboxes", "/v1/postroom/trash")


def _post(server: Server, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {server.owner_key}", "content-type": "application/json"}
    request = urllib.request.Request(server.http + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


async def test_rest_mcp_and_smtp_spend_one_bucket_and_another_key_has_its_own(processes: Processes) -> None:
    server = processes.serve(key_rate="0.001", key_burst=str(BURST), submission="127.0.0.1:0").started()
    inbox = _post(server, "/v0/inboxes", {"username": "agent"})["inbox_id"]
    key = _post(server, f"/v0/inboxes/{inbox}/api-keys", {"name": "agent"})["api_key"]
    bearer = {"authorization": f"Bearer {key}"}
    async with remote(server.http, key) as agent:
        for _ in range(BURST):
            if (await agent.client.call_tool("whoami", {})).is_error:
                break
        told = await agent.refuses("whoami")
        assert f"0 of {BURST} requests are left, 0.001 a second come back." in told
        for path in LISTS:
            status, headers, _body = fetch(server.http + path, **bearer)
            assert (status, 900 < int(headers["retry-after"]) <= 1000) == (429, True), path
    with smtplib.SMTP(*endpoint(server.line("submission ").removeprefix("submission ")), timeout=10) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            smtp.login(inbox, key)
        assert refused.value.smtp_code == 454
    owner = {"authorization": f"Bearer {server.owner_key}"}
    assert [fetch(server.http + path, **owner)[0] for path in LISTS] == [200] * 4
    assert fetch(f"{server.http}/healthz")[0] == 200
    async with processes.agent(key_rate="0.001", key_burst="1") as local:
        for _ in range(5):
            await local.does("whoami")
    assert server.end() == 0
