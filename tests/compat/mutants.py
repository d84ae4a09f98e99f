"""A plugin of pytest: it runs the tests tied to each operation while a lie answers in its place, and those tied to an
operation's permission while nobody asks for it, and writes down which test noticed. It changes nothing on disk.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast
from unittest import mock

import pytest

from postroom.http.agentmail.app import ROUTES
from postroom.service.catalog import OPERATIONS
from postroom.service.operation import ANYONE
from tests import conftest
from tests.compat import document
from tests.compat.lies import lying
from tests.compat.requirements import CORE, PERMISSIONS

OUT = "PROMISES_OUT"  # where the report is written: JSON {"marks": {test: [row]}, "noticed": {mutant: test or null}}
DEADLINE_S = 5.0  # of a test of a mutant: who waits for what a lie has not done waits in vain
CONTROL = "nothing"  # the mutant that is none: no test may notice it

Mutant = tuple[str, Callable[[], contextlib.AbstractContextManager[None]]]


def permitted() -> dict[str, str]:
    """Return the permission of each operation of the desk behind a route of the dialect, where it needs one."""
    names = sorted({route.operation for route in ROUTES})
    return {name: OPERATIONS[name].scope for name in names if OPERATIONS[name].scope not in ("", ANYONE)}


@contextlib.contextmanager
def unguarded(name: str) -> Iterator[None]:
    """Let every key do an operation of the desk and its steps, which ask again, while the block runs."""
    group, scope = name.partition(".")[0], OPERATIONS[name].scope
    steps = [row.name for row in OPERATIONS.values() if row.internal and row.scope == scope]
    opened = [name, *(step for step in steps if step.partition(".")[0] == group)]
    with mock.patch.dict(OPERATIONS, {n: dataclasses.replace(OPERATIONS[n], scope=ANYONE) for n in opened}):
        yield


def mutants() -> list[Mutant]:
    """Return all mutants by the row whose tests should notice them."""
    lies = [(row.id, lambda row=row: lying(row)) for row in CORE]
    open_doors = [(row.id, lambda row=row: unguarded(row.operation)) for row in PERMISSIONS]
    return [*lies, *open_doors]


class Run:
    """One run of the tests under the mutants."""

    def __init__(self) -> None:
        self.noticed: dict[str, str | None] = {}
        self._is_failed = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run for each mutant its tests until one fails; then some of all under none."""
        if session.config.option.collectonly:
            return None
        tied = tied_tests(session.items)
        document.closed()  # what is made of the rows and kept is made of the true ones
        # A mutant is to be noticed by what it does, not by a body that the document words otherwise.
        with mock.patch.object(conftest, "DEADLINE_S", DEADLINE_S), mock.patch.object(document, "hold"):
            for name, mutated in mutants():
                self.noticed[name] = self._first_to_fail(tied.get(name, ()), mutated)
        # With the time that a test has: on a busy machine a true one may take longer than one of a mutant is given.
        first = {items[0].nodeid: items[0] for name, _ in mutants() if (items := tied.get(name))}
        self.noticed[CONTROL] = self._first_to_fail(list(first.values())[::10], contextlib.nullcontext)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that the test that runs has failed; what breaks after it says nothing."""
        self._is_failed |= report.failed and report.when == "call"

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report; which tests failed is its content."""
        marks = {item.nodeid: rows_of(item) for item in session.items if rows_of(item)}
        Path(os.environ[OUT]).write_text(json.dumps({"marks": marks, "noticed": self.noticed}), "utf-8")

    def _first_to_fail(self, items: Iterable[pytest.Item], mutated: Callable[[], Any]) -> str | None:
        for item in items:
            self._is_failed = False
            with mutated():
                _run(item)
            if self._is_failed:
                return item.nodeid
        return None


def _run(item: pytest.Item) -> None:
    """Run a copy of a test: an item runs once. Nothing but what all tests share is kept for the next."""
    test = cast(pytest.Function, item)
    copy = pytest.Function.from_parent(
        test.parent,
        name=test.name,
        callspec=getattr(test, "callspec", None),
        callobj=test.obj,
        fixtureinfo=test._fixtureinfo,
        originalname=test.originalname,
    )
    item.config.hook.pytest_runtest_protocol(item=copy, nextitem=item.session)


def rows_of(item: pytest.Item) -> list[str]:
    """Return the rows that a test is tied to."""
    return [name for mark in item.iter_markers("promise") for name in mark.args]


def tied_tests(items: Iterable[pytest.Item]) -> dict[str, list[pytest.Item]]:
    """Return the tests of each row."""
    tied: dict[str, list[pytest.Item]] = {}
    for item in items:
        for name in rows_of(item):
            tied.setdefault(name, []).append(item)
    return tied


def pytest_configure(config: pytest.Config) -> None:
    """Take the loop over; with --collect-only the marks alone are written."""
    config.pluginmanager.register(Run())
