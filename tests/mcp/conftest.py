"""One server for all tests of the face, each with inboxes of its own."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.store.invariants import check
from tests.processes.running import Processes, Server

KEY = "owner-key-" + "k" * 30


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Processes]:
    """What the server runs in; ended, and its data checked, when all tests are over."""
    started = Processes(tmp_path_factory.mktemp("mcp"), migrated)
    try:
        yield started
    finally:
        started.end()
    assert asyncio.run(check(started.home / "postroom.db", started.home / "blobs")) == []


@pytest.fixture(scope="session")
def server(shared: Processes) -> Server:
    """The server; its owner key is KEY."""
    return shared.serve(api_key=KEY).started()
