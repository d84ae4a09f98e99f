"""What holds for all of /api/v0: keys, pages, errors, unknown fields, names of others."""

import httpx
import pytest

from tests.compat.inai.client import Refused, app, inai
from tests.compat.official import BASE, owner_key, wire
from tests.fakes.bed import Bed
from tests.fakes.mail import mail


@pytest.mark.promise("inai.auth.bearer", "inai.errors.envelope")
async def test_every_request_but_that_of_the_document_needs_a_key(house: Bed) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app(house)), base_url=BASE) as client:
        for headers, code in (
            ({}, "missing_authorization"),
            ({"authorization": "Basic x"}, "invalid_token_type"),
            ({"authorization": "Bearer inai_xxxx"}, "unknown_api_key"),
        ):
            answer = await client.get("/api/v0/inboxes", headers=headers)
            assert answer.status_code == 401
            error = answer.json()["error"]
            assert (error["code"], sorted(error)) == (code, ["code", "fix", "message"])
        assert (await client.get("/api/v0/openapi.json")).status_code == 200


@pytest.mark.promise("inai.errors.envelope")
async def test_a_path_that_there_is_not_and_a_method_that_it_has_not_are_told_in_the_envelope(house: Bed) -> None:
    async with inai(house) as client:
        for method, path, status in (("GET", "/api/v0/nothing", 404), ("PUT", "/api/v0/inboxes", 405)):
            answer = await client.http.request(method, path)
            assert (answer.status_code, sorted(answer.json()["error"])) == (status, ["code", "fix", "message"])


@pytest.mark.promise("inai.pagination", "inai.pagination.bounds")
async def test_pages_out_of_range_are_refused_by_name(house: Bed) -> None:
    async with inai(house) as client:
        inbox = (await client.create_inbox("agent")).inbox_id
        for path in (
            "/inboxes",
            "/domains",
            "/webhooks",
            "/api-keys",
            *(f"/inboxes/{inbox}/{x}" for x in ("messages", "threads")),
        ):
            first = (await client.http.get(f"/api/v0{path}")).json()
            assert (first["page"], first["page_size"], first["total"]) == (1, 20, len(first["data"]))
            for name, value in (
                *(("page", value) for value in ("0", "-1", "x", "1.5", "٣", "9" * 30)),
                *(("page_size", value) for value in ("0", "101", "-5", "ten", "1e1")),
            ):
                answer = await client.http.get(f"/api/v0{path}", params={name: value})
                assert (answer.status_code, answer.json()["error"]["problems"][0]["path"]) == (400, [name]), (
                    path,
                    value,
                )
            far = await client.http.get(f"/api/v0{path}", params={"page": "999999999999", "page_size": "100"})
            assert (far.status_code, far.json()["data"]) == (200, [])


@pytest.mark.promise("inai.errors.unknown")
async def test_what_is_not_known_is_refused_by_its_name(house: Bed) -> None:
    async with inai(house) as client:
        inbox = await client.create_inbox("agent")
        got = await house.receive(mail(), inbox.email_address)
        message = f"/inboxes/{inbox.inbox_id}/messages/{got.id}"
        for method, path, body, wrong in (
            ("POST", "/inboxes", {"username": "a", "status": "paused"}, ["status"]),
            ("POST", "/inboxes", {"username": "a", "client_id_tracks": False}, ["client_id_tracks"]),
            ("PATCH", f"/inboxes/{inbox.inbox_id}", {"metadata": {"a": 1}}, ["metadata"]),
            (
                "POST",
                f"/inboxes/{inbox.inbox_id}/messages/send",
                {"to": "a@b.example", "track_opens": True},
                ["track_opens"],
            ),
            (
                "POST",
                f"/inboxes/{inbox.inbox_id}/messages/send",
                {"to": "a@b.example", "text": "x", "attachments": [{"handle": "upl_x"}]},
                ["attachments", 0, "handle"],
            ),
            ("PATCH", message, {"add_labels": ["x"]}, ["add_labels"]),
            ("POST", f"{message}/reply", {"text": "x", "to": "a@b.example"}, ["to"]),
            ("POST", f"{message}/forward", {"to": "a@b.example", "new_thread": False}, ["new_thread"]),
            ("POST", "/domains", {"domain": "a.example", "inbound_enabled": False}, ["inbound_enabled"]),
            ("POST", "/webhooks", {"url": "https://a.example", "secret": "whsec_"}, ["secret"]),
            ("POST", "/api-keys", {"name": "a", "permissions": ["inbox_read"]}, ["permissions"]),
        ):
            answer = await client.http.request(method, f"/api/v0{path}", json=body)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (400, "validation_error")
            assert wrong in [problem["path"] for problem in error["problems"]], error
        for path in ("/inboxes?limit=5", "/webhooks?page_token=x", f"/inboxes/{inbox.inbox_id}/messages?labels=x"):
            answer = await client.http.get(f"/api/v0{path}")
            assert answer.status_code == 400, path
            assert "unknown" in answer.json()["error"]["message"]


