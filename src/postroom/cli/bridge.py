"""`postroom mcp` with POSTROOM_URL: stdio is carried to a server that runs elsewhere, and no house is opened."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Mapping

from postroom.cli.carrier import Bridge
from postroom.cli.stdio import on_signals
from postroom.config import Settings
from postroom.mcp.selection import HEADERS


async def run_bridge(options: Mapping[str, str]) -> int:
    """Carry messages until stdin ends or a signal comes; return the exit status."""
    settings = Settings()
    assert settings.url is not None  # whoever calls has looked
    stop = on_signals()
    lines: asyncio.Queue[bytes | None] = asyncio.Queue()
    _read_stdin(lines)
    # Hosts are given the address with /mcp at its end, and so people give it here as well.
    bridge = Bridge(f"{settings.url.removesuffix('/mcp')}/mcp", _headers(settings, options), _write)
    reading = asyncio.create_task(_carry(bridge, lines))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([reading, stopped], return_when=asyncio.FIRST_COMPLETED)
    reading.cancel()
    await bridge.close()
    return 0


async def _carry(bridge: Bridge, lines: "asyncio.Queue[bytes | None]") -> None:
    while (line := await lines.get()) is not None:
        await bridge.take(line)


def _headers(settings: Settings, options: Mapping[str, str]) -> dict[str, str]:
    """Return what every request says: the key, and which tools are wanted."""
    chosen = {**settings.tool_selection, **options}
    headers = {HEADERS[name]: value for name, value in chosen.items() if value}
    if settings.api_key is not None:
        headers["authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
    return {**headers, "accept": "application/json, text/event-stream", "content-type": "application/json"}


def _read_stdin(lines: "asyncio.Queue[bytes | None]") -> None:
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended before stdin did
            for line in sys.stdin.buffer:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()


async def _write(message: bytes) -> None:
    await asyncio.to_thread(_write_line, message)


def _write_line(message: bytes) -> None:
    sys.stdout.buffer.write(message + b"\n")
    sys.stdout.buffer.flush()
