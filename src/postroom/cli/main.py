"""`postroom`: parses the command line. What an agent's host starts, `postroom mcp`, is told apart before any import."""

import os
import sys


def main() -> None:
    """Run the command that the arguments name; the exit status says how it went."""
    _open_standard_streams()
    arguments = sys.argv[1:]
    if arguments[:1] == ["mcp"]:
        # A host waits for the answer to `initialize`: the table of commands costs half a second that it need not pay.
        from postroom.cli.stdio import run_stdio

        sys.exit(run_stdio(arguments[1:]))
    from postroom.cli.commands import run

    sys.exit(run(arguments))


def _open_standard_streams() -> None:
    """Open nothing where a standard stream is closed: what is opened next would be taken for it (libuv aborts then)."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            setattr(sys, name, os.fdopen(opened, mode, encoding="utf-8"))
