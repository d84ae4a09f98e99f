"""The resolver against a DNS server on loopback: what it gives, what it takes for nothing, what it gives up on."""

from collections.abc import Iterator

import pytest

from postroom.model.errors import Temporary
from postroom.net.dns import MAX_RECORDS, MAX_TEXT, Mx, Resolver
from tests.fakes.dns import FakeDns


@pytest.fixture
def dns() -> Iterator[FakeDns]:
    """A DNS server whose records the test sets."""
    with FakeDns() as server:
        yield server


def _resolver(dns: FakeDns) -> Resolver:
    host, _colon, port = dns.endpoint.rpartition(":")
    return Resolver((host, int(port)))


async def test_the_strings_of_a_text_record_are_joined(dns: FakeDns) -> None:
    text = 'v=DKIM1; p="' + "A" * 600
    dns.set("a.example", "TXT", text, "second")
    assert sorted(await _resolver(dns).txt("a.example")) == ["second", text]


async def test_mail_exchanges_come_in_order_in_lower_case_without_the_last_dot(dns: FakeDns) -> None:
    dns.set("a.example", "MX", "20 B.example", "10 Mx.A.example")
    assert await _resolver(dns).mx("a.example") == [Mx(10, "mx.a.example"), Mx(20, "b.example")]


async def test_a_name_that_does_not_exist_and_one_without_such_records_give_nothing(dns: FakeDns) -> None:
    dns.set("a.example", "TXT", "words")
    assert await _resolver(dns).mx("a.example") == []
    assert await _resolver(dns).txt("b.example") == []


async def test_the_wildcard_of_a_domain_is_asked_for_by_its_name(dns: FakeDns) -> None:
    dns.set("*.a.example", "MX", "10 mx.a.example")
    assert await _resolver(dns).mx("*.a.example") == [Mx(10, "mx.a.example")]
    assert dns.asked == [("*.a.example", "MX")]


async def test_an_alias_is_followed_for_texts_and_not_for_mail_exchanges(dns: FakeDns) -> None:
    dns.set("a.example", "CNAME", "b.example")
    dns.set("b.example", "TXT", "words")
    dns.set("b.example", "MX", "10 mx.example")
    assert await _resolver(dns).txt("a.example") == ["words"]
    assert await _resolver(dns).mx("a.example") == []


async def test_more_records_and_longer_texts_than_a_person_writes_are_left_out(dns: FakeDns) -> None:
    dns.set("a.example", "TXT", *(f"record {n}" for n in range(MAX_RECORDS + 50)))
    dns.set("b.example", "TXT", "x" * (MAX_TEXT + 1), "short")
    assert len(await _resolver(dns).txt("a.example")) == MAX_RECORDS
    assert await _resolver(dns).txt("b.example") == ["short"]


async def test_a_silent_server_is_a_failure_that_passes(dns: FakeDns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postroom.net.dns.LOOKUP_S", 0.1)
    dns.is_silent = True
    with pytest.raises(Temporary, match=r"a\.example"):
        await _resolver(dns).mx("a.example")
