"""The test bed: coroutine tests with a deadline, a data folder, a clock, a house; and after each test the invariants of
every database that it left behind.
"""

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from postroom.store.invariants import check
from postroom.store.schema import migrate
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock

DEADLINE_S = 20.0
OpenHouse = Callable[..., Bed]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test in a loop of its own, the houses among its arguments open around it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or pyfuncitem.get_closest_marker("anyio"):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(_within_deadline(pyfuncitem.obj, {name: pyfuncitem.funcargs[name] for name in names}))
    return True


async def _within_deadline(test: Callable[..., Any], arguments: dict[str, Any]) -> None:
    async with asyncio.timeout(DEADLINE_S), contextlib.AsyncExitStack() as stack:
        for argument in arguments.values():
            if isinstance(argument, Bed):
                await stack.enter_async_context(argument)
        await test(**arguments)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data folder that nobody has used."""
    return tmp_path / "home"


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the newest schema and nothing in it, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    migrate(folder / "template.db", folder)
    return folder / "template.db"


@pytest.fixture
def house(home: Path, clock: FakeClock, migrated: Path) -> Bed:
    """The engine over `home` under `clock`, open while a coroutine test runs."""
    return Bed(home, clock, migrated)


@pytest.fixture(autouse=True)
def _invariants(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check every database that a test left in its folder, when the test is over."""
    folder: Path | None = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    for database in [] if folder is None else folder.rglob("postroom.db"):
        violations = asyncio.run(check(database, database.parent / "blobs"))
        assert not violations, violations
