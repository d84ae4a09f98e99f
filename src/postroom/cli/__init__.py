"""The command line: for the person at this machine."""
