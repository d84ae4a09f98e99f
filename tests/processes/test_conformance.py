"""The conformance suites on the real stack behind its bearer auth, and the Inspector on our tools.

What they need is installed by `npm ci --ignore-scripts` in tests/conformance.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.running import COMMAND, Processes, environment

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "conformance"
MODULES = FOLDER / "node_modules"
INSPECTOR = MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
NEWER = MODULES / "@modelcontextprotocol/conformance/dist/index.js"
OLDER = MODULES / "conformance-older/dist/index.js"


def node() -> str:
    """Return a Node that the suites run on: the one beside them, or one of the machine that is new enough."""
    if not NEWER.is_file():
        pytest.skip(f"the conformance suites are not installed: npm ci --ignore-scripts in {FOLDER}")
    own = [*MODULES.glob("node-*/bin/node")]
    found = str(own[0]) if own else shutil.which("node")
    if found is None:
        pytest.skip("there is no Node 22 or newer on this machine")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    if int(said.removeprefix("v").partition(".")[0]) < 22:
        pytest.skip(f"the conformance suites need Node 22 or newer, this is {said.strip()}")
    return found


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where our server with the fixtures of the suites is reached."""
    node()
    folder = tmp_path_factory.mktemp("conformance")
    with (folder / "stderr.txt").open("w") as errors:
        command = [sys.executable, "-m", "tests.conformance.serve", str(folder / "home")]
        started = subprocess.Popen(
            command, cwd=ROOT, env=environment(folder / "home"), stdout=subprocess.PIPE, stderr=errors, text=True
        )
        with started:
            try:
                assert started.stdout is not None
                line = started.stdout.readline().strip()
                assert line.startswith("http"), (folder / "stderr.txt").read_text("utf-8")
                yield line
            finally:
                started.kill()
    assert "Traceback" not in (folder / "stderr.txt").read_text("utf-8")


def suite(script: Path, url: str, results: Path, *arguments: str) -> str:
    """Run a suite to its end and return what it printed."""
    command = [node(), str(script), "server", "--url", url, "-o", str(results), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    return done.stdout


def scored(printed: str) -> tuple[int, list[str]]:
    """Return how many scenarios count, and those among them that failed."""
    summary, _sign, unscored = printed.rpartition("=== SUMMARY ===")[2].partition("Not scored for")
    aside = set(re.findall(r"^  [✓✗] ([\w-]+) \(", unscored, re.M))
    ran = dict(re.findall(r"^[✓✗] ([\w-]+): \d+ passed, (\d+) failed", summary, re.M))
    return len(ran.keys() - aside), [name for name, failed in ran.items() if name not in aside and int(failed)]


def test_all_checks_of_the_older_suite_pass(url: str, tmp_path: Path) -> None:
    assert "Total: 40 passed, 0 failed" in suite(OLDER, url, tmp_path)


@pytest.mark.parametrize(("revision", "scenarios"), [("2025-11-25", 30), ("2026-07-28", 37)])
def test_every_scored_scenario_of_a_revision_passes(url: str, tmp_path: Path, revision: str, scenarios: int) -> None:
    assert scored(suite(NEWER, url, tmp_path, "--requirements", revision)) == (scenarios, [])


def test_the_inspector_finds_nothing_on_our_tools(processes: Processes) -> None:
    given = environment(processes.home, toolsets="all")
    settings = [
        word for name, value in given.items() if name.startswith("POSTROOM_") for word in ("-e", f"{name}={value}")
    ]
    command = [node(), str(INSPECTOR), "--cli", "--strict", "--method", "tools/list", *settings, "--", *COMMAND, "mcp"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False, env=given)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["tools"]) >= 16


def test_the_lock_pins_what_is_installed_and_has_no_address() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))
    pinned = {path: entry for path, entry in lock["packages"].items() if path}
    assert pinned
    assert [path for path, entry in pinned.items() if not entry.get("integrity") or "resolved" in entry] == []
    wanted = json.loads((FOLDER / "package.json").read_text("utf-8"))
    given = {**wanted["dependencies"], **wanted["optionalDependencies"]}
    assert all(re.fullmatch(r"(npm:@[\w/-]+@)?\d[\w.-]*", version) for version in given.values())
