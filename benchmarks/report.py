"""What a measurement hands back, and the one table that all of them are printed in. It measures nothing."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


class NotMeasured(Exception):
    """This machine cannot give this figure; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What must hold: the words of the table, and the check of the figure that they speak of."""

    words: str
    holds: Callable[[float], bool]


def at_most(limit: float, unit: str = "") -> Promise:
    """Promise a figure of `limit` or less."""
    return Promise(words=f"<= {limit:g}{unit}", holds=lambda figure: figure <= limit)


def at_least(limit: float, unit: str = "") -> Promise:
    """Promise a figure of `limit` or more."""
    return Promise(words=f">= {limit:g}{unit}", holds=lambda figure: figure >= limit)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the table. `ours` and `other` are one figure a round, paired by round where both are there.

    `judged` is the figure that the promise speaks of; without it the promise is about the median of `ours`.
    """

    name: str
    unit: str
    ours: Sequence[float]
    other: Sequence[float] = ()
    promise: Promise | None = None
    judged: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median of the ratios round by round: what slows the machine down slows both sides of a round."""
        if len(self.ours) != len(self.other) or not all(self.other):
            return None
        return median(ours / other for ours, other in zip(self.ours, self.other, strict=True))

    @property
    def holds(self) -> bool | None:
        if self.promise is None or not self.ours:
            return None
        return self.promise.holds(median(self.ours) if self.judged is None else self.judged)


def compared(name: str, unit: str, ours: Sequence[float], other: Sequence[float], promise: Promise | None) -> Line:
    """Return a line whose promise is about the ratio; without the other side it is left open."""
    line = Line(name=name, unit=unit, ours=ours, other=other)
    if line.ratio is None or promise is None:
        return line
    return Line(name=name, unit=unit, ours=ours, other=other, promise=promise, judged=line.ratio)


@dataclass
class Report:
    """The lines so far, and what could not be measured or failed."""

    machine: dict[str, str]
    lines: list[Line] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    failed: bool = False

    def write_json(self, path: Path) -> None:
        """Write every raw figure."""
        lines = [
            {**{k: v for k, v in asdict(line).items() if k != "promise"}, "ratio": line.ratio, "holds": line.holds}
            | {"promise": line.promise.words if line.promise else None}
            for line in self.lines
        ]
        whole = {"machine": self.machine, "lines": lines, "not_measured": self.missing}
        path.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")

    def text(self) -> str:
        """Return the table."""
        head = ("", "ours", "other", "ratio", "promise", "holds")
        rows = [head, *map(_row, self.lines)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        shown = [_aligned(row, widths) for row in rows]
        notes = [f"{line.name}: {line.note}" for line in self.lines if line.note]
        machine = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        return "\n".join([machine, "", *shown, "", *notes, *(f"not measured: {why}" for why in self.missing)])


def _row(line: Line) -> tuple[str, ...]:
    ratio = line.ratio
    holds = {None: "", True: "yes", False: "NO"}[line.holds]
    figures = (_figure(line.ours, line.unit), _figure(line.other, line.unit))
    return (
        line.name,
        *figures,
        "" if ratio is None else f"{ratio:.2f}",
        line.promise.words if line.promise else "",
        holds,
    )


def _figure(rounds: Sequence[float], unit: str) -> str:
    if not rounds:
        return "-"
    middle = median(rounds)
    digits = 0 if middle >= 100 else 1 if middle >= 10 else 2
    return f"{middle:,.{digits}f} {unit}"


def _aligned(row: Iterable[str], widths: Sequence[int]) -> str:
    name, *cells = row
    padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
    return "  ".join([name.ljust(widths[0]), *padded]).rstrip()
