"""What a log line belongs to."""

import logging

from postroom.service.trace import CONNECTION, OPERATION, TENANT, TraceFilter


def test_a_record_says_what_it_belongs_to_and_leaves_out_what_is_not_known() -> None:
    record = logging.LogRecord("postroom", logging.INFO, __file__, 1, "hello", None, None)
    set_here = [(variable, variable.set(value)) for variable, value in ((OPERATION, "messages.send"), (TENANT, ""))]
    connection = CONNECTION.set("c1")
    try:
        assert TraceFilter().filter(record)
        assert getattr(record, "trace", None) == " operation=messages.send connection=c1"
    finally:
        CONNECTION.reset(connection)
        for variable, token in set_here:
            variable.reset(token)
