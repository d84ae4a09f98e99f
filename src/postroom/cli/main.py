"""`postroom`: parses the command line. What an agent's host starts, `postroom mcp`, is told apart before any import."""

import sys


def main() -> None:
    """Run the command that the arguments name; the exit status says how it went."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["mcp"]:
        # A host waits for the answer to `initialize`: the table of commands costs half a second that it need not pay.
        from postroom.cli.stdio import run_stdio

        sys.exit(run_stdio(arguments[1:]))
    from postroom.cli.commands import run

    sys.exit(run(arguments))
