"""The test bed: coroutine tests with a deadline, a data folder, a clock, a house; and after each test the invariants of
every database that it left behind.
"""

import asyncio
import contextlib
import gc
import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from postroom import server
from postroom.store.schema import migrate
from tests.fakes.bed import Bed
from tests.fakes.clock import FakeClock
from tests.fakes.health import violations
from tests.fakes.once import made_once

DEADLINE_S = 20.0
MEMORY = Path("/dev/shm")
ROOM = 2 * 2**30  # bytes free there: ten times what a run has at any moment
OpenHouse = Callable[..., Bed]


def pytest_configure() -> None:
    """Put the folders of tests into memory where there is room: most of what a house waits for is the disk."""
    with contextlib.suppress(OSError):
        found = os.statvfs(MEMORY)
        if os.access(MEMORY, os.W_OK) and found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what may take longest: drawn last, it would be waited for alone. The rest stays in the order drawn."""
    items.sort(key=_allowed_s, reverse=True)


def _allowed_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return 0.0 if marker is None else float(marker.args[0])


def pytest_collection_finish() -> None:
    """Leave what has been imported to itself: each full collection would walk through all of it."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session", autouse=True)
def _quick() -> Iterator[None]:
    """Make once what is the same for every test and costs much, and let no test wait for a burst of mail to gather."""
    with made_once(), mock.patch.object(server, "INDEX_PAUSE_S", 0.01):
        yield


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
    found = [] if folder is None else violations(folder)
    assert not found, found
