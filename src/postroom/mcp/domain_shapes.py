"""Domains as tools answer them: structured data, and in words what is to be done next."""

from postroom.mcp.offering import if_offered
from postroom.mcp.shapes import Placed, Shape
from postroom.mcp.words import line
from postroom.model.domain import DnsRecord, Domain, DomainStatus, RecordStatus

_WRONG = {
    "duplicate_records": "there are several, and there must be one: join them",
    "value_mismatch": "it says something else: change it to the value here",
}


class RecordShape(Shape):
    type: str
    name: str
    value: str
    priority: int | None = None
    status: str
    reason: str | None = None
    seen: list[str] | None = None


class DomainItem(Shape):
    domain_id: str
    status: str
    carries_mail: bool


class DomainPage(Placed):
    domains: list[DomainItem]
    next_page_token: str | None = None


class DomainResult(Placed, DomainItem):
    reason: str | None = None
    inbound_enabled: bool
    subdomains_enabled: bool
    records: list[RecordShape]
    next: str


class DomainDeletedResult(Placed):
    success: bool
    domain_id: str


def domain_item(domain: Domain) -> DomainItem:
    """Return a domain as lists show it: its id is its name."""
    return DomainItem(domain_id=domain.domain, status=domain.status.value, carries_mail=domain.verified_at is not None)


def domain_result(domain: Domain, position: int) -> DomainResult:
    """Return a domain with its records and what to do next."""
    return DomainResult(
        **domain_item(domain).model_dump(),
        reason=domain.reason,
        inbound_enabled=domain.inbound_enabled,
        subdomains_enabled=domain.subdomains_enabled,
        records=[_record(record) for record in domain.records],
        next=_next(domain),
        position=position,
    )


def told(data: DomainResult) -> str:
    """Return a domain in lines: a record a line, below it what stands in the DNS in its place."""
    lines = [f"domain_id: {data.domain_id}", f"status: {data.status}"]
    if data.carries_mail and data.status != DomainStatus.VERIFIED:
        lines.append("It was verified before, and mail goes on.")
    for record in data.records:
        priority = "" if record.priority is None else f"{record.priority} "
        lines.append(f"{record.status} {record.type} {record.name} = {priority}{record.value}")
        if record.status != RecordStatus.VALID:
            lines += [f"  the DNS shows: {text}" for text in record.seen or ()]
            lines += [f"  {_WRONG[record.reason]}"] if record.reason in _WRONG else []
    return "\n".join((*lines, f"next: {data.next}"))


def _record(record: DnsRecord) -> RecordShape:
    return RecordShape(
        type=record.type,
        name=record.name,
        value=record.value,
        priority=record.priority,
        status=record.status.value,
        reason=record.reason,
        seen=[line(text, 300) for text in record.seen] or None,
    )


def _next(domain: Domain) -> str:
    """Return what is to be done so that the domain carries mail."""
    wrong = [record for record in domain.records if record.status is RecordStatus.INVALID]
    missing = [record for record in domain.records if record.status is RecordStatus.MISSING]
    look = if_offered("then call verify_domain", "then let it be verified")
    again = f"{look}; what was published a moment ago may take up to an hour to be seen"
    if domain.status is DomainStatus.VERIFIED and not wrong and not missing:
        made = if_offered(f"create_inbox with domain={domain.domain!r} makes inboxes on it.", "it may have inboxes.")
        return f"Nothing: {made}"
    if domain.status is DomainStatus.NOT_STARTED:
        return f"Publish the {len(domain.records)} records at whoever runs the DNS of {domain.domain}, {again}."
    if domain.status is DomainStatus.FAILED:
        again = if_offered("call verify_domain again in a few minutes", "let it be verified again in a few minutes")
        return f"The DNS did not answer: {again}."
    steps = [f"correct {_named(wrong)}"] if wrong else []
    steps += [f"publish {_named(missing)}"] if missing else []
    text = f"{' and '.join(steps) or 'look whether the records are published'}, {again}."
    return text[0].upper() + text[1:]


def _named(records: list[DnsRecord]) -> str:
    return ", ".join(f"{record.type} {record.name}" for record in records)
