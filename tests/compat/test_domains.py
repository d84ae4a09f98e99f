"""Domains through the official client: added, published, verified against a DNS server, used, taken away."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agentmail import AsyncAgentMail
from agentmail.core.api_error import ApiError
from agentmail.domains import Domain
from agentmail.errors import ConflictError, NotFoundError, UnprocessableError, ValidationError
from agentmail.inboxes import CreateInboxRequest

from postroom.model.event import EventType
from postroom.model.tenant import SYSTEM
from tests.compat.official import official, owner_key, wire
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.dns import FakeDns
from tests.fakes.mail import mail

HOST = "postroom.localhost"


@pytest.fixture
def dns() -> Iterator[FakeDns]:
    """A DNS server whose records the test sets."""
    with FakeDns() as server:
        yield server


@pytest.fixture
def house(home: Path, clock: FakeClock, migrated: Path, dns: FakeDns) -> Bed:
    """A house that asks the test's DNS server."""
    return Bed(home, clock, migrated, resolver=dns.endpoint)


async def verified(client: AsyncAgentMail, dns: FakeDns, name: str = "example.com", **given: Any) -> Domain:
    """Add a domain, publish its records, verify it."""
    made = await client.domains.create(domain=name, **given)
    dns.publish(made.records)
    await client.domains.verify(made.domain_id)
    done: Domain = await client.domains.get(made.domain_id)
    return done


def statuses(domain: Domain) -> dict[str, tuple[str, str | None]]:
    return {f"{record.type} {record.name}": (record.status, record.reason) for record in domain.records}


@pytest.mark.promise("domains.create", "inboxes.domain-must-be-verified", "domains.by-name", "domains.status")
@pytest.mark.promise("domains.item-status")
async def test_a_domain_is_added_published_verified_and_used_for_mail(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        made = await client.domains.create(domain="Example.COM")
        assert (made.domain_id, made.status, made.reason) == ("example.com", "NOT_STARTED", None)
        assert made.pod_id is None
        assert made.feedback_enabled
        assert made.inbound_enabled
        assert not made.subdomains_enabled
        with pytest.raises(UnprocessableError) as caught:
            await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="example.com"))
        assert "verified" in (caught.value.body.fix or "")

        await client.domains.verify("example.com")
        pending = await client.domains.get("example.com")
        assert (pending.status, pending.reason) == ("PENDING", "dns_records_missing")

        dns.publish(made.records)
        await client.domains.verify("example.com")
        done = await client.domains.get("example.com")
        assert (done.status, done.reason) == ("VERIFIED", None)
        assert {record.status for record in done.records} == {"VALID"}

        inbox = await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="EXAMPLE.com"))
        assert inbox.inbox_id == "agent@example.com"
        local = await client.inboxes.create(request=CreateInboxRequest(username="local"))
        sent = await client.inboxes.messages.send(inbox.inbox_id, to=[local.inbox_id], text="hello")
        assert sent.message_id.endswith("@example.com>")
        await house.settled()
        (item,) = (await client.inboxes.messages.list(local.inbox_id)).messages
        answer = await client.inboxes.messages.reply(local.inbox_id, item.message_id, text="thanks")
        await house.settled()
        thread = await client.inboxes.threads.get(inbox.inbox_id, sent.thread_id)
        assert [m.message_id for m in thread.messages] == [sent.message_id, answer.message_id]


@pytest.mark.promise("domains.records", "domains.dmarc-rejects")
async def test_the_records_name_this_server_and_a_key_of_2048_bits(house: Bed) -> None:
    async with official(house) as client:
        made = await client.domains.create(domain="example.com", subdomains_enabled=True)
        spf, dkim, dmarc, mx, wildcard = made.records
        assert (spf.type, spf.name, spf.value) == ("TXT", "example.com", f"v=spf1 a:{HOST} ~all")
        assert dkim.name.endswith("._domainkey.example.com")
        assert dkim.value.startswith("v=DKIM1; k=rsa; p=MIIBIjANBgkqh")
        assert (dmarc.name, dmarc.value) == ("_dmarc.example.com", "v=DMARC1; p=reject;")
        assert (mx.type, mx.name, mx.value, mx.priority) == ("MX", "example.com", HOST, 10)
        assert (wildcard.type, wildcard.name, wildcard.value, wildcard.priority) == ("MX", "*.example.com", HOST, 10)
        other = await client.domains.create(domain="example.org", inbound_enabled=False)
        assert [record.type for record in other.records] == ["TXT", "TXT", "TXT"]
        assert other.records[1].value != dkim.value


