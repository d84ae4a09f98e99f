"""The document at /api/v0/openapi.json: made of the routes, right in itself, and no request drawn from it fails the
server. And every endpoint of the text has its row and its route.
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

from postroom.http.inai import openapi
from postroom.http.inai.app import PREFIX, ROUTES
from tests.compat.hunt import one_operation, references
from tests.compat.inai.client import Client, inai
from tests.compat.inai.test_examples import TEXT
from tests.compat.lies import shape
from tests.compat.requirements.inai import ENDPOINTS
from tests.fakes.bed import Bed
from tests.fakes.mail import mail

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its imports are told is theirs
    import schemathesis
    from schemathesis import GenerationMode

SECONDS = 15.0  # for all operations together
ANSWER_S = 10.0


def _document() -> dict[str, Any]:
    return openapi.document(PREFIX, ROUTES)


def test_every_endpoint_has_a_route_and_every_route_an_endpoint() -> None:
    rows = {(row.method, shape(re.sub(r":\w+", "{}", row.path))) for row in ENDPOINTS}
    assert {(route.method, shape(PREFIX + route.path)) for route in ROUTES} == rows
    assert len(rows) == 30


def test_every_endpoint_of_the_text_has_its_row() -> None:
    if not TEXT.exists():
        pytest.skip("the text of this API is not beside this checkout")
    text = TEXT.read_text("utf-8")
    named = re.findall(r"/api/v0(/[a-z-]+(?:/(?::[a-zA-Z]+(?=[A-Z][a-z]|/)|[a-z-]+(?=[A-Z]|/)))*)(?=[A-Z])", text)
    paths = {f"/api/v0{path}" for path in named}
    assert {row.path for row in ENDPOINTS} == paths


def test_the_document_has_every_route_under_a_name_of_its_own() -> None:
    document = _document()
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) == len(ROUTES) + 1
    assert json.loads(openapi.rendered(PREFIX, ROUTES)) == document


def test_every_schema_is_one_and_every_reference_leads_somewhere() -> None:
    document = _document()
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in references(document):
        at: Any = document
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def test_the_document_is_not_made_at_the_start() -> None:
    asks = "import sys, postroom.cli.daemon; print('postroom.http.inai.openapi' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, timeout=30, check=True)
    assert told.stdout.strip() == "False"


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore")  # of the generators
def test_no_request_of_the_document_fails_the_server(house: Bed) -> None:
    asyncio.run(asyncio.wait_for(_hunt(house), SECONDS + 40))


async def _hunt(house: Bed) -> None:
    async with house, inai(house) as client:
        known = await _world(house, client)
        loop = asyncio.get_running_loop()

        def ask(method: str, path: str, **given: Any) -> httpx.Response:
            asked = client.http.request(method, path, **given)
            return asyncio.run_coroutine_threadsafe(asked, loop).result(ANSWER_S)

        await asyncio.to_thread(_all_operations, ask, known)


async def _world(house: Bed, client: Client) -> Mapping[str, str]:
    inbox = await client.create_inbox("agent")
    got = await house.receive(mail(files={"a.txt": b"hello"}), inbox.email_address)
    hook = await client.create_webhook("https://example.com/", ["message.received"])
    return {
        "inbox_id": inbox.inbox_id,
        "message_id": got.id,
        "thread_id": f"thr_{got.thread_id[4:]}",
        "attachment_id": got.attachments[0].attachment_id,
        "webhook_id": hook.webhook_id,
        "api_key_id": (await client.create_key("one")).key_id,
        "domain_id": (await client.create_domain("one.example")).domain_id,
    }


def _all_operations(ask: Any, known: Mapping[str, str]) -> None:
    until = time.monotonic() + SECONDS
    schema = schemathesis.openapi.from_dict(_document())
    for operation in (result.ok() for result in schema.get_all_operations()):  # type: ignore[union-attr]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if time.monotonic() < until:
                one_operation(operation, mode, ask, known, until, examples=6, seed=1)
