"""What the plugin `tests.compat.mutants` finds, asked of a pytest of its own, in a fixed order."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.compat.mutants import OUT

ROOT = Path(__file__).resolve().parents[2]


def found(folder: Path, *arguments: str, timeout_s: float) -> dict[str, Any]:
    """Run pytest with the plugin and return its report. Raises AssertionError where it wrote none."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.compat.mutants", "-p", "no:randomly", "--tb=no"]
    command += ["-p", "no:cacheprovider", "--basetemp", str(folder / "tests"), "-o", "tmp_path_retention_policy=none"]
    done = subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env={**{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}, OUT: str(report)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    told: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return told