async def test_a_private_key_is_encrypted_on_disk_and_shown_by_nobody(house: Bed) -> None:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    async with official(house) as client:
        made = await client.domains.create(domain="example.com")
        ((sealed, public),) = house.rows("SELECT private_key, public_key FROM domain")
        key = load_der_private_key(_opened(house, sealed), None)
        assert key.public_key().key_size == 2048  # type: ignore[union-attr]
        assert public in made.records[1].value
        assert sealed not in made.model_dump_json()


def _opened(house: Bed, sealed: str) -> bytes:
    import base64

    return base64.b64decode(house.desk.rooms.secret.unseal("dkim", sealed))


@pytest.mark.promise("domains.verify-has-no-body")
async def test_a_domain_that_is_verified_twice_tells_of_it_once(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        await verified(client, dns)
        await client.domains.verify("example.com")
        events = house.rows("SELECT data FROM event WHERE type = ?", EventType.DOMAIN_VERIFIED.value)
        assert len(events) == 1
        assert '"example.com"' in events[0][0]


@pytest.mark.promise("domains.get", "domains.verify", "domains.records")
async def test_each_record_says_what_is_wrong_with_it(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        made = await client.domains.create(domain="example.com")
        dns.publish(made.records)
        dns.set("example.com", "TXT", "v=spf1 include:a.example ~all", "v=spf1 -all", "other=words")
        dns.set(made.records[1].name, "TXT", made.records[1].value[:-8] + "AAAAAAAA")
        dns.set("_dmarc.example.com", "TXT", "v=DMARC1; p=none; rua=mailto:me@example.com")
        dns.set("example.com", "MX", "5 mx.elsewhere.example", f"10 {HOST}")
        await client.domains.verify("example.com")
        found = await client.domains.get("example.com")
        assert (found.status, found.reason) == ("INVALID", "dns_records_invalid")
        assert list(statuses(found).values()) == [
            ("INVALID", "duplicate_records"),
            ("INVALID", "value_mismatch"),
            ("INVALID", "value_mismatch"),
            ("INVALID", "value_mismatch"),
        ]


async def test_records_that_say_the_same_in_other_words_are_valid(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        made = await client.domains.create(domain="example.com")
        dkim = made.records[1]
        dns.set("example.com", "TXT", f"V=SPF1 include:_spf.example.net +a:{HOST} -all", "site-verification=1")
        dns.set(dkim.name, "TXT", dkim.value.replace("v=DKIM1; k=rsa; ", "").replace("MIIB", "MI IB"))
        dns.set("_dmarc.example.com", "TXT", "v=DMARC1;p=quarantine; rua=mailto:me@example.com")
        dns.set("example.com", "MX", f"1 {HOST.upper()}", "1 second.example", "20 third.example")
        await client.domains.verify("example.com")
        assert (await client.domains.get("example.com")).status == "VERIFIED"


async def test_the_mx_records_of_an_alias_are_not_those_of_the_domain(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        made = await client.domains.create(domain="mail.example.com")
        dns.publish([record for record in made.records if record.type == "TXT"])
        dns.set("mail.example.com", "CNAME", "elsewhere.example")
        dns.set("elsewhere.example", "MX", f"10 {HOST}")
        dns.set("elsewhere.example", "TXT", made.records[0].value)
        await client.domains.verify("mail.example.com")
        found = await client.domains.get("mail.example.com")
        assert [record.status for record in found.records] == ["VALID", "VALID", "VALID", "MISSING"]


async def test_a_silent_dns_fails_the_verification_and_takes_nothing_from_a_verified_domain(
    house: Bed, dns: FakeDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with official(house) as client:
        await client.domains.create(domain="example.org")
        done = await verified(client, dns)
        dns.is_silent = True
        monkeypatch.setattr("postroom.net.dns.LOOKUP_S", 0.2)
        for name in ("example.com", "example.org"):
            await client.domains.verify(name)
        assert await client.domains.get("example.com") == done
        failed = await client.domains.get("example.org")
        assert (failed.status, failed.reason) == ("FAILED", "dns_lookup_failed")


async def test_mail_arrives_for_a_verified_domain_and_is_refused_for_any_other(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client, house.smtp() as smtp:
        made = await client.domains.create(domain="example.com")
        await smtp.ehlo()
        await smtp.mail("carol@example.net")
        assert await _answer(smtp, "agent@example.com") == (550, "5.7.1 Relaying denied")
        dns.publish(made.records)
        await client.domains.verify("example.com")
        assert await _answer(smtp, "agent@example.com") == (550, "5.1.1 No such inbox")
        await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="example.com"))
        assert await _answer(smtp, "agent@sub.example.com") == (550, "5.7.1 Relaying denied")
        assert await _answer(smtp, "agent@example.net") == (550, "5.7.1 Relaying denied")
        await smtp.rset()
        await smtp.sendmail("carol@example.net", ["agent+tag@Example.com"], mail(to="agent@example.com"))
        (item,) = (await client.inboxes.messages.list("agent@example.com")).messages
        assert item.from_ == "carol@example.com"
        await client.domains.delete("example.com")
        await smtp.mail("carol@example.net")
        assert await _answer(smtp, "agent@example.com") == (550, "5.7.1 Relaying denied")


async def _answer(smtp: Any, address: str) -> tuple[int, str]:
    from aiosmtplib.errors import SMTPRecipientRefused

    try:
        done = await smtp.rcpt(address)
    except SMTPRecipientRefused as error:
        return error.code, error.message
    return done.code, done.message


@pytest.mark.promise("domains.delete", "delete.domain")
async def test_a_deleted_domain_stops_mail_and_keeps_what_its_inboxes_have(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        await verified(client, dns)
        inbox = await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="example.com"))
        local = await client.inboxes.create(request=CreateInboxRequest(username="local"))
        sent = await client.inboxes.messages.send(inbox.inbox_id, to=[inbox.inbox_id], text="to myself")
        await house.settled()
        await client.domains.delete("example.com")
        with pytest.raises(NotFoundError):
            await client.domains.get("example.com")
        assert (await client.inboxes.messages.get(inbox.inbox_id, sent.message_id)).text
        with pytest.raises(ApiError) as caught:
            await client.inboxes.messages.send(inbox.inbox_id, to=[local.inbox_id], text="hello")
        assert (caught.value.status_code, caught.value.body.code) == (403, "domain_not_verified")
        await client.inboxes.messages.send(local.inbox_id, to=[inbox.inbox_id], text="anybody there?")
        assert house.rows("SELECT recipient FROM delivery WHERE state = 'captured'") == [("agent@example.com",)]


@pytest.mark.promise("domains.inbound-off")
async def test_a_domain_that_only_sends_has_its_mail_elsewhere(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        dns.set("example.com", "MX", "1 aspmx.l.google.com")
        await verified(client, dns, inbound_enabled=False)
        inbox = await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="example.com"))
        local = await client.inboxes.create(request=CreateInboxRequest(username="local"))
        await client.inboxes.messages.send(inbox.inbox_id, to=[local.inbox_id], text="out")
        await client.inboxes.messages.send(local.inbox_id, to=[inbox.inbox_id], text="back")
        await house.settled()
        assert len((await client.inboxes.messages.list(local.inbox_id, labels=["received"])).messages) == 1
        assert (await client.inboxes.messages.list(inbox.inbox_id, labels=["received"])).messages == []


@pytest.mark.promise("domains.conflicting-provider")
async def test_a_domain_with_google_workspace_is_refused_unless_that_is_wanted(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        dns.set("example.com", "MX", "1 ASPMX.L.GOOGLE.com", "5 alt1.aspmx.l.google.com")
        dns.set("example.org", "MX", "1 mx.notgoogle.com")
        with pytest.raises(UnprocessableError) as caught:
            await client.domains.create(domain="example.com")
        assert "allow_conflicting_provider" in (caught.value.body.fix or "")
        assert (await client.domains.list()).count == 0
        await client.domains.create(domain="example.com", allow_conflicting_provider=True)
        await client.domains.create(domain="example.org")


@pytest.mark.promise("domains.update", "inboxes.domain-must-be-verified", "domains.status", "domains.subdomains")
async def test_subdomains_put_a_verified_domain_off_and_mail_goes_on(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        await verified(client, dns)
        inbox = await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="example.com"))
        with pytest.raises(UnprocessableError):
            await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="eu.example.com"))
        changed = await client.domains.update("example.com", subdomains_enabled=True)
        assert (changed.status, changed.reason) == ("PENDING", "dns_records_missing")
        await client.inboxes.messages.send(inbox.inbox_id, to=[inbox.inbox_id], text="still")
        dns.publish(changed.records)
        await client.domains.verify("example.com")
        assert (await client.domains.get("example.com")).status == "VERIFIED"
        below = await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="eu.example.com"))
        await client.inboxes.messages.send(inbox.inbox_id, to=[below.inbox_id], text="down there")
        await house.settled()
        assert len((await client.inboxes.messages.list(below.inbox_id)).messages) == 1
        assert len(house.rows("SELECT 1 FROM event WHERE type = 'domain.verified'")) == 1


