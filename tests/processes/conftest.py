"""Processes for tests, ended with the test whatever happened in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.running import Processes


@pytest.fixture
def processes(tmp_path: Path, migrated: Path) -> Iterator[Processes]:
    """What starts processes over the test's own data folder."""
    started = Processes(tmp_path, migrated)
    try:
        yield started
    finally:
        started.end()
