"""What became of an import: counted, told line by line on stderr while it runs, and summed up at the end."""

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from postroom.model.inert import inert

NOT_MOVED = ("API keys", "domains", "pods", "webhooks")
MAX_KEPT = 1_000  # failures, and notes, that the summary tells one by one; more are said as they come, and counted
_EVERY = 100
_WORDS = 1_000  # characters


@dataclass(frozen=True)
class Failure:
    """What was not moved: of which inbox, which id, and why."""

    inbox: str
    what: str
    id: str
    reason: str


@dataclass
class Tally:
    """Counts by kind (`messages`, `drafts`, …) and outcome. `is_complete` is false while the run is not at its end,
    `unlisted` is how many failures are not among those that are told one by one.
    """

    dry_run: bool = False
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_complete: bool = False
    unlisted: int = 0

    def count(self, kind: str, outcome: str, n: int = 1) -> None:
        self.counts.setdefault(kind, Counter())[outcome] += n

    def step(self, inbox: str) -> None:
        """Say every hundred messages how far it is."""
        done = self.counts.get("messages", Counter()).total()
        if done and done % _EVERY == 0:
            self.say(f"{inbox}: {self.words('messages')} so far")

    def fail(self, inbox: str, what: str, id_: str, reason: object) -> None:
        """Keep what was not moved, and say it."""
        if len(self.failures) < MAX_KEPT:
            self.failures.append(Failure(inbox, what, id_, str(reason)[:_WORDS]))
        else:
            self.unlisted += 1
        self.count(f"{what}s" if what != "inbox" else "inboxes", "failed")
        self.say(f"{inbox}: {what} {id_}: {reason}" if id_ != inbox else f"{inbox}: {reason}")

    def note(self, sentence: str) -> None:
        """Keep what a person should know, once."""
        sentence = sentence[:_WORDS]
        if sentence not in self.notes:
            if len(self.notes) < MAX_KEPT:
                self.notes.append(sentence)
            self.say(sentence)

    def say(self, line: str) -> None:
        """Print a line of progress; what came from outside must not steer the terminal."""
        print(f"postroom: {inert(line)}".replace("\n", " "), file=sys.stderr, flush=True)

    def words(self, kind: str) -> str:
        """Return the counts of a kind in words."""
        counted = self.counts.get(kind) or Counter()
        said = ", ".join(f"{n} {outcome.replace('_', ' ')}" for outcome, n in counted.items() if n)
        return f"{kind.replace('_', ' ')}: {said or 'none'}"

    def print(self, *, as_json: bool) -> None:
        """Print the summary on stdout."""
        if as_json:
            print(json.dumps(self._summary()))
            return
        for kind in self.counts:
            print(self.words(kind))
        print("dry run: nothing was written" if self.dry_run else f"not moved: {', '.join(NOT_MOVED)}")

    def _summary(self) -> dict[str, Any]:
        return {
            "complete": self.is_complete,
            "dry_run": self.dry_run,
            **{kind: dict(counted) for kind, counted in self.counts.items()},
            "failures": [vars(failure) for failure in self.failures],
            "failures_not_listed": self.unlisted,
            "notes": self.notes,
            "not_moved": list(NOT_MOVED),
        }
