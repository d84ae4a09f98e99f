"""Starts the processes that read what strangers sent: none of this one's secrets, no code from where it was started."""

import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, Process


async def start_child(module: str, *arguments: str) -> Process:
    """Run a module of ours in a process of its own, its input and output in pipes. Raises OSError."""
    # -P: `-m` alone would look for modules in the working directory first.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    return await create_subprocess_exec(
        sys.executable, "-P", "-m", module, *arguments, stdin=PIPE, stdout=PIPE, env=kept
    )
