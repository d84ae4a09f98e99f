"""What the tests of the store share."""

from pathlib import Path
from shutil import copyfile

import pytest


@pytest.fixture
def database(tmp_path: Path, migrated: Path) -> Path:
    """An empty database with the newest schema."""
    return Path(copyfile(migrated, tmp_path / "postroom.db"))
