"""What a tool says when the lists hold a recipient: which entry it is, and whom to ask."""

import uuid

import httpx

from tests.mcp.conftest import KEY
from tests.processes.running import Server, remote


async def test_a_refused_send_names_the_entry_and_how_to_ask_for_its_removal(server: Server) -> None:
    async with remote(server.http, KEY, "auto") as agent:
        inbox = (await agent.does("create_inbox", username=f"box-{uuid.uuid4().hex[:8]}"))["inbox_id"]
        blocked = f"/v0/inboxes/{inbox}/lists/send/block"
        async with httpx.AsyncClient(base_url=server.http, headers={"authorization": f"Bearer {KEY}"}) as client:
            made = await client.post(blocked, json={"entry": "example.com"})
            assert made.status_code == 200, made.text
            told = await agent.says("send_message", inbox_id=inbox, to="bob@example.com", text="Hello.")
            assert "Nothing was sent to anybody" in told
            assert f"ask who keeps the list to remove the entry: DELETE {blocked}/example.com" in told
            assert (await client.delete(f"{blocked}/example.com")).status_code == 204
        await agent.does("send_message", inbox_id=inbox, to="bob@example.com", text="Hello.")
