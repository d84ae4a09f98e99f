"""Each operation asks for its permission, on each of its routes, and for no other."""

from typing import Any

import httpx
import pytest

from postroom.http.agentmail.app import ROUTES
from postroom.http.route import Route
from postroom.service.tenants import PERMISSIONS as ALL
from tests.compat.mutants import permitted
from tests.compat.official import wire
from tests.compat.requirements import PERMISSIONS, PermissionRow
from tests.fakes.bed import Bed


def test_the_rows_are_the_operations_that_need_a_permission() -> None:
    assert {row.operation: row.permission for row in PERMISSIONS} == permitted()


async def _answers(house: Bed, row: PermissionRow, permissions: set[str]) -> list[tuple[Route, httpx.Response]]:
    """Ask all routes of an operation with a key that has these permissions, for things that are not there."""
    inbox = await house.inbox(f"agent{len(permissions)}")
    places = {"pod_id": inbox.pod_id, "inbox_id": inbox.address}
    made = await house.call("keys.create", permissions=sorted(permissions))
    answers = []
    async with wire(house, made.api_key) as client:
        for route in ROUTES:
            if route.operation == row.operation:
                names = {name: places.get(name, "absent") for name in route.pattern.groupindex}
                given: dict[str, Any] = {} if route.method == "GET" else {"json": {}}
                path = "/v0" + route.path.format(**names)
                answers.append((route, await client.request(route.method, path, **given)))
    return answers


@pytest.mark.parametrize(
    "row", [pytest.param(row, marks=pytest.mark.promise(row.id), id=row.operation) for row in PERMISSIONS]
)
@pytest.mark.promise("errors.missing-permission")
async def test_an_operation_needs_its_permission_and_no_other(house: Bed, row: PermissionRow) -> None:
    without = await _answers(house, row, set(ALL) - {row.permission})
    assert without
    for route, answer in without:
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_permission"), route
        assert row.permission in answer.json()["fix"], route
    for route, answer in await _answers(house, row, {row.permission}):
        assert "missing_permission" not in answer.text, route
