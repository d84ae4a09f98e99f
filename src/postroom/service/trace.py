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