async def test_who_takes_the_key_out_of_the_dns_ends_the_domains_mail(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        done = await verified(client, dns)
        dns.set(done.records[1].name, "TXT")
        await client.domains.verify("example.com")
        assert (await client.domains.get("example.com")).status == "PENDING"
        with pytest.raises(UnprocessableError):
            await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="example.com"))


@pytest.mark.promise("domains.get_zone_file", "domains.zone-file")
async def test_a_zone_file_is_read_by_a_dns_library_as_the_records_that_are_shown(house: Bed) -> None:
    import dns.rdatatype
    import dns.zone

    async with official(house) as client:
        made = await client.domains.create(domain="example.com", subdomains_enabled=True)
        text = b"".join([piece async for piece in client.domains.get_zone_file("example.com")]).decode()
        assert all(len(piece) <= 255 for piece in text.split('"')[1::2])
        zone = dns.zone.from_text(text, check_origin=False, relativize=False)
        found = {
            (dns.rdatatype.to_text(data.rdtype), name.to_text(omit_final_dot=True), _value(data))
            for name, _ttl, data in zone.iterate_rdatas()
        }
        assert found == {(r.type, r.name, r.value) for r in made.records}


def _value(data: Any) -> str:
    if hasattr(data, "exchange"):
        return str(data.exchange.to_text(omit_final_dot=True))
    return b"".join(data.strings).decode()


