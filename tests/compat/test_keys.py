"""API keys through the official client: shown once, confined, never more than the key that made them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from agentmail import AsyncAgentMail, NotFoundError, ValidationError
from agentmail.api_keys import ApiKeyPermissions, CreateBearerApiKeyRequest, CreatePublicKeyRequest, PublicJwk
from agentmail.core.api_error import ApiError

from tests.compat.official import official, owner_key, wire
from tests.fakes.bed import Bed
from tests.fakes.clock import HOUR, FakeClock


def _bearer(**given: Any) -> CreateBearerApiKeyRequest:
    return CreateBearerApiKeyRequest(**given)


def _may(*names: str) -> ApiKeyPermissions:
    return ApiKeyPermissions(**dict.fromkeys(names, True))


def _at(clock: FakeClock, ms: int) -> datetime:
    return datetime.fromtimestamp((clock.now + ms) / 1000, UTC)


async def _refused(attempt: Any, status: int, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        await attempt
    body = caught.value.body if isinstance(caught.value.body, dict) else caught.value.body.model_dump()
    assert (caught.value.status_code, body["code"]) == (status, code)


@pytest.mark.promise("api_keys.create", "api_keys.get", "api_keys.update", "api_keys.delete", "errors.unknown-key")
@pytest.mark.promise("keys.format")
async def test_a_key_is_made_shown_listed_changed_and_deleted(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        clock.advance(1)
        made = await client.api_keys.create(request=_bearer(name="robot", permissions=_may("inbox_read", "pod_read")))
        assert made.api_key.startswith(made.prefix)
        shown = await client.api_keys.get(made.api_key_id)
        assert (shown.type, shown.name, shown.pod_id, shown.inbox_id) == ("bearer", "robot", None, None)
        assert shown.permissions.model_dump(exclude_none=True) == {"inbox_read": True, "pod_read": True}
        assert (await client.api_keys.list()).api_keys[0] == shown
        clock.advance(1_000)
        changed = await client.api_keys.update(made.api_key_id, name="android", permissions=_may("pod_read"))
        assert changed == await client.api_keys.get(made.api_key_id)
        assert (changed.name, changed.updated_at - changed.created_at) == ("android", timedelta(seconds=1))
    async with official(house, made.api_key) as robot:
        await robot.pods.list()
        await _refused(robot.inboxes.list(), 403, "missing_permission")
        async with official(house) as client:
            await client.api_keys.delete(made.api_key_id)
        await _refused(robot.pods.list(), 401, "unknown_api_key")
    async with official(house) as client:
        for attempt in (client.api_keys.get(made.api_key_id), client.api_keys.delete(made.api_key_id)):
            with pytest.raises(NotFoundError):
                await attempt


@pytest.mark.promise("keys.shown-once")
async def test_the_value_of_a_key_is_in_the_answer_to_its_creation_alone(house: Bed) -> None:
    async with official(house) as client:
        made = await client.api_keys.create(request=_bearer(name="robot"))
        async with wire(house, made.api_key) as robot:
            for answer in (
                await robot.get("/v0/api-keys"),
                await robot.get(f"/v0/api-keys/{made.api_key_id}"),
                await robot.patch(f"/v0/api-keys/{made.api_key_id}", json={"name": "x"}),
            ):
                assert answer.status_code == 200
                assert made.api_key not in answer.text


@pytest.mark.promise("api_keys.list", "pods.api_keys.list", "inboxes.api_keys.list", "pods.api_keys.create")
@pytest.mark.promise("inboxes.api_keys.create", "order.keys")
async def test_keys_are_listed_by_scope_over_all_pages(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        pod = await client.pods.create(name="p")
        inbox = await client.pods.inboxes.create(pod.pod_id)
        made = []
        for create in (
            client.api_keys.create(request=_bearer(name="o")),
            client.pods.api_keys.create(pod.pod_id, request=_bearer(name="p")),
            client.inboxes.api_keys.create(inbox.inbox_id, request=_bearer(name="i")),
        ):
            clock.advance(1)
            made.append((await create).api_key_id)
        found: list[str] = []
        token = None
        while True:
            page = await client.api_keys.list(limit=1, page_token=token, ascending=True)
            found += [key.api_key_id for key in page.api_keys]
            if (token := page.next_page_token) is None:
                break
        assert found[-3:] == made
        of_pod = (await client.pods.api_keys.list(pod.pod_id)).api_keys
        assert [key.api_key_id for key in of_pod] == [made[2], made[1]]
        (of_inbox,) = (await client.inboxes.api_keys.list(inbox.inbox_id)).api_keys
        assert (of_inbox.api_key_id, of_inbox.pod_id, of_inbox.inbox_id) == (made[2], pod.pod_id, inbox.inbox_id)
        assert (await client.api_keys.list(type="public_key")).count == 0
        assert (await client.api_keys.list(type="bearer")).count >= 3


@pytest.mark.parametrize("kind", ["pod", "inbox"])
@pytest.mark.promise("auth.me", "pods.api_keys.delete", "inboxes.api_keys.delete", "keys.scope-by-route", "auth.scope")
async def test_a_key_of_a_scope_is_changed_in_it_and_absent_in_another(house: Bed, kind: str) -> None:
    def place(client: AsyncAgentMail) -> Any:
        return client.pods.api_keys if kind == "pod" else client.inboxes.api_keys

    async with official(house) as client:
        pods = [await client.pods.create(name=name) for name in "ab"]
        inboxes = [await client.pods.inboxes.create(pod.pod_id) for pod in pods]
        mine, other = [p.pod_id for p in pods] if kind == "pod" else [i.inbox_id for i in inboxes]
        keys = place(client)
        made = await keys.create(mine, request=_bearer(name="k"))
        assert (await keys.update(mine, made.api_key_id, name="l")).name == "l"
        for attempt in (
            keys.update(other, made.api_key_id, name="m"),
            keys.delete(other, made.api_key_id),
            keys.list("pod_absent" if kind == "pod" else "absent@b.test"),
        ):
            with pytest.raises(NotFoundError):
                await attempt
        async with official(house, made.api_key) as confined:
            identity = await confined.auth.me()
            assert (identity.scope_type, identity.scope_id) == (kind, mine)
            with pytest.raises(NotFoundError):
                await confined.inboxes.get(inboxes[1].inbox_id)
            with pytest.raises(NotFoundError):
                await place(confined).list(other)
            owners = await client.api_keys.create(request=_bearer(name="wider"))
            with pytest.raises(NotFoundError):
                await confined.api_keys.delete(owners.api_key_id)
        await keys.delete(mine, made.api_key_id)
        assert (await keys.list(mine)).count == 0


@pytest.mark.promise("keys.no-escalation")
async def test_a_child_never_gets_more_than_its_parent_by_any_way(house: Bed, clock: FakeClock) -> None:
    own = _may("api_key_create", "api_key_update", "api_key_read", "inbox_read")
    async with official(house) as client:
        end = _at(clock, HOUR)
        parent = await client.api_keys.create(request=_bearer(permissions=own, expires_at=end))
    async with wire(house, parent.api_key) as raw, official(house, parent.api_key) as client:
        for body in (
            {},
            {"permissions": None},
            {"permissions": {"inbox_read": True, "inbox_create": True}},
            {"permissions": {"inbox_read": True}, "expires_at": _at(clock, HOUR + 1).isoformat()},
        ):
            answer = await raw.post("/v0/api-keys", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_escalation"), body
        child = await client.api_keys.create(request=_bearer(permissions=_may("inbox_read")))
        assert child.expires_at == end
        for target in (child.api_key_id, parent.api_key_id):
            for permissions in (None, {"inbox_create": True}):
                answer = await raw.patch(f"/v0/api-keys/{target}", json={"permissions": permissions})
                assert (answer.status_code, answer.json()["code"]) == (403, "permission_escalation")
        assert (await client.api_keys.get(child.api_key_id)).permissions == _may("inbox_read")
    async with official(house) as client:
        unbound = await client.api_keys.update(child.api_key_id, permissions=None)
        assert unbound.permissions is None


@pytest.mark.promise("errors.unknown-key", "keys.expiry-stays")
async def test_a_key_ends_when_it_said_and_that_cannot_be_moved(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        made = await client.api_keys.create(request=_bearer(expires_at=_at(clock, HOUR)))
        async with wire(house, await owner_key(house)) as raw:
            path = f"/v0/api-keys/{made.api_key_id}"
            for body in ({"expires_at": None}, {"expires_at": "2030-01-01T00:00:00Z"}, {}, {"name": None}):
                assert (await raw.patch(path, json=body)).status_code == 400, body
        with pytest.raises(ValidationError):
            await client.api_keys.create(request=_bearer(expires_at=_at(clock, 0)))
        assert (await client.api_keys.get(made.api_key_id)).expires_at == _at(clock, HOUR)
    async with official(house, made.api_key) as robot:
        await robot.auth.me()
        clock.advance(HOUR)
        await _refused(robot.auth.me(), 401, "unknown_api_key")


@pytest.mark.promise("keys.permissions-are-a-whitelist", "keys.old-names")
async def test_permissions_are_a_map_in_which_only_true_allows(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        for permissions, kept in (
            ({}, {}),
            ({"inbox_read": False}, {}),
            ({"inbox_read": True, "pod_read": False, "thread_read": True, "file_read": True}, {"inbox_read": True}),
        ):
            answer = await client.post("/v0/api-keys", json={"permissions": permissions})
            assert answer.json()["permissions"] == kept
            async with wire(house, answer.json()["api_key"]) as robot:
                assert (await robot.get("/v0/inboxes")).status_code == (200 if "inbox_read" in kept else 403)
                assert (await robot.get("/v0/pods")).status_code == 403
        for wrong in (
            {"inbox_reed": True},
            {"inbox_reed": False},
            {"inbox_read": "yes"},
            {"inbox_read": None},
            "all",
            5,
        ):
            answer = await client.post("/v0/api-keys", json={"permissions": wrong})
            assert (answer.status_code, answer.json()["code"]) == (400, "validation_error"), wrong


@pytest.mark.promise("errors.typed", "keys.public-key-400")
async def test_a_public_key_is_a_typed_400(house: Bed) -> None:
    jwk = PublicJwk(kty="EC", crv="P-256", x="x", y="y")
    async with official(house) as client:
        with pytest.raises(ValidationError) as caught:
            await client.api_keys.create(request=CreatePublicKeyRequest(public_key=jwk, client_id="c"))
        assert caught.value.body.errors[0]["path"] == ["public_key"]
        assert "not offered" in str(caught.value.body.message)
