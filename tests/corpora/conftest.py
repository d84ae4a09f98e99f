"""The corpora are read by a server of its own."""

from tests.processes.conftest import processes

__all__ = ["processes"]
