"""The worker process that parses large messages: frames on stdin, answers on stdout, until stdin ends.

A request is a length (4 bytes, big-endian) and JSON: ``{"path": "..."}``, or ``{"bytes": n}`` with n bytes behind it.
An answer is a length and the JSON of a ParsedMessage, or with ``"inventory": true`` of an Inventory. Each message gets
its own limit of processor time and memory; what exceeds one ends the process, and the parent says so.
"""

import json
import mmap
import os
import signal
import struct
import sys
from typing import BinaryIO

from postroom.mime.inventory import inventory
from postroom.mime.limits import Raw
from postroom.mime.parse import parse

_CPU_SECONDS = 2
_GROWTH = 200 * 1024 * 1024  # bytes of address space a message may add
_LENGTH = struct.Struct(">I")


def main() -> None:
    """Answer requests until stdin ends: then the parent is gone or wants no more. Whatever fails ends the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent decides
    # Out of memory pydantic's core panics, and writing down where it was then hangs for want of memory.
    os.environ["RUST_BACKTRACE"] = "0"
    try:
        _answer_all()
    except BaseException as error:
        # At once: an end in order needs memory as well, and the parent would wait for it.
        os.write(2, f"the parser ends error={type(error).__name__}\n".encode())
        os._exit(1)


def _answer_all() -> None:
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while frame := _read(requests):
        request = json.loads(frame)
        raw = requests.read(request["bytes"]) if "bytes" in request else _mapped(request["path"])
        limit(_CPU_SECONDS)
        found = inventory(raw) if request.get("inventory") else parse(raw)
        answer = found.model_dump_json().encode()
        if isinstance(raw, mmap.mmap):
            raw.close()
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _read(requests: BinaryIO) -> bytes:
    head = requests.read(_LENGTH.size)
    return requests.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""


def _mapped(path: str) -> Raw:
    with open(path, "rb") as file:
        empty = os.fstat(file.fileno()).st_size == 0
        return b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def limit(cpu_seconds: int, growth: int = _GROWTH) -> None:
    """Let this process use so many seconds more, and so many bytes: for what is mapped or read already.

    Nothing where a platform has no limits.
    """
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    try:
        with open("/proc/self/statm", "rb") as status:
            present = int(status.read().split()[0]) * resource.getpagesize()
    except OSError:
        return  # no measure of what is there already, hence no sum to set
    resource.setrlimit(resource.RLIMIT_AS, (present + growth, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    main()
