"""What makes a published record right, wrong or doubled, without any DNS."""

import pytest

from postroom.model.domain import DnsRecord
from postroom.net.dns import Mx
from postroom.service import dns_records
from postroom.service.dns_records import Zone

RECORDS = {
    record.key: record
    for record in dns_records.of(
        Zone(
            name="example.com",
            mail_host="mx.test",
            selector="prtest",
            public_key="MIIB",
            has_mx=True,
            has_wildcard_mx=True,
        ),
        {},
    )
}


def test_a_record_that_nobody_looked_for_is_missing() -> None:
    assert {(record.status, record.reason) for record in RECORDS.values()} == {("MISSING", None)}


@pytest.mark.parametrize(
    ("texts", "status", "reason"),
    [
        ([], "MISSING", None),
        (["site-verification=1"], "MISSING", None),
        (["v=spf10 a:mx.test"], "MISSING", None),
        (["v=spf1 a:mx.test ~all"], "VALID", None),
        (["v=spf1 include:other.example +A:MX.TEST ~all"], "VALID", None),
        (["v=spf1 -a:mx.test ~all"], "INVALID", "value_mismatch"),
        (["v=spf1 -all a:mx.test"], "INVALID", "value_mismatch"),
        (["v=spf1"], "INVALID", "value_mismatch"),
        (["v=spf1 a:mx.test ~all", "v=spf1 a:mx.test ~all"], "INVALID", "duplicate_records"),
    ],
)
def test_spf_names_this_server_before_all_in_one_record(texts: list[str], status: str, reason: str | None) -> None:
    found = dns_records.judge_spf(RECORDS["spf"], texts)
    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        ([], "MISSING"),
        (["v=DKIM1; k=rsa; p=MIIB"], "VALID"),
        (["p=MI IB ; t=s; h=sha1:sha256; s=email"], "VALID"),
        (["v=DKIM1; k=rsa; p="], "INVALID"),
        (["v=DKIM1; k=ed25519; p=MIIB"], "INVALID"),
        (["v=DKIM2; p=MIIB"], "INVALID"),
        (["p=MIIB; h=sha1"], "INVALID"),
        (["p=MIIB; s=other"], "INVALID"),
        (["p=MIIB", "p=MIIB"], "INVALID"),
    ],
)
def test_a_dkim_key_is_ours_and_may_sign_mail(texts: list[str], status: str) -> None:
    assert dns_records.judge_dkim(RECORDS["dkim"], texts).status == status


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        ([], "MISSING"),
        (["words"], "MISSING"),
        (["v=DMARC1; p=reject"], "VALID"),
        (["v=DMARC1;p=Quarantine;rua=mailto:a@b.example"], "VALID"),
        (["v=DMARC1; p=none"], "INVALID"),
        (["v=DMARC1"], "INVALID"),
        (["v=DMARC1; p=reject", "v=DMARC1; p=reject"], "INVALID"),
    ],
)
def test_dmarc_keeps_forged_mail_out(texts: list[str], status: str) -> None:
    assert dns_records.judge_dmarc(RECORDS["dmarc"], texts).status == status


@pytest.mark.parametrize("record", [RECORDS["mx"], RECORDS["wildcard_mx"]])
@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([], "MISSING"),
        ([Mx(10, "mx.test")], "VALID"),
        ([Mx(1, "mx.test"), Mx(1, "other.test"), Mx(5, "third.test")], "VALID"),
        ([Mx(1, "other.test"), Mx(10, "mx.test")], "INVALID"),
        ([Mx(0, "")], "INVALID"),  # RFC 7505: no mail at all
    ],
)
def test_mail_comes_here_when_no_host_is_preferred(record: DnsRecord, found: list[Mx], status: str) -> None:
    assert dns_records.judge_mx(record, found).status == status
