"""Has the text of a file read in a process of its own, which can be killed; at most two at a time.

What a file costs is bounded here in wall time; processor time and memory are the process's own limits
(`mime/text_child.py`).
"""

import asyncio

from postroom.mime.text_child import NOT_STARTED
from postroom.mime.texts import Kind
from postroom.model.errors import Busy, Temporary
from postroom.model.file_text import FileText
from postroom.service.children import start_child

_AT_ONCE = 2
_TOO_MUCH = FileText(text=None, reason="Reading it takes more time or memory than one file may have.")


class Extractor:
    """Reads files. `deadline` is what one may take, `patience` how long it waits for its turn; seconds."""

    def __init__(self, *, deadline: float = 40.0, patience: float = 20.0) -> None:
        self._deadline = deadline
        self._patience = patience
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def text(self, kind: Kind, content: bytes) -> FileText:
        """Return the text of a file, or why there is none.

        Raises:
            Temporary: a failure of ours; nothing is known of the file.
            Busy: too many wait.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError:
            raise Busy("Other files are being read.", fix="Try again in a minute.") from None
        try:
            return await self._read(kind, content)
        finally:
            self._turns.release()

    async def _read(self, kind: Kind, content: bytes) -> FileText:
        try:
            child = await start_child("postroom.mime.text_child", kind)
        except OSError as error:
            raise Temporary("The file cannot be read now.", fix="Try again.") from error
        try:
            async with asyncio.timeout(self._deadline):
                answer, _errors = await child.communicate(content)
        except TimeoutError:
            return _TOO_MUCH
        finally:
            # Also when cancelled: nobody waits for it any more.
            if child.returncode is None:
                child.kill()
            await child.wait()
        if child.returncode == NOT_STARTED:
            raise Temporary("The file cannot be read now.", fix="Try again.")
        if child.returncode != 0:
            return _TOO_MUCH
        return await asyncio.to_thread(FileText.model_validate_json, answer)
