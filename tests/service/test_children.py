"""The processes that read hostile bytes: what they find around them."""

import asyncio
import os
from pathlib import Path

import pytest

from postroom.service.children import start_child

SHOW = "import os, sys; sys.stdout.write(repr(sorted(os.environ)))"


async def test_a_child_has_no_secret_of_ours_and_takes_no_code_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pypdf.py").write_text("raise SystemExit('taken over')", "utf-8")
    (tmp_path / "postroom_probe.py").write_text(SHOW, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTROOM_API_KEY", "pr_secret")
    for module in ("postroom_probe", "pypdf"):
        child = await start_child(module)
        async with asyncio.timeout(15):
            answer, _errors = await child.communicate()
        assert b"taken over" not in answer
        assert b"POSTROOM_API_KEY" not in answer
        assert child.returncode != 0 or b"PATH" in answer
    assert "POSTROOM_API_KEY" in os.environ