@pytest.mark.parametrize(
    "name",
    ["", " ", "localhost", "192.0.2.1", "a..b", "exa mple.com", "-a.com", "a_b.com", "x" * 64 + ".com", "a\r\n.com",
     "a.com/../b", "[192.0.2.1]", "*.example.com", "a." * 120 + "com", "\N{SNOWMAN}" * 80 + ".com"],
)  # fmt: skip
async def test_what_is_no_domain_name_is_a_400(house: Bed, name: str) -> None:
    async with official(house) as client:
        with pytest.raises(ValidationError):
            await client.domains.create(domain=name)


async def test_a_label_and_its_punycode_are_one_domain(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        made = await client.domains.create(domain="BÜCHER.example")
        assert made.domain == "xn--bcher-kva.example"
        with pytest.raises(UnprocessableError):
            await client.domains.create(domain="xn--bcher-kva.example.")
        assert (await client.domains.get("bücher.example")).domain_id == made.domain_id
        dns.publish(made.records)
        await client.domains.verify(made.domain_id)
        inbox = await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="bücher.example"))
        assert inbox.inbox_id == "agent@xn--bcher-kva.example"
        assert (await client.inboxes.get("agent@BÜCHER.example")).inbox_id == inbox.inbox_id


async def test_a_name_is_taken_once_in_an_organization_and_by_the_server_itself(house: Bed) -> None:
    async with official(house) as client:
        await client.domains.create(domain="example.com")
        with pytest.raises(UnprocessableError):
            await client.domains.create(domain="example.com")
        with pytest.raises(ApiError) as caught:
            await client.domains.create(domain=HOST)
        assert (caught.value.status_code, caught.value.body["code"]) == (403, "resource_taken")


