"""`postroom import eml`: messages out of files, into an inbox, byte by byte as they are."""

import asyncio
import hashlib
import json
import sys
from pathlib import Path

from postroom.config import Settings
from postroom.model.errors import PostroomError
from postroom.model.message import Incoming
from postroom.model.tenant import SYSTEM
from postroom.server import Postroom, open_house
from postroom.service.receive import Taken


async def import_files(files: list[Path], inbox: str, *, as_json: bool) -> int:
    """Import each file; say for each what became of it. Returns 1 if any failed."""
    failed = 0
    settings = Settings()
    async with open_house(settings) as house:
        actor = await house.actor(settings.api_key.get_secret_value() if settings.api_key else None)
        into = await house.desk.call("inboxes.get", actor, {"inbox_id": inbox})
        for path in files:
            try:
                told = await _import(house, path, into.address)
            except (OSError, PostroomError) as error:
                failed += 1
                print(f"postroom: {path}: {error}", file=sys.stderr)
                continue
            print(
                json.dumps({"file": str(path), **told}) if as_json else f"{path}: {told['status']} {told['id'] or ''}"
            )
    return 1 if failed else 0


async def _import(house: Postroom, path: Path, address: str) -> dict[str, str | None]:
    content = await asyncio.to_thread(path.read_bytes)
    incoming = Incoming(
        envelope_from="",
        recipients=(address,),
        content=content,
        spool=None,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        origin="import",
    )
    taken: Taken = await house.desk.call("mail.take", SYSTEM, incoming)
    message = next(iter(taken.filed.values()), None)
    return {"status": "imported" if message else "duplicate", "id": message}
