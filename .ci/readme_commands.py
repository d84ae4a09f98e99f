"""Prints the commands of the README's console blocks, one a line, in order: what CI runs is what a reader types."""

import re
import sys
from pathlib import Path

readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
commands = [
    line[2:]
    for block in re.findall(r"```console\n(.*?)```", readme, re.S)
    for line in block.splitlines()
    if line.startswith("$ ")
]
if not any(command == "make test" for command in commands):
    sys.exit("the README tells of no `make test`")
print("\n".join(commands))