@pytest.mark.promise("inai.errors.unknown")
async def test_fields_of_this_dialect_are_unknown_to_v0(house: Bed) -> None:
    async with inai(house) as client:
        for path, body in (
            ("/v0/inboxes", {"client_id_tracks": True}),
            ("/v0/webhooks", {"url": "https://a.example", "dialect": "inai"}),
            ("/v0/api-keys", {"prefix": "inai"}),
        ):
            async with wire(house, await owner_key(house)) as v0:
                answer = await v0.post(path, json=body)
            assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, [[*body][-1]])
        assert (await client.inboxes()).total == 0


@pytest.mark.promise("inai.errors.envelope")
async def test_a_wrong_value_is_told_at_the_field_that_the_request_has(house: Bed) -> None:
    async with inai(house) as client:
        inbox = await client.create_inbox("agent")
        got = await house.receive(mail(), inbox.email_address)
        with pytest.raises(Refused) as refused:
            await client.label(inbox.inbox_id, got.id, ["x" * 200])
        assert (refused.value.paths, refused.value.message[:7]) == ([["labels"]], "labels:")
        with pytest.raises(Refused) as refused:
            await client.reply(inbox.inbox_id, got.id, text="x", cc=["no address"])
        assert refused.value.paths == [["cc"]]
        bad: tuple[dict[str, object], ...] = ({}, {"to": None}, {"to": []})
        for given in bad:
            answer = await client.http.post(f"/api/v0/inboxes/{inbox.inbox_id}/messages/send", json=given)
            assert answer.status_code == 400
        with pytest.raises(Refused) as refused:
            await client.send(inbox.inbox_id, "nobody", text="x")
        assert refused.value.paths == [["to"]]


@pytest.mark.promise("inai.names.others-absent", "inai.names.stable")
async def test_names_of_another_dialect_or_tenant_are_absent(house: Bed) -> None:
    stranger = await house.stranger()
    theirs = await house.inbox("theirs", stranger)
    taken = await house.take(mail(), theirs.address)
    foreign = next(iter(taken.filed.values()))
    async with inai(house) as client:
        inbox = await client.create_inbox("agent")
        got = await house.receive(mail(), inbox.email_address)
        for absent in (
            theirs.inbox_id[4:],
            inbox.email_address,
            f"inb_{inbox.inbox_id}",
            "nk8x2j",
            inbox.inbox_id[:-1],
            "é" * 26,
        ):
            with pytest.raises(Refused) as refused:
                await client.inbox(absent)
            assert (refused.value.status, refused.value.code) == (404, "not_found"), absent
            assert absent in refused.value.message
        for absent in (got.message_id, foreign, "msg_abc123", got.id.upper()):
            with pytest.raises(Refused) as refused:
                await client.message(inbox.inbox_id, absent)
            assert refused.value.status == 404
        for absent in (got.thread_id, f"thr_{got.thread_id[4:-1]}", "thr_"):
            with pytest.raises(Refused) as refused:
                await client.thread(inbox.inbox_id, absent)
            assert refused.value.status == 404
        for ask in (client.webhook, client.delete_webhook, client.delete_key):
            for absent in ("ep_" + "0" * 26, "wh_" + "0" * 26, "key_" + "0" * 26):
                with pytest.raises(Refused) as refused:
                    await ask(absent)
                assert refused.value.status == 404
        other = await client.create_inbox("other")
        with pytest.raises(Refused):
            await client.message(other.inbox_id, got.id)
        with pytest.raises(Refused):
            await client.attachment(inbox.inbox_id, got.id, f"att_{got.id[4:]}_7")
