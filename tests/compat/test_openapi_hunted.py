"""Requests drawn from the document, right ones and wrong ones: none fails the server, and no answer is one that the
document does not know (`Held` looks at each).
"""

import asyncio
import time
import warnings
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from postroom.http.agentmail import openapi
from postroom.http.agentmail.app import PREFIX, ROUTES
from tests.compat.hunt import one_operation
from tests.compat.official import owner_key, wire
from tests.fakes.bed import Bed
from tests.fakes.mail import mail

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its imports are told is theirs
    import schemathesis
    from schemathesis import GenerationMode

SECONDS = 20.0  # for all operations together
ANSWER_S = 10.0


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore")  # of the generators
def test_no_request_of_the_document_fails_the_server(house: Bed) -> None:
    asyncio.run(asyncio.wait_for(_hunt(house, seconds=SECONDS, examples=6, seed=1), SECONDS + 40))


async def _hunt(house: Bed, *, seconds: float, examples: int, seed: int) -> None:
    async with house, wire(house, await owner_key(house)) as client:
        known = await _world(house, client)
        loop = asyncio.get_running_loop()

        def ask(method: str, path: str, **given: Any) -> httpx.Response:
            asked = client.request(method, path, **given)
            return asyncio.run_coroutine_threadsafe(asked, loop).result(ANSWER_S)

        await asyncio.to_thread(_all_operations, ask, known, seconds, examples, seed)


def _all_operations(ask: Any, known: Mapping[str, str], seconds: float, examples: int, seed: int) -> None:
    until = time.monotonic() + seconds
    schema = schemathesis.openapi.from_dict(openapi.document(PREFIX, ROUTES))
    for operation in (result.ok() for result in schema.get_all_operations()):  # type: ignore[union-attr]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if time.monotonic() < until:
                one_operation(operation, mode, ask, known, until, examples, seed)


async def _world(house: Bed, client: httpx.AsyncClient) -> dict[str, str]:
    """Make one object of each kind and return their ids by the names of parameters."""

    async def made(path: str, **body: Any) -> Any:
        answer = await client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    pod = (await made("/v0/pods"))["pod_id"]
    inbox = (await made(f"/v0/pods/{pod}/inboxes"))["inbox_id"]
    got = await house.receive(mail(files={"a.txt": b"hello"}), inbox)
    return {
        "pod_id": pod,
        "inbox_id": inbox,
        "message_id": got.message_id,
        "thread_id": got.thread_id,
        "attachment_id": got.attachments[0].attachment_id,
        "draft_id": (await made(f"/v0/inboxes/{inbox}/drafts", to=["a@example.com"]))["draft_id"],
        "webhook_id": (await made(f"/v0/pods/{pod}/webhooks", url="https://example.com/"))["webhook_id"],
        "domain_id": (await made(f"/v0/pods/{pod}/domains", domain="pod.example"))["domain_id"],
        "api_key_id": (await made(f"/v0/inboxes/{inbox}/api-keys"))["api_key_id"],
        "entry": (await made("/v0/lists/send/block", entry="bad.example"))["entry"],
        "direction": "send",
        "type": "block",
    }
