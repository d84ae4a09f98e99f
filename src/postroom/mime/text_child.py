"""The process that reads the text of one file: its kind as argument, its bytes on stdin, the answer on stdout.

A hostile file costs this process and no other: it has limits of processor time and memory, and ends after one file.
"""

import contextlib
import logging
import os
import signal
import sys

from postroom.mime.child import limit
from postroom.mime.texts import Kind, text_of

CPU_SECONDS = 10
NOT_STARTED = 4  # the status that says that the failure is ours, not the file's
TOO_MUCH = 3
_KINDS: dict[str, Kind] = {"pdf": "pdf", "docx": "docx", "html": "html", "text": "text"}


def main() -> None:
    """Answer with the JSON of a FileText; end with TOO_MUCH where the file wants more than it may have."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent decides
    logging.disable()  # what pypdf thinks of a file
    os.environ["RUST_BACKTRACE"] = "0"
    try:
        kind = _KINDS[sys.argv[1]]
        if kind == "pdf":
            import postroom.mime.pdf  # noqa: F401  # before the limits: its modules are not the file's cost
        content = sys.stdin.buffer.read()
        with contextlib.suppress(AttributeError, OSError):
            os.nice(5)  # those who send and receive come first
        limit(CPU_SECONDS)
    except BaseException as error:
        # As in `child.main`, but here it was ours.
        os.write(2, f"the reader of files did not start error={type(error).__name__}\n".encode())
        os._exit(NOT_STARTED)
    try:
        answer = text_of(kind, content).model_dump_json().encode()
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
    except BaseException:
        # At once: an end in order needs memory as well, and the parent would wait for it.
        os._exit(TOO_MUCH)
    os._exit(0)


if __name__ == "__main__":
    main()
