"""The document at /v1/agent-email/openapi.json: made of the routes, right in itself, and no request drawn from it fails
the server. And every endpoint of the text has its row and its route.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from postroom.http.transactional import openapi
from postroom.http.transactional.app import PREFIX, ROUTES
from tests.compat.hunt import one_operation, references
from tests.compat.lies import shape
from tests.compat.requirements.transactional import ENDPOINTS
from tests.compat.transactional.client import Client, transactional
from tests.compat.transactional.test_examples import TEXT, examples
from tests.fakes.bed import Bed
from tests.fakes.mail import mail

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its imports are told is theirs
    import schemathesis
    from schemathesis import GenerationMode

SECONDS = 12.0  # for all operations together
ANSWER_S = 10.0


def test_every_endpoint_has_a_route_and_every_route_an_endpoint() -> None:
    rows = {(row.method, shape(re.sub(r":\w+", "{}", row.path))) for row in ENDPOINTS}
    assert {(route.method, shape(PREFIX + route.path)) for route in ROUTES} == rows
    assert len(rows) == len(ROUTES) == 35


def test_every_endpoint_of_the_text_has_its_row() -> None:
    if not TEXT.exists():
        pytest.skip("the text of this API is not beside this checkout")
    found = {(one.method, PREFIX + one.path.partition("?")[0]) for one in examples(TEXT.read_text("utf-8"))}
    assert {(row.method, row.path) for row in ENDPOINTS} == found


def test_the_document_has_every_route_under_a_name_of_its_own_and_holds_together() -> None:
    document = openapi.document(PREFIX, ROUTES)
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(set(names)) == len(names) == len(ROUTES) + 1
    assert json.loads(openapi.rendered(PREFIX, ROUTES)) == document
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in references(document):
        at: Any = document
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]
    batch = document["paths"][f"{PREFIX}/messages/send-batch"]["post"]["requestBody"]["content"]["application/json"]
    one = batch["schema"]["properties"]["messages"]["items"]
    assert (one["required"], one["additionalProperties"]) == (["to"], False)
    assert set(one["properties"]["attachments"]["items"]["properties"]) == {"filename", "content", "contentType"}


def test_the_document_is_not_made_at_the_start() -> None:
    asks = "import sys, postroom.cli.daemon; print('postroom.http.transactional.openapi' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, timeout=30, check=True)
    assert told.stdout.strip() == "False"


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore")  # of the generators
def test_no_request_of_the_document_fails_the_server(house: Bed) -> None:
    asyncio.run(asyncio.wait_for(_hunt(house), SECONDS + 40))


async def _hunt(house: Bed) -> None:
    async with house, transactional(house) as client:
        known = await _world(house, client)
        loop = asyncio.get_running_loop()

        def ask(method: str, path: str, **given: Any) -> httpx.Response:
            asked = client.http.request(method, path, **given)
            return asyncio.run_coroutine_threadsafe(asked, loop).result(ANSWER_S)

        await asyncio.to_thread(_all_operations, ask, known)


async def _world(house: Bed, client: Client) -> Mapping[str, str]:
    box = await client.create_mailbox("agent")
    got = await house.receive(mail(files={"a.txt": b"hello"}), box.address)
    return {
        "inbox_id": box.id,
        "message_id": got.id,
        "thread_id": got.thread_id,
        "webhook_id": (await client.create_webhook(box.id, "https://example.com/", ["message.received"])).id,
        "domain_id": (await client.add_domain("one.example")).id,
        "label": (await client.create_label(box.id, "one")).name,
    }


def _all_operations(ask: Any, known: Mapping[str, str]) -> None:
    until = time.monotonic() + SECONDS
    schema = schemathesis.openapi.from_dict(openapi.document(PREFIX, ROUTES))
    for operation in (result.ok() for result in schema.get_all_operations()):  # type: ignore[union-attr]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if time.monotonic() < until:
                one_operation(operation, mode, ask, known, until, examples=6, seed=1)
