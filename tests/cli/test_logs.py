"""The lines of the log."""

import logging
import subprocess
import sys
from typing import Any

import pytest

from postroom.cli.logs import Lines

WRITES = """
import logging
from postroom.cli.logs import log_to_stderr
log_to_stderr(logging.INFO)
log = logging.getLogger("postroom.mta.inbound")
log.debug("too little")
log.info("mail answered size=%d", 5)
try:
    raise LookupError("gone")
except LookupError:
    log.exception("it failed")
logging.getLogger("uvicorn.error").info("of no interest")
"""


def _record(created: float) -> Any:
    record = logging.LogRecord("postroom.mta", logging.INFO, __file__, 1, "hello %s", ("you",), None)
    record.created, record.msecs = created, int((created - int(created)) * 1000)
    record.trace = " operation=messages.send"
    return record


@pytest.mark.parametrize("moments", [(1795255204.0, 1795255204.999, 1795255205.0), (1.5, 0.25, 1795255204.0015)])
def test_a_line_reads_as_the_standard_formatter_writes_it(moments: tuple[float, ...]) -> None:
    lines, standard = Lines(), logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s%(trace)s")
    for moment in moments:
        assert lines.format(_record(moment)) == standard.format(_record(moment))


def test_the_log_is_a_line_a_record_on_stderr_and_errors_show_where_they_were() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WRITES], capture_output=True, text=True, timeout=25, check=True
    )
    first, second, *trace = done.stderr.splitlines()
    assert first.endswith(" INFO postroom.mta.inbound mail answered size=5")
    assert second.endswith(" ERROR postroom.mta.inbound it failed")
    assert trace[0].startswith("Traceback")
    assert trace[-1] == "LookupError: gone"
    assert done.stdout == ""
