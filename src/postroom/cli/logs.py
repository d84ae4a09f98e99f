"""The log of `postroom serve`: one line a record on stderr, key=value. What a line belongs to is `service/trace`'s."""

import logging
import time

from postroom.service.trace import TraceFilter


class Lines(logging.Formatter):
    """Formats as its base does, the time of a second once: a tenth of a line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s%(trace)s")
        self._second = (-1, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        at = int(record.created)
        if self._second[0] != at:
            self._second = at, time.strftime(datefmt or self.default_time_format, self.converter(at))
        return f"{self._second[1]},{int(record.msecs):03d}"


def log_to_stderr(level: int) -> None:
    """Send the log to stderr from `level` on."""
    handler = logging.StreamHandler()
    handler.addFilter(TraceFilter())
    handler.setFormatter(Lines())
    # Who runs it, and where, is in the lines where it matters; finding out costs a third of a line (logging's HOWTO).
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.logAsyncioTasks = False  # type: ignore[attr-defined]  # Python 3.12
    logging.basicConfig(level=level, handlers=[handler])
    for library in ("alembic", "uvicorn", "mcp"):
        logging.getLogger(library).setLevel(logging.WARNING)