async def test_a_domain_belongs_to_the_first_organization_that_proves_it(house: Bed, dns: FakeDns) -> None:
    stranger = await house.desk.call("organizations.create", SYSTEM, {"name": "other"})
    async with official(house) as client, official(house, stranger.api_key) as other:
        theirs = await other.domains.create(domain="example.com")
        with pytest.raises(NotFoundError):
            await client.domains.get("example.com")
        await verified(client, dns)
        dns.publish([theirs.records[1]])
        with pytest.raises(ConflictError):
            await other.domains.verify("example.com")
        await other.domains.delete("example.com")
        with pytest.raises(ApiError) as caught:
            await other.domains.create(domain="example.com")
        assert (caught.value.status_code, caught.value.body["code"]) == (403, "resource_taken")
        with pytest.raises(UnprocessableError):
            await other.inboxes.create(request=CreateInboxRequest(username="agent", domain="example.com"))
        assert (await client.domains.get("example.com")).status == "VERIFIED"


async def test_inboxes_of_a_domain_that_went_to_another_organization_get_none_of_its_mail(
    house: Bed, dns: FakeDns
) -> None:
    stranger = await house.desk.call("organizations.create", SYSTEM, {"name": "other"})
    async with official(house) as client, official(house, stranger.api_key) as other:
        await verified(client, dns)
        mine = await client.inboxes.create(request=CreateInboxRequest(username="agent", domain="example.com"))
        await client.domains.delete("example.com")
        await verified(other, dns)
        writer = await other.inboxes.create(request=CreateInboxRequest(username="new", domain="example.com"))
        await other.inboxes.messages.send(writer.inbox_id, to=[mine.inbox_id], text="for the new owner")
        await house.settled()
        assert (await client.inboxes.messages.list(mine.inbox_id)).messages == []
        assert house.rows("SELECT state FROM delivery") == [("bounced",)]


@pytest.mark.promise("domains.list", "order.domains", "domains.items")
async def test_domains_are_listed_in_pages_without_their_records(house: Bed, clock: FakeClock) -> None:
    async with official(house) as client:
        names = [f"d{n}.example.com" for n in range(5)]
        for name in names:
            clock.advance(1000)
            await client.domains.create(domain=name)
        first = await client.domains.list(limit=2)
        assert ([d.domain for d in first.domains], first.count, first.limit) == (names[:2:-1], 2, 2)
        rest = await client.domains.list(limit=5, page_token=first.next_page_token)
        assert [d.domain for d in rest.domains] == names[2::-1]
        assert rest.next_page_token is None
        up = await client.domains.list(limit=3, ascending=True)
        more = await client.domains.list(limit=3, ascending=True, page_token=up.next_page_token)
        assert [d.domain for d in (*up.domains, *more.domains)] == names
        async with wire(house, await owner_key(house)) as raw:
            item = (await raw.get("/v0/domains")).json()["domains"][0]
            assert item["status"] == "NOT_STARTED"
            assert "records" not in item
            assert item["organization_id"]


