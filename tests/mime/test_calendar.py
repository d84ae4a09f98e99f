"""Invitations are read for what, when, where and who; what is hostile or broken is read as far as it goes."""

from datetime import UTC, datetime

import pytest

from postroom.mime.calendar import read_invites
from postroom.model.facts import Invite, Moment

_INVITE = """BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
SUMMARY:Plan\\, and a very lo
 ng line
DTSTART;TZID=Europe/Berlin:20260301T090000
DTEND;TZID=Europe/Berlin:20260301T100000
LOCATION:Room 5\\nBerlin
ORGANIZER;CN="Carol: Boss":mailto:carol@example.com
ATTENDEE;ROLE=REQ-PARTICIPANT:MAILTO:dan@example.com
ATTENDEE:mailto:eve@example.com
RRULE:FREQ=WEEKLY
BEGIN:VALARM
SUMMARY:of the alarm
END:VALARM
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_an_invitation_says_what_when_where_and_who(line_end: str) -> None:
    (invite,) = read_invites(_INVITE.replace("\n", line_end).encode())
    assert (invite.method, invite.summary, invite.where) == ("REQUEST", "Plan, and a very long line", "Room 5 Berlin")
    assert invite.begins is not None
    assert (invite.begins.given, invite.begins.zone) == ("2026-03-01 09:00", "Europe/Berlin")
    assert invite.begins.at == 1_772_352_000_000  # 08:00 UTC
    assert invite.organizer == "Carol: Boss <carol@example.com>"
    assert invite.attendees == ("dan@example.com", "eve@example.com")
    assert invite.is_repeated


def _begins(value: str) -> object:
    (invite,) = read_invites(f"BEGIN:VEVENT\nDTSTART{value}\nEND:VEVENT\n".encode())
    return invite.begins and (invite.begins.given, invite.begins.zone, invite.begins.at)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (":20260301T090000Z", ("2026-03-01 09:00", "UTC", 1_772_355_600_000)),
        (";VALUE=DATE:20260301", ("2026-03-01", None, None)),
        (":20260301T090000", ("2026-03-01 09:00", None, None)),
        (";TZID=Customized Time Zone:20260301T090000", ("2026-03-01 09:00", "Customized Time Zone", None)),
        (";TZID=../../../etc/passwd:20260301T090000", ("2026-03-01 09:00", "../../../etc/passwd", None)),
        (";TZID=Europe:20260301T090000", ("2026-03-01 09:00", "Europe", None)),
        (":20260231T090000", None),
        (":00000000T000000Z", None),
        (":tomorrow", None),
    ],
)
def test_a_time_is_read_in_utc_where_its_zone_is_known(value: str, read: object) -> None:
    assert _begins(value) == read


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"BEGIN:VEVENT\n" * 5_000,
        b'ATTENDEE;CN="' + b"a" * 100_000,
        b"BEGIN:VEVENT\nSUMMARY:never ended",
        b"END:VEVENT\nEND:VEVENT\n",
        b";" * 100_000,
    ],
)
def test_what_is_no_calendar_gives_no_invitation(content: bytes) -> None:
    assert read_invites(content) == ()


_EXCHANGE = """BEGIN:VCALENDAR
METHOD:REQUEST
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
ORGANIZER;CN=Ann Example:mailto:ann@example.com
ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=Bob:mailto:bob
 @example.com
