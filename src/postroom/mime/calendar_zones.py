"""The zones that a calendar defines itself (VTIMEZONE, RFC 5545 3.6.5), such as Exchange's: what is UTC there and when.

Rules are read as calendars write them, once a year by month and day. A zone with any other rule is not known, never
guessed.
"""

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

Property = tuple[str, dict[str, str], str]
_MAX_ZONES = 20
_MAX_PARTS = 100  # of a zone: one that tells its history has fewer
_MAX_DATES = 100  # of one part
_YEARS = 6  # back from a moment: a fifth Sunday in March is not in every year
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")
_OFFSET = re.compile(r"([+-])([01][0-9])([0-5][0-9])([0-5][0-9])?")
_BY_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_UNDERSTOOD = {"FREQ", "INTERVAL", "BYMONTH", "BYDAY", "BYMONTHDAY", "UNTIL", "WKST"}
_ESCAPED = re.compile(r"\\([;,\\])")


class Local(NamedTuple):
    """A date or a time as it is written, its figures marked as UTC whatever the zone is."""

    when: datetime
    is_day: bool
    is_utc: bool


def read_local(value: str) -> Local | None:
    """Read a DATE or DATE-TIME (RFC 5545 3.3.4, 3.3.5), None where it is none."""
    if (found := _DATE.fullmatch(value.strip())) is None:
        return None
    numbers = [int(part or 0) for part in found.groups()[:6]]
    try:
        when = datetime(*numbers[:5], min(numbers[5], 59), tzinfo=UTC)  # type: ignore[misc, arg-type]  # a leap second
    except ValueError:  # a 31st of February
        return None
    return Local(when, found[4] is None, bool(found[7]))


def zone_name(value: str) -> str:
    """Return the name of a zone as it is compared, empty where there is none."""
    return _ESCAPED.sub(r"\1", value).strip(' "')[:100]


def read_zones(properties: Iterable[Property]) -> dict[str, tzinfo]:
    """Return the zones that a calendar defines and that can be reckoned with, by name."""
    found: dict[str, tzinfo] = {}
    for block in _blocks(properties, "VTIMEZONE"):
        name = next((zone_name(value) for key, _parameters, value in block if key == "TZID"), "")
        try:
            parts = [_part(part) for part in _blocks(block, "STANDARD", "DAYLIGHT")]
        except (ValueError, OverflowError):
            continue
        if name and 0 < len(parts) <= _MAX_PARTS:
            found.setdefault(name, _Defined(name, parts))
        if len(found) == _MAX_ZONES:
            break
    return found


def _blocks(properties: Iterable[Property], *names: str) -> Iterator[list[Property]]:
    """Yield what stands in each component of these names."""
    inside: list[Property] | None = None
    for one in properties:
        is_edge = one[0] in ("BEGIN", "END") and one[2].strip().upper() in names
        if is_edge and one[0] == "BEGIN":
            inside = []
        elif is_edge and inside is not None:
            yield inside
            inside = None
        elif inside is not None:
            inside.append(one)


class _Yearly(NamedTuple):
    """Once a year in `month`: on a weekday (0: Monday), the `nth` of it where that is told, on one of `days`."""

    month: int
    weekday: int | None
    nth: int | None
    days: frozenset[int]
    until: Local | None

    def day(self, year: int) -> int | None:
        """Return the day of the month in a year, None where it has none."""
        first, length = monthrange(year, self.month)
        fitting = [
            day
            for day in range(1, length + 1)
            if (self.weekday is None or (first + day - 1) % 7 == self.weekday)
            and (not self.days or day in self.days or day - length - 1 in self.days)
        ]
        place = 0 if self.nth is None else self.nth - 1 if self.nth > 0 else self.nth
        return fitting[place] if -len(fitting) <= place < len(fitting) else None


