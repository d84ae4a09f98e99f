"""What a message asks for or carries besides its text, as data and in lines for the model; all of it inert."""

from pydantic import BaseModel

from postroom.mcp.words import line, moment
from postroom.model import facts as model

_PEOPLE = 5  # attendees that a line names
_DAY = len("2026-03-01")


class InviteShape(BaseModel):
    """An event of a calendar that came with a message. Nobody has answered it."""

    # A date alone begins an event of whole days, and ends with that day.

    method: str | None = None
    summary: str | None = None
    begins: str | None = None
    begins_utc: str | None = None
    ends: str | None = None
    ends_utc: str | None = None
    zone: str | None = None
    where: str | None = None
    organizer: str | None = None
    attendees: list[str] | None = None
    repeated: bool | None = None


class FactsShape(BaseModel):
    automatic: bool | None = None
    list_id: str | None = None
    unsubscribe: list[str] | None = None
    receipt_to: str | None = None
    protection: list[str] | None = None
    invites: list[InviteShape] | None = None


def facts_shape(facts: model.Facts) -> FactsShape | None:
    """Return the facts of a message, None where there are none."""
    shape = FactsShape(
        automatic=facts.automatic or None,
        list_id=line(facts.list_id) or None,
        unsubscribe=[way.way for way in facts.unsubscribe] or None,
        receipt_to=line(facts.receipt_to) or None,
        protection=list(facts.protection) or None,
        invites=[_invite(invite) for invite in facts.invites] or None,
    )
    return shape if shape.model_dump(exclude_none=True) else None


def told_facts(shape: FactsShape | None) -> list[str]:
    """Return the lines that tell the facts of a message."""
    if shape is None:
        return []
    lines = ["automatic: a program wrote it; an answer is held for approval"] if shape.automatic else []
    lines += [f"list: {shape.list_id}"] if shape.list_id else []
    if shape.unsubscribe:
        how = "the tool unsubscribe does it" if "one_click" in shape.unsubscribe else "the tool unsubscribe says how"
        lines.append(f"unsubscribe: {', '.join(shape.unsubscribe)}; {how}")
    lines += [f"asks for a read receipt to: {shape.receipt_to} (none is sent)"] if shape.receipt_to else []
    lines += [f"protection: {', '.join(shape.protection)} (not verified, not decrypted)"] if shape.protection else []
    return lines + [_told(invite) for invite in shape.invites or ()]


def _invite(invite: model.Invite) -> InviteShape:
    begins, ends = invite.begins, invite.ends
    return InviteShape(
        method=line(invite.method, 40) or None,
        summary=line(invite.summary) or None,
        begins=begins and begins.given,
        begins_utc=_utc(begins),
        ends=_ends(begins, ends),
        ends_utc=_utc(ends),
        zone=line(begins.zone, 60) or None if begins else None,
        where=line(invite.where) or None,
        organizer=line(invite.organizer) or None,
        attendees=[line(person, 100) for person in invite.attendees] or None,
        repeated=invite.is_repeated or None,
    )


def _ends(begins: model.Moment | None, ends: model.Moment | None) -> str | None:
    """Return the end, with its zone where that is another than the one of the beginning: of a flight, say."""
    if ends is None or begins is None or ends.zone in (None, begins.zone):
        return None if ends is None else ends.given
    return f"{ends.given} {line(ends.zone, 60)}"


def _utc(given: model.Moment | None) -> str | None:
    return None if given is None or given.at is None else moment(given.at)


def _told(invite: InviteShape) -> str:
    parts = [f"calendar {invite.method or 'event'} (not answered): {invite.summary or '(no summary)'}"]
    if invite.begins:
        parts.append(_time(invite, invite.begins))
    parts += [f"at {invite.where}"] if invite.where else []
    parts += [f"organizer {invite.organizer}"] if invite.organizer else []
    people = invite.attendees or []
    more = f" and {len(people) - _PEOPLE} more" if len(people) > _PEOPLE else ""
    parts += [f"attendees {', '.join(people[:_PEOPLE])}{more}"] if people else []
    parts += ["repeated"] if invite.repeated else []
    return " | ".join(parts)


def _time(invite: InviteShape, begins: str) -> str:
    """Return when an event is: as it is written, and in UTC or that this is not known."""
    if len(begins) == _DAY:
        is_one = invite.ends is None or invite.ends == begins
        return f"{begins}, all day" if is_one else f"{begins} to {invite.ends}, all day, the last one included"
    written = f"{begins}{f' to {invite.ends}' if invite.ends else ''} {invite.zone or 'no zone given'}"
    utc = " to ".join(filter(None, (invite.begins_utc, invite.ends_utc)))
    return f"{written} ({f'{utc} UTC' if invite.begins_utc else 'UTC not known'})"
