"""Every promise has a row and every row a test: looked at from both ends."""

import json
from collections import Counter
from pathlib import Path

import pytest

from postroom.http.agentmail.app import PREFIX, ROUTES
from tests.compat.lies import method_of, route_of, shape
from tests.compat.official import owner_key, wire
from tests.compat.promises import ROOT, found
from tests.compat.requirements import CORE, HOSTED, IDS, OPERATIONS, POSSIBLE, TWICE, OperationRow
from tests.fakes.bed import Bed

CONTRACT = ROOT.parent / "shared" / "contract" / "agentmail.json"
# What is answered of what is the hosted service's own: that it is not there, in the words that its clients have for it.
ANSWERED = ("domains.get_setup_link", "organizations.get_labs", "organizations.join_labs")
ABSENT = [row for row in (*POSSIBLE, *HOSTED) if row.id not in ANSWERED]
# Routes that the official client of today does not name: keys of a scope, and the metrics of older clients.
OTHERS = {
    ("GET", shape(PREFIX + path))
    for path in (
        "/pods/{pod_id}/api-keys/{api_key_id}",
        "/inboxes/{inbox_id}/api-keys/{api_key_id}",
        "/metrics",
        "/pods/{pod_id}/metrics",
        "/inboxes/{inbox_id}/metrics",
    )
}


def test_no_promise_stands_twice() -> None:
    assert TWICE == []


@pytest.mark.timeout(120)
def test_every_promise_has_a_test_and_every_mark_a_promise(tmp_path: Path) -> None:
    marked = [p for p in (ROOT / "tests").rglob("test_*.py") if "mark.promise(" in p.read_text("utf-8")]
    marks = found(tmp_path, "--collect-only", *map(str, marked), timeout_s=100)["marks"]
    tied = {name for names in marks.values() for name in names}
    assert sorted(tied - IDS) == []
    assert sorted(IDS - tied) == []


def test_the_rows_are_the_operations_of_the_contract() -> None:
    if not CONTRACT.exists():
        pytest.skip("the contract is not beside this checkout")
    given = {(o["operation"], o["method"], o["path"]) for o in json.loads(CONTRACT.read_text("utf-8"))["operations"]}
    assert {(row.id, row.method, row.path) for row in OPERATIONS} == given


def test_the_core_is_132_of_180_operations() -> None:
    assert Counter(row.mark for row in OPERATIONS) == {"core": 132, "possible": 29, "hosted": 19}


def test_every_row_is_a_method_of_the_official_client() -> None:
    for row in OPERATIONS:
        assert callable(method_of(row))


def test_every_route_is_of_a_row_and_every_core_row_has_a_route() -> None:
    served = {(route.method, shape(PREFIX + route.path)) for route in ROUTES}
    promised = {(row.method, shape(row.path)) for row in OPERATIONS if row.id in ANSWERED or row.mark == "core"}
    assert served - promised == OTHERS
    assert promised - served == set()
    for row in CORE:
        assert route_of(row).method == row.method


@pytest.mark.parametrize("row", [pytest.param(row, marks=pytest.mark.promise(row.id), id=row.id) for row in ABSENT])
@pytest.mark.promise("transport.no-501")
async def test_what_is_not_offered_is_a_404_with_the_envelope(house: Bed, row: OperationRow) -> None:
    inbox = await house.inbox()
    path = row.path.format_map(_Ids(inbox_id=inbox.address, pod_id=inbox.pod_id))
    async with wire(house, await owner_key(house)) as client:
        answer = await client.request(row.method, path, json=None if row.method == "GET" else {})
    body = answer.json()
    assert (answer.status_code, body["name"], body["code"]) == (404, "NotFoundError", "not_found")
    assert body["message"]


class _Ids(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "absent"
