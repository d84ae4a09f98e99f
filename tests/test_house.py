"""The rules of the house that a reading of the files can hold: sizes, documents, what no file may say."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from postroom.config import Settings

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def _functions(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, kinds):
            nested = sum(_length(n) for n in ast.walk(node) if isinstance(n, kinds) and n is not node)
            found.append((node.name, _length(node) - nested))
    return found


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    document = node.body[0]
    is_document = isinstance(document, ast.Expr) and isinstance(document.value, ast.Constant)
    words = (document.end_lineno or 0) - document.lineno + 1 if is_document else 0
    signature = node.body[0].lineno - node.lineno
    return (node.end_lineno or 0) - node.lineno + 1 - words - signature


def test_no_file_is_over_500_lines() -> None:
    paths = [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    assert [p.name for p in paths if len(p.read_text("utf-8").splitlines()) > 500] == []


def test_no_function_is_over_40_lines() -> None:
    migrations = ROOT / "src/postroom/store/migrations"
    over = [
        (path.name, name, lines)
        for path in SOURCES
        if not path.is_relative_to(migrations)  # a list of columns
        for name, lines in _functions(path)
        if lines > 40
    ]
    assert over == []


def test_every_module_says_what_it_is_in_charge_of() -> None:
    assert [p.name for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text("utf-8")))] == []


def test_the_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [f for f in Settings.model_fields if f"`POSTROOM_{f.upper()}`" not in readme] == []


def test_the_readme_names_every_tool() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    tools = {path.stem for path in (ROOT / "tests/snapshots/tools").glob("*.json")}
    assert tools
    assert [tool for tool in sorted(tools) if f"`{tool}`" not in readme] == []


def test_links_between_documents_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    links = [
        (page, target) for page in pages for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    ]
    assert [(page.name, target) for page, target in links if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|--index|--find-links|^-", text, re.M)


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    try:
        names = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=20
        ).stdout.split(b"\0")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: which files are tracked cannot be told")
    found = []
    pattern = re.compile(rb"(?<![\w.])/(?:" + b"work|farm" + rb")/")
    for name in filter(None, names):
        path = ROOT / name.decode()
        if path.is_file() and pattern.search(path.read_bytes()):
            found.append(name.decode())
    assert found == []


def test_a_decision_fits_on_a_page() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert pages
    assert [p.name for p in pages if len(p.read_text("utf-8").splitlines()) > 30] == []
