"""What a log line belongs to: the operation, the organization and inbox that asked, the connection it came over.

Set where it is known, by a context variable, and added to every record of the log by `TraceFilter`.
"""

import logging
from contextvars import ContextVar

OPERATION: ContextVar[str] = ContextVar("operation", default="")
TENANT: ContextVar[str] = ContextVar("tenant", default="")
CONNECTION: ContextVar[str] = ContextVar("connection", default="")


class TraceFilter(logging.Filter):
    """Adds ` operation=… org=… connection=…` to each record as `trace`, what is not known left out."""

    def filter(self, record: logging.LogRecord) -> bool:
        known = (("operation", OPERATION.get()), ("org", TENANT.get()), ("connection", CONNECTION.get()))
        record.trace = "".join(f" {name}={value}" for name, value in known if value)
        return True


def log_to_stderr(level: int) -> None:
    """Send the log to stderr, one line a record, key=value."""
    handler = logging.StreamHandler()
    handler.addFilter(TraceFilter())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s%(trace)s"))
    # Who runs it is in the lines where it matters; finding it out costs a third of a record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("mcp").setLevel(logging.WARNING)
