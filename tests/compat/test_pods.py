"""Pods and the organization through the official client."""

from typing import Any

import pytest
from agentmail import NotFoundError, ValidationError
from agentmail.api_keys import CreateBearerApiKeyRequest
from agentmail.core.api_error import ApiError
from agentmail.organizations import OrganizationForbiddenError

from tests.compat.official import official, owner_key, wire
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock

ONCE: Any = {"max_retries": 0}
BEARER = CreateBearerApiKeyRequest(name="k")


@pytest.mark.promise("pods.list", "pods.get", "pods.create", "order.pods", "idempotency.client-id-gives-the-first")
async def test_a_pod_is_made_found_and_listed_newest_first(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        (default,) = (await client.pods.list()).pods
        clock.advance(1)
        made = await client.pods.create(name="Acme", client_id="acme")
        assert (made.name, made.client_id, made.updated_at) == ("Acme", "acme", made.created_at)
        assert await client.pods.get(made.pod_id) == made
        assert await client.pods.create(name="Other", client_id="acme") == made
        assert [pod.pod_id for pod in (await client.pods.list()).pods] == [made.pod_id, default.pod_id]
        page = await client.pods.list(limit=1, ascending=True)
        assert [pod.pod_id for pod in page.pods] == [default.pod_id]
        rest = await client.pods.list(limit=1, ascending=True, page_token=page.next_page_token)
        assert ([pod.pod_id for pod in rest.pods], rest.next_page_token) == ([made.pod_id], None)


@pytest.mark.promise("idempotency.client-id-characters")
async def test_a_pod_without_a_name_has_one_and_a_bad_client_id_is_a_typed_400(house: Bed) -> None:
    async with official(house) as client:
        assert (await client.pods.create()).name
        assert (await client.pods.create(client_id="mine")).name == "mine"
        with pytest.raises(ValidationError):
            await client.pods.create(client_id="a@b")


@pytest.mark.promise("pods.delete", "errors.cannot-delete", "delete.pod", "fine.default-pod")
async def test_a_pod_goes_when_it_is_empty_and_the_default_pod_never(house: Bed) -> None:
    async with official(house) as client:
        pod = await client.pods.create(name="p")
        inbox = await client.pods.inboxes.create(pod.pod_id)
        key = await client.pods.api_keys.create(pod.pod_id, request=BEARER)
        removals = (
            client.pods.inboxes.delete(pod.pod_id, inbox.inbox_id),
            client.pods.api_keys.delete(pod.pod_id, key.api_key_id),
        )
        for remove in removals:
            with pytest.raises(ApiError) as caught:
                await client.pods.delete(pod.pod_id, request_options=ONCE)
            assert (caught.value.status_code, caught.value.body["code"]) == (409, "cannot_delete")
            await remove
        await client.pods.delete(pod.pod_id)
        for attempt in (
            client.pods.get(pod.pod_id),
            client.pods.delete(pod.pod_id),
            client.pods.inboxes.list(pod.pod_id),
        ):
            with pytest.raises(NotFoundError):
                await attempt
        default = (await client.inboxes.create()).pod_id
        with pytest.raises(ApiError) as caught:
            await client.pods.delete(default, request_options=ONCE)
        assert caught.value.body["code"] == "cannot_delete"
        assert (await client.pods.get(default)).pod_id == default


async def test_the_default_pod_stays_the_default_when_the_clock_goes_back(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        (default,) = (await client.pods.list()).pods
        clock.advance(-10_000)
        await client.pods.create(name="older")
        assert (await client.inboxes.create()).pod_id == default.pod_id


@pytest.mark.promise("keys.scope-by-route", "auth.scope")
async def test_a_key_of_a_pod_sees_that_pod_alone_and_makes_no_other(house: Bed) -> None:
    async with official(house) as client:
        outer = await client.inboxes.create()
        pod = await client.pods.create(name="p")
        key = await client.pods.api_keys.create(pod.pod_id, request=BEARER)
    async with official(house, key.api_key) as client:
        assert [found.pod_id for found in (await client.pods.list()).pods] == [pod.pod_id]
        identity = await client.auth.me()
        assert (identity.scope_type, identity.scope_id, identity.pod_id) == ("pod", pod.pod_id, pod.pod_id)
        assert (await client.inboxes.create()).pod_id == pod.pod_id
        assert (await client.inboxes.list()).count == 1
        for attempt in (
            client.pods.get(outer.pod_id),
            client.pods.delete(outer.pod_id),
            client.pods.inboxes.list(outer.pod_id),
            client.inboxes.get(outer.inbox_id),
        ):
            with pytest.raises(NotFoundError):
                await attempt
        with pytest.raises(ApiError) as caught:
            await client.pods.create(name="q")
        assert (caught.value.status_code, caught.value.body["code"]) == (403, "forbidden")


async def test_a_pod_of_another_organization_is_absent(house: Bed) -> None:
    stranger = await house.stranger()
    key = await house.call("keys.create", stranger)
    async with official(house) as client:
        pod = await client.pods.create(name="p", client_id="mine")
    async with official(house, key.api_key) as client:
        for attempt in (
            client.pods.get(pod.pod_id),
            client.pods.delete(pod.pod_id),
            client.pods.inboxes.list(pod.pod_id),
        ):
            with pytest.raises(NotFoundError):
                await attempt
        assert (await client.pods.create(client_id="mine")).pod_id != pod.pod_id
        assert pod.pod_id not in [found.pod_id for found in (await client.pods.list()).pods]


@pytest.mark.promise("organizations.get", "organizations.counts")
async def test_the_organization_counts_what_it_has_and_names_no_limit(house: Bed) -> None:
    stranger = await house.stranger()
    await house.inbox("elsewhere", stranger)
    async with official(house) as client:
        before = await client.organizations.get()
        await client.inboxes.create()
        after = await client.organizations.get()
        assert (before.inbox_count, after.inbox_count, after.domain_count) == (0, 1, 0)
        assert (after.inbox_limit, after.domain_limit, after.billing_id) == (None, None, None)
        assert after.organization_id == (await client.auth.me()).organization_id


@pytest.mark.promise("organizations.get_labs", "organizations.join_labs")
async def test_there_are_no_labs(house: Bed) -> None:
    async with official(house) as client:
        labs = await client.organizations.get_labs()
        assert (labs.enabled, labs.available) == (False, False)
        with pytest.raises(OrganizationForbiddenError):
            await client.organizations.join_labs()


async def test_what_only_the_hosted_service_has_is_absent(house: Bed) -> None:
    async with wire(house, await owner_key(house)) as client:
        for method, path in (
            ("POST", "/v0/inboxes/a@b.c/authorize"),
            ("GET", "/v0/apps"),
            ("POST", "/v0/agent/sign-up"),
        ):
            answer = await client.request(method, path, json={})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


async def test_the_organization_counts_its_domains_and_a_pod_with_one_stays(house: Bed) -> None:
    async with official(house) as client:
        pod = (await client.pods.create(name="one")).pod_id
        await client.pods.domains.create(pod, domain="example.com")
        assert (await client.organizations.get()).domain_count == 1
        with pytest.raises(ApiError, match="cannot_delete"):
            await client.pods.delete(pod)
        await client.pods.domains.delete(pod, "example.com")
        await client.pods.delete(pod)
        assert (await client.organizations.get()).domain_count == 0
