"""What `postroom mcp` leaves out until it has answered is really absent then, and works where it is needed later."""

import gc
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from postroom.cli import lean
from tests.processes.test_stdio import INITIALIZE

# The server as it is started, but for the house: when the first request is answered, it says what is imported.
AT_THE_ANSWER = """
import json, sys
from postroom.cli import stdio

async def look(hands, server, stop, options):
    await server.answered.wait()
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
    await stop.wait()

stdio._house = look
stdio.run_stdio()
"""

AFTERWARDS = """
import gc, json
from postroom.cli.lean import lean
from postroom.mcp.face import Hands

with lean():
    from postroom.mcp.server import Server
    Server(Hands())

from pydantic import BaseModel

def below(model):
    for each in model.__subclasses__():
        yield each
        yield from below(each)

put_off = [model for model in set(below(BaseModel)) if not model.__pydantic_complete__]
rebuilt = [model.model_rebuild() for model in put_off]

class Own(BaseModel):
    name: str

import httpx2, mcp, rich.console, uvicorn
print(json.dumps({
    "put off": len(put_off),
    "not built": [str(model) for model in put_off if not model.__pydantic_complete__],
    "own": Own.__pydantic_complete__,
    "names": [mcp.Client.__name__, httpx2.AsyncClient.__name__, uvicorn.Server.__name__, rich.console.Console.__name__],
    "types": [type(mcp).__name__, type(httpx2).__name__],
    "collects": gc.isenabled(),
    "all": [name for name in mcp.__all__ if not hasattr(mcp, name)],
}))
"""


def python(program: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program to its end in a process of its own: what is imported here must not count."""
    return subprocess.run(
        [sys.executable, "-c", program], input=given, capture_output=True, text=True, timeout=25, check=True
    )


def test_what_an_answer_does_not_need_is_not_imported_when_it_is_given() -> None:
    done = python(AT_THE_ANSWER, json.dumps(INITIALIZE) + "\n")
    answer = json.loads(done.stdout)
    assert answer["result"]["serverInfo"]["name"] == "postroom"
    imported = set(json.loads(done.stderr))
    assert "mcp.server" in imported
    absent = {"mcp.client", "mcp.client.session", "httpx2._client", "rich", "rich.console", "uvicorn", "click"}
    assert not imported & absent
    ours = {name for name in imported if name.startswith("postroom.")}
    assert not {name for name in ours if name.split(".")[1] in ("http", "service", "store", "mta", "mime", "net")}


def test_what_was_put_off_is_whole_afterwards() -> None:
    found = json.loads(python(AFTERWARDS).stdout)
    assert found["put off"] > 300
    assert found["not built"] == []
    assert found["own"]
    assert found["names"] == ["Client", "AsyncClient", "Server", "Console"]
    assert found["types"] == ["module", "module"]
    assert found["collects"]
    assert found["all"] == []


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    """Leave what other tests made to the garbage collector."""
    yield
    gc.unfreeze()


Package = Callable[[str, str], str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """What writes a package with a module `inner`, and makes it the one that is late."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, code: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text(code, "utf-8")
        (folder / "inner.py").write_text("HERE = 1\n", "utf-8")
        monkeypatch.setattr(lean, "_LATE", (name, "no_such_package_at_all"))
        monkeypatch.setattr(lean, "_LEFT_OUT", ())
        return name

    return write


def test_a_late_package_runs_once_however_many_threads_ask(package: Package) -> None:
    name = package(
        "late_for_threads", "import time, builtins\nRUNS = []\nRUNS.append(1)\nimport decimal\nLAST = 'last'\n"
    )
    with lean.lean():
        module = __import__(name)
    assert "RUNS" not in vars(module)
    at_once = threading.Barrier(8)
    got: list[tuple[list[int], str]] = []

    def ask() -> None:
        at_once.wait(5)
        got.append((module.RUNS, module.LAST))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert got == [([1], "last")] * 8


def test_a_module_inside_a_late_package_is_imported_without_the_package(package: Package) -> None:
    name = package("late_around", "from . import inner\nOUTER = inner.HERE + 1\n")
    with lean.lean():
        inner = __import__(f"{name}.inner", fromlist=["HERE"])
    module = sys.modules[name]
    assert inner.HERE == 1
    assert "OUTER" not in vars(module)
    assert module.OUTER == 2
    assert module.inner is inner


def test_a_late_package_without_the_name_says_so_as_any_module_does(package: Package) -> None:
    name = package("late_without", "import sys\nSELF = getattr(sys.modules[__name__], 'missing', 'none')\n")
    with lean.lean():
        module = __import__(name)
    with pytest.raises(AttributeError, match="'late_without' has no attribute 'other'"):
        _ = module.other
    assert module.SELF == "none"


def test_an_error_within_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean, "_LATE", ())
    monkeypatch.setattr(lean, "_LEFT_OUT", ("a_package_that_is_left_out",))

    def fail() -> None:
        with lean.lean():
            assert not gc.isenabled()
            assert "defer_build" in BaseModel.model_config
            with pytest.raises(ImportError):
                __import__("a_package_that_is_left_out")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert gc.isenabled()
    assert "defer_build" not in BaseModel.model_config
    assert "a_package_that_is_left_out" not in sys.modules
