"""What the README has a newcomer type, run as it is printed: only the port is another one."""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes.running import Processes, patient, remote

README = Path(__file__).resolve().parents[2] / "README.md"
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def _first_mail() -> str:
    (found,) = [block for block in _BLOCK.findall(README.read_text("utf-8")) if "smtp://" in block]
    return str(found)


def _typed(command: str) -> tuple[int, str]:
    """Run a line as a shell does that has no settings; return the status and what it complains of."""
    outside = {"PATH": os.environ["PATH"]}
    done = subprocess.run(["sh", "-c", command], env=outside, capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@patient
async def test_the_first_mail_of_the_readme_is_kept_as_it_is_typed(processes: Processes) -> None:
    server = processes.serve().started()
    host, port = server.smtp
    command = _first_mail().replace("smtp://127.0.0.1:2525", f"smtp://{host}:{port}")
    assert str(port) in command
    async with remote(server.http, server.owner_key) as agent:
        inbox = await agent.does("create_inbox", username="support")
        assert inbox["inbox_id"] in command
        assert await asyncio.to_thread(_typed, command) == (0, "")
        found = await agent.does("wait_for_message", inbox_id=inbox["inbox_id"], after=inbox["position"], timeout=20)
    assert found["message"]["subject"].startswith("Hello at ")
    assert found["message"]["codes"][0]["code"] == "482913"
