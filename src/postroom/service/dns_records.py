"""The DNS records of a domain: which there are, what makes one right, and all of them as a zone file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from postroom.mime import dkim
from postroom.model.address import is_domain
from postroom.model.domain import DnsRecord, Domain, Finding, RecordStatus

PRIORITY = 10
_TTL_S = 3600
_STRING = 255  # bytes of one string of a TXT record (RFC 1035 3.3)
_MAX_NAME = 253  # of a name in A-labels as it is written (RFC 1035 2.3.4); our labels stand in front of it
_LONGEST_LABELS = len("pr12345678._domainkey.")
_SEEN, _SEEN_SIZE = 3, 300  # texts of a record that are kept, and characters of each
_VALID = Finding(status=RecordStatus.VALID)
_MISSING = Finding(status=RecordStatus.MISSING)
_DUPLICATE = Finding(status=RecordStatus.INVALID, reason="duplicate_records")
_MISMATCH = Finding(status=RecordStatus.INVALID, reason="value_mismatch")


class MailExchange(Protocol):
    """One MX record as the DNS gave it."""

    @property
    def preference(self) -> int: ...

    @property
    def exchange(self) -> str: ...


class Resolver(Protocol):
    """What asks the DNS. Raises Temporary where it does not answer."""

    async def txt(self, name: str) -> list[str]: ...

    async def mx(self, name: str) -> Sequence[MailExchange]: ...


@dataclass(frozen=True, kw_only=True)
class Zone:
    """What the records of a domain are made of; `mail_host` is this server."""

    name: str
    mail_host: str
    selector: str
    public_key: str
    has_mx: bool
    has_wildcard_mx: bool


def is_registrable(name: str) -> bool:
    """Tell whether `name`, in A-labels, can be a domain with mail: of two labels or more, no address, no underscore."""
    labels = name.split(".")
    fits = len(name) <= _MAX_NAME - _LONGEST_LABELS and name.isascii()
    return fits and is_domain(name) and len(labels) > 1 and "_" not in name and not labels[-1].isdigit()


def of(zone: Zone, found: Mapping[str, Finding]) -> tuple[DnsRecord, ...]:
    """Return the records to publish, each with what was last found of it."""
    key = dkim.key_record(zone.public_key)
    rows: list[tuple[str, str, str, str, int | None]] = [
        ("spf", "TXT", zone.name, f"v=spf1 a:{zone.mail_host} ~all", None),
        ("dkim", "TXT", f"{zone.selector}._domainkey.{zone.name}", key, None),
        ("dmarc", "TXT", f"_dmarc.{zone.name}", "v=DMARC1; p=reject;", None),
    ]
    if zone.has_mx:
        rows.append(("mx", "MX", zone.name, zone.mail_host, PRIORITY))
    if zone.has_wildcard_mx:
        rows.append(("wildcard_mx", "MX", f"*.{zone.name}", zone.mail_host, PRIORITY))
    return tuple(
        DnsRecord(
            key=key, type=kind, name=name, value=value, priority=priority, **found.get(key, _MISSING).model_dump()
        )
        for key, kind, name, value, priority in rows
    )


async def look_up(resolver: Resolver, record: DnsRecord) -> Finding:
    """Ask the DNS for a record and judge the answer. Raises Temporary where there is none."""
    if record.type == "MX":
        exchanges = await resolver.mx(record.name)
        return _with_seen(judge_mx(record, exchanges), [f"{mx.preference} {mx.exchange}" for mx in exchanges])
    texts = await resolver.txt(record.name)
    judged = {"spf": judge_spf, "dkim": judge_dkim, "dmarc": judge_dmarc}[record.key](record, texts)
    # A name has texts for many purposes; those of this one begin as the record does.
    begin = record.value.split()[0].rstrip(";").lower()
    return _with_seen(judged, texts if record.key == "dkim" else [t for t in texts if t.lower().startswith(begin)])


def _with_seen(finding: Finding, texts: Sequence[str]) -> Finding:
    return finding.model_copy(update={"seen": tuple(text[:_SEEN_SIZE] for text in texts[:_SEEN])})


def judge_mx(record: DnsRecord, found: Sequence[MailExchange]) -> Finding:
    """Judge MX records: mail comes here if no host is preferred to this one (RFC 5321 5.1). Names are not followed."""
    if not found:
        return _MISSING
    best = min(mx.preference for mx in found)
    here = any(mx.exchange == record.value and mx.preference == best for mx in found)
    return _VALID if here else _MISMATCH


def judge_spf(record: DnsRecord, texts: Sequence[str]) -> Finding:
    """Judge SPF: one record (RFC 7208 4.5) that names this server before it says `all`; it may name others too."""
    policies = [text.lower().split() for text in texts]
    found = [terms for terms in policies if terms and terms[0] == "v=spf1"]
    if len(found) != 1:
        return _DUPLICATE if found else _MISSING
    wanted = record.value.split()[1]
    for term in found[0][1:]:
        if term.removeprefix("+") == wanted:
            return _VALID
        if term.lstrip("+-~?") == "all":
            break
    return _MISMATCH


def judge_dkim(record: DnsRecord, texts: Sequence[str]) -> Finding:
    """Judge a DKIM key: one record with our key, not confined to another algorithm or use (RFC 6376 3.6.1)."""
    if len(texts) != 1:
        return _DUPLICATE if texts else _MISSING
    wanted, tags = dkim.read_tags(record.value), dkim.read_tags(texts[0])
    usual = {"v": "DKIM1", "k": "rsa"}
    same = all(tags.get(name, value) == value for name, value in usual.items()) and tags.get("p") == wanted["p"]
    hashes, uses = tags.get("h", "sha256").split(":"), tags.get("s", "*").split(":")
    return _VALID if same and "sha256" in hashes and {"*", "email"} & set(uses) else _MISMATCH


def judge_dmarc(_record: DnsRecord, texts: Sequence[str]) -> Finding:
    """Judge DMARC: one record (RFC 7489 6.6.3) whose policy keeps forged mail out; where reports go is the owner's."""
    found = [tags for tags in map(dkim.read_tags, texts) if tags.get("v") == "DMARC1"]
    if len(found) != 1:
        return _DUPLICATE if found else _MISSING
    return _VALID if found[0].get("p", "").lower() in ("reject", "quarantine") else _MISMATCH


def zone_file(domain: Domain) -> str:
    """Return the records in the master file format (RFC 1035 5.1): absolute names, long texts in several strings."""
    lines = [f"$ORIGIN {domain.domain}.", f"$TTL {_TTL_S}"]
    for record in domain.records:
        data = f"{record.priority} {record.value}." if record.type == "MX" else _strings(record.value)
        lines.append(f"{record.name}. IN {record.type} {data}")
    return "\n".join(lines) + "\n"


def _strings(text: str) -> str:
    # No quote and no backslash is in what we publish.
    return " ".join(f'"{text[at : at + _STRING]}"' for at in range(0, len(text), _STRING))