@pytest.mark.promise("pods.domains.list", "pods.domains.get", "pods.domains.get_zone_file", "pods.domains.create")
@pytest.mark.promise("pods.domains.verify")
async def test_a_domain_of_a_pod_is_seen_and_used_in_that_pod_alone(house: Bed, dns: FakeDns) -> None:
    async with official(house) as client:
        pod = (await client.pods.create(name="one")).pod_id
        other = (await client.pods.create(name="two")).pod_id
        made = await client.pods.domains.create(pod, domain="example.com")
        assert made.pod_id == pod
        dns.publish(made.records)
        await client.pods.domains.verify(pod, "example.com")
        assert (await client.pods.domains.get(pod, "example.com")).status == "VERIFIED"
        changed = await client.pods.domains.update(pod, "example.com", tracking_enabled=True)
        assert changed.tracking_enabled
        assert [d.domain for d in (await client.pods.domains.list(pod)).domains] == ["example.com"]
        assert b"".join([p async for p in client.pods.domains.get_zone_file(pod, "example.com")]).startswith(b"$ORIGIN")
        await client.pods.inboxes.create(pod, username="agent", domain="example.com")
        assert (await client.pods.domains.list(other)).domains == []
        with pytest.raises(NotFoundError):
            await client.pods.domains.get(other, "example.com")
        with pytest.raises(NotFoundError):
            await client.pods.domains.delete(other, "example.com")
        with pytest.raises(UnprocessableError):
            await client.pods.inboxes.create(other, username="b", domain="example.com")
        await client.pods.domains.delete(pod, "example.com")
        assert (await client.domains.list()).domains == []


@pytest.mark.promise("domains.get_setup_link")
async def test_a_setup_link_is_not_supported(house: Bed) -> None:
    async with official(house) as client:
        await client.domains.create(domain="example.com")
        assert (await client.domains.get_setup_link("example.com")).supported is False
        with pytest.raises(NotFoundError):
            await client.domains.get_setup_link("example.org")


async def test_an_unknown_domain_is_a_404_whatever_is_asked_of_it(house: Bed) -> None:
    async with official(house) as client:
        for call in (client.domains.get, client.domains.delete, client.domains.verify):
            with pytest.raises(NotFoundError):
                await call("example.org")
        with pytest.raises(NotFoundError):
            await client.domains.update("example.org", tracking_enabled=True)
        with pytest.raises(NotFoundError):
            [piece async for piece in client.domains.get_zone_file("example.org")]


async def test_a_key_of_an_inbox_sees_no_domain_and_adds_none(house: Bed) -> None:
    async with official(house) as client:
        await client.domains.create(domain="example.com")
        inbox = await client.inboxes.create()
        key = await owner_key(house, inbox_id=inbox.inbox_id)
        async with official(house, key) as confined:
            assert (await confined.domains.list()).domains == []
            with pytest.raises(NotFoundError):
                await confined.domains.get("example.com")
            with pytest.raises(ApiError) as caught:
                await confined.domains.create(domain="example.org")
            assert caught.value.status_code == 403


@pytest.mark.parametrize(
    ("permission", "method", "path"),
    [
        ("domain_read", "GET", "/v0/domains"),
        ("domain_read", "GET", "/v0/domains/example.com"),
        ("domain_read", "GET", "/v0/domains/example.com/zone-file"),
        ("domain_create", "POST", "/v0/domains"),
        ("domain_update", "PATCH", "/v0/domains/example.com"),
        ("domain_update", "POST", "/v0/domains/example.com/verify"),
        ("domain_delete", "DELETE", "/v0/domains/example.com"),
    ],
)
async def test_each_permission_is_needed(house: Bed, permission: str, method: str, path: str) -> None:
    rights = {"domain_read", "domain_create", "domain_update", "domain_delete"} - {permission}
    key = await owner_key(house, permissions=sorted(rights))
    async with wire(house, key) as client:
        answer = await client.request(method, path, json={"domain": "example.com", "tracking_enabled": True})
        assert answer.status_code == 403
        assert answer.json()["code"] == "missing_permission"
        assert permission in answer.json()["fix"]