SUMMARY;LANGUAGE=de-DE:Planung
{when}
LOCATION;LANGUAGE=de-DE:Raum 5\\, Berlin
END:VEVENT
END:VCALENDAR
"""


def _read(when: str, calendar: str = _EXCHANGE) -> Invite:
    (invite,) = read_invites(calendar.replace("{when}", when).replace("\n", "\r\n").encode())
    return invite


def _utc(moment: Moment | None) -> str | None:
    if moment is None or moment.at is None:
        return None
    return f"{datetime.fromtimestamp(moment.at / 1000, UTC):%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("20260701T140000", "07-01 12:00"),
        ("20260101T140000", "01-01 13:00"),
        ("20260329T013000", "03-29 00:30"),  # before the clocks go forward
        ("20260329T023000", "03-29 01:30"),  # an hour that there is not
        ("20260329T033000", "03-29 01:30"),
        ("20261025T023000", "10-25 00:30"),  # an hour that comes twice: its first
        ("20261025T033000", "10-25 02:30"),
    ],
)
def test_a_zone_that_the_calendar_defines_gives_utc_whatever_its_name(local: str, utc: str) -> None:
    for name in ("W. Europe Standard Time", "Customized Time Zone"):
        calendar = _EXCHANGE.replace("W. Europe Standard Time", name)
        invite = _read(f"DTSTART;TZID={name}:{local}", calendar)
        assert invite.begins is not None
        assert (invite.begins.zone, _utc(invite.begins)) == (name, utc)
        assert _utc(_read(f"DTSTART;TZID=Europe/Berlin:{local}").begins) == utc


def test_an_invitation_of_exchange_says_where_and_who() -> None:
    invite = _read('DTSTART;TZID="W. Europe Standard Time":20260701T140000')
    assert (invite.summary, invite.where) == ("Planung", "Raum 5, Berlin")
    assert invite.organizer == "Ann Example <ann@example.com>"
    assert invite.attendees == ("Bob <bob@example.com>",)
    assert _utc(invite.begins) == "07-01 12:00"


@pytest.mark.parametrize(
    ("rules", "utc"),
    [
        (("RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=25,26,27,28,29,30,31;BYDAY=SU", ""), "07-01 12:00"),
        (("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20240331T010000Z", ""), "07-01 13:00"),  # none since then
        (("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20200101T000000Z", "RDATE:20261001T020000"), "07-01 13:00"),
        (("RDATE:20260329T020000,20270328T020000", ""), "07-01 12:00"),
        (("RRULE:FREQ=MONTHLY;BYDAY=-1SU", ""), None),
        (("RRULE:FREQ=YEARLY;BYMONTH=13;BYDAY=-1SU", ""), None),
        (("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SU", ""), None),
        (("TZOFFSETFROM:+9900", ""), None),
    ],
)
def test_the_rules_of_a_zone_are_followed_or_its_utc_is_not_known(rules: tuple[str, str], utc: str | None) -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nDTSTART:20000101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n"
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20250101T000000Z\nEND:STANDARD\n"
        f"BEGIN:DAYLIGHT\nDTSTART:20100328T020000\n{rules[0]}\n{rules[1]}\n"
        "TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:DAYLIGHT\nEND:VTIMEZONE\n"
    )
    calendar = f"BEGIN:VEVENT\nDTSTART;TZID=Own:20260701T140000\nEND:VEVENT\n{zone}"
    if rules[0].startswith("TZOFFSET"):
        calendar = calendar.replace("TZOFFSETFROM:+0100\n", "")
    assert _utc(_read("", calendar).begins) == utc


@pytest.mark.parametrize(
    ("when", "ends", "utc"),
    [
        ("DTSTART;TZID=Europe/Berlin:20260701T140000\nDURATION:PT45M", "2026-07-01 14:45", "07-01 12:45"),
        ("DTSTART;TZID=W. Europe Standard Time:20260701T140000\nDURATION:PT1H30M", "2026-07-01 15:30", "07-01 13:30"),
        # The night in which the clocks go forward: a day by the calendar, twenty-four hours by the clock.
        ("DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:P1D", "2026-03-29 12:00", "03-29 10:00"),
        ("DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:PT24H", "2026-03-29 13:00", "03-29 11:00"),
        ("DTSTART:20260701T140000Z\nDURATION:P1W", "2026-07-08 14:00", "07-08 14:00"),
        ("DTSTART;VALUE=DATE:20260701\nDTEND;VALUE=DATE:20260702", "2026-07-01", None),
        ("DTSTART;VALUE=DATE:20260701\nDTEND;VALUE=DATE:20260704", "2026-07-03", None),
        ("DTSTART;VALUE=DATE:20260701\nDTEND;VALUE=DATE:20260701", "2026-07-01", None),
        ("DTSTART;VALUE=DATE:20260701\nDURATION:P2D", "2026-07-02", None),
        ("DTSTART:20260701T140000Z\nDURATION:P", None, None),
        ("DTSTART:20260701T140000Z\nDURATION:-PT1H", None, None),
        ("DTSTART:99991231T235959Z\nDURATION:P9999W", None, None),
        ("DTSTART;VALUE=DATE:00010101\nDTEND;VALUE=DATE:00010101", None, None),
        ("DURATION:PT1H", None, None),
    ],
)
def test_an_event_ends_after_its_duration_and_one_of_days_with_its_last(
    when: str, ends: str | None, utc: str | None
) -> None:
    end = _read(when).ends
    assert (end and end.given, _utc(end)) == (ends, utc)


def test_of_many_events_and_attendees_the_first_are_told() -> None:
    event = "BEGIN:VEVENT\n" + "ATTENDEE:mailto:a@example.com\n" * 100 + "END:VEVENT\n"
    found = read_invites((event * 20).encode())
    assert len(found) == 5
    assert len(found[0].attendees) == 20
