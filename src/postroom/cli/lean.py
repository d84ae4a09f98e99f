"""Lets `postroom mcp` answer sooner: within `lean()` the SDK is imported without what it can answer without over stdio.

A host waits for that answer with every spawn. Each saving only puts work off to its first use, or takes a way that the
SDK itself has: where the SDK or pydantic change, it is lost, and importing is plain. It must not change what is served.
"""

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

# `mcp` brings the client and OAuth for names that we never ask of it; httpx2 serves resources that we do not offer.
_LATE = ("mcp", "httpx2")
# Both are tried by who imports them, and done without: the logging of ours replaces that of rich, and uvicorn's handler
# of signals, which sse-starlette wraps, is one that ours never calls. Uvicorn itself comes when the house opens.
_LEFT_OUT = ("rich", "uvicorn")


@contextmanager
def lean() -> Iterator[None]:
    """Import the server within, at less cost; for the main thread, before there is another.

    Measured in processor time from the spawn to the answer, on a slow machine: 0.90 s without (a bare server of the SDK
    takes 0.89), 0.62 with. Of it, 0.08 are models built at first use, 0.07 the garbage collector, 0.05 what is late,
    0.05 what is left out.
    """
    with ExitStack() as stack:
        for saving in (_uncollected, _late, _left_out, _built_at_first_use):
            stack.enter_context(saving())
        yield


@contextmanager
def _uncollected() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        # What was imported stays: that no collection walks through it again saves 0.1 s when the house opens.
        gc.freeze()
        gc.enable()


@contextmanager
def _late() -> Iterator[None]:
    for name in _LATE:
        spec = None if name in sys.modules else find_spec(name)
        if spec is not None and spec.loader is not None:
            sys.modules[name] = module = module_from_spec(spec)
            vars(module)[_Late.WAITS] = True
            module.__class__ = _Late
    yield


class _Late(ModuleType):
    """A package that runs its code when it is asked for a name it has not; modules inside are imported as ever.

    The standard library's LazyLoader does not do: on Python 3.11 the second `import` of it runs the code.
    """

    WAITS = "__postroom_waits__"
    LOADING = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        with _Late.LOADING:
            if vars(self).pop(_Late.WAITS, False):
                assert self.__spec__ is not None
                assert self.__spec__.loader is not None
                self.__spec__.loader.exec_module(self)
                object.__setattr__(self, "__class__", ModuleType)
            elif type(self) is _Late:  # its own code asks, while it runs
                raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self, name)


@contextmanager
def _left_out() -> Iterator[None]:
    absent: dict[str, Any] = {name: None for name in _LEFT_OUT if name not in sys.modules}
    sys.modules.update(absent)  # None makes an import raise ImportError
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)


@contextmanager
def _built_at_first_use() -> Iterator[None]:
    """Give every model that is declared within pydantic's setting `defer_build`: of 540, an answer needs thirty."""
    from pydantic import BaseModel

    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        BaseModel.model_config.pop("defer_build", None)
