"""Invitations are read for what, when, where and who; what is hostile or broken is read as far as it goes."""

import pytest

from postroom.mime.calendar import read_invites

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


def test_of_many_events_and_attendees_the_first_are_told() -> None:
    event = "BEGIN:VEVENT\n" + "ATTENDEE:mailto:a@example.com\n" * 100 + "END:VEVENT\n"
    found = read_invites((event * 20).encode())
    assert len(found) == 5
    assert len(found[0].attendees) == 20