class _Part(NamedTuple):
    """What holds from its onsets on: `after`, in place of `before`. Onsets are of the clock before (3.6.5)."""

    begins: datetime
    before: timedelta
    after: timedelta
    dates: tuple[datetime, ...]
    rule: _Yearly | None

    def onset(self, local: datetime) -> datetime | None:
        """Return the last onset that a local time is not before, in UTC."""
        # Of times that a clock leaves out or shows twice the offset before holds (3.3.5).
        latest = local - max(self.after - self.before, timedelta(0))
        reached = [one for one in (self.begins, *self.dates) if one <= latest]
        reached += [one for one in self._ruled(latest) if one > self.begins][:1]
        return max(reached) - self.before if reached else None

    def _ruled(self, latest: datetime) -> Iterator[datetime]:
        if self.rule is None:
            return
        until = self.rule.until
        newest = latest.year if until is None else min(latest.year, until.when.year)
        for year in range(newest, max(newest - _YEARS, self.begins.year - 1), -1):
            if (day := self.rule.day(year)) is not None:
                onset = self.begins.replace(year=year, month=self.rule.month, day=day)
                if onset <= latest and (until is None or self._is_within(onset, until)):
                    yield onset

    def _is_within(self, onset: datetime, until: Local) -> bool:
        if until.is_day:
            return onset.date() <= until.when.date()
        return (onset - self.before if until.is_utc else onset) <= until.when


class _Defined(tzinfo):
    """A zone as its calendar defines it."""

    def __init__(self, name: str, parts: list[_Part]) -> None:
        self._name = name
        self._parts = parts

    def utcoffset(self, dt: datetime | None, /) -> timedelta | None:
        if dt is None:
            return None
        local = dt.replace(tzinfo=UTC, fold=0)
        reached = [(onset, part.after) for part in self._parts if (onset := part.onset(local)) is not None]
        if reached:
            return max(reached)[1]
        return min(self._parts, key=lambda part: part.begins).before

    def tzname(self, _dt: datetime | None, /) -> str:
        return self._name

    def dst(self, _dt: datetime | None, /) -> None:
        return None


def _part(block: list[Property]) -> _Part:
    """Read what a zone says of one of its offsets. Raises ValueError: it is not whole, or its rule is another kind."""
    said: dict[str, list[str]] = {}
    for name, _parameters, value in block:
        said.setdefault(name, []).append(value)
    begins = read_local(said.get("DTSTART", [""])[0])
    if begins is None:
        raise ValueError("no onset")
    dates = [read_local(one) for values in said.get("RDATE", ()) for one in values.split(",")[:_MAX_DATES]]
    rules = said.get("RRULE", [])
    if len(rules) > 1 or None in dates or len(dates) > _MAX_DATES:
        raise ValueError("not understood")
    return _Part(
        begins=begins.when,
        before=_offset(said.get("TZOFFSETFROM", [""])[0]),
        after=_offset(said.get("TZOFFSETTO", [""])[0]),
        dates=tuple(one.when for one in dates if one is not None),
        rule=_yearly(rules[0], begins.when) if rules else None,
    )


def _offset(value: str) -> timedelta:
    if (found := _OFFSET.fullmatch(value.strip())) is None:
        raise ValueError("no offset")
    size = timedelta(hours=int(found[2]), minutes=int(found[3]), seconds=int(found[4] or 0))
    return -size if found[1] == "-" else size


def _yearly(value: str, begins: datetime) -> _Yearly:
    """Read a rule (RFC 5545 3.3.10). Raises ValueError: it is of a kind that is not reckoned with."""
    said = {key.strip(): given.strip() for key, _, given in (part.partition("=") for part in value.upper().split(";"))}
    until = read_local(said["UNTIL"]) if "UNTIL" in said else None
    by_day = _BY_DAY.fullmatch(said["BYDAY"]) if "BYDAY" in said else None
    if said.keys() - _UNDERSTOOD or said.get("FREQ") != "YEARLY" or said.get("INTERVAL", "1") != "1":
        raise ValueError("not understood")
    if ("UNTIL" in said and until is None) or ("BYDAY" in said and (by_day is None or "BYMONTH" not in said)):
        raise ValueError("not understood")
    month = int(said.get("BYMONTH", begins.month))
    days = frozenset(int(day) for day in said["BYMONTHDAY"].split(",")) if "BYMONTHDAY" in said else frozenset()
    nth = int(by_day[1]) if by_day and by_day[1] else None
    if not 1 <= month <= 12 or (by_day and nth is None and not days):
        raise ValueError("not understood")
    return _Yearly(
        month=month,
        weekday=_WEEKDAYS.index(by_day[2]) if by_day else None,
        nth=nth,
        days=days or (frozenset() if by_day else frozenset({begins.day})),
        until=until,
    )
