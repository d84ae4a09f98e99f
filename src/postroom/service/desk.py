"""The desk: the one door to the services, for faces and workers alike.

A call finds the row, checks the permission, validates the input, opens the transaction with the actor's reach, runs the
handler, commits, and rings the bells. No handler, face or worker commits.
"""

import difflib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from postroom.model.errors import Forbidden, InvalidInput, Problem, disk_error
from postroom.model.tenant import Actor, Reach
from postroom.service import taint
from postroom.service.dns_records import Resolver
from postroom.service.extracting import Extractor
from postroom.service.operation import ANYONE, Answer, Context, House, Operation
from postroom.service.parsing import Parser
from postroom.service.rates import Rates
from postroom.service.trace import OPERATION, TENANT
from postroom.store.blobs import Blobs
from postroom.store.secret import Secret
from postroom.store.transaction import Transaction

log = logging.getLogger(__name__)
T = TypeVar("T")


class Store(Protocol):
    """What a database must do. Both functions answer once the result is true: after the fsync for a write.

    Raises:
        StorageFull, Busy, Temporary: nothing of this function was kept.
    """

    async def write(
        self, function: Callable[[Transaction], T], reach: Reach, now: int, *, alone: bool = False
    ) -> T: ...

    async def read(self, function: Callable[[Transaction], T], reach: Reach, now: int, kind: str = "") -> T: ...


class Fetcher(Protocol):
    """What fetches an attachment that is given by its address, and tells a webhook."""

    async def fetch(self, url: str, *, max_bytes: int, timeout: float, redirects: int = 5) -> Any: ...

    async def check(self, url: str) -> None: ...

    async def post(self, url: str, content: bytes, *, headers: Mapping[str, str], timeout: float) -> int: ...


def _nowhere() -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """What orchestrations reach through the desk besides the store."""

    blobs: Blobs
    parser: Parser
    fetcher: Fetcher
    resolver: Resolver
    secret: Secret
    extractor: Extractor = field(default_factory=Extractor)
    public_url: Callable[[], str | None] = _nowhere  # what addresses begin with, None while nothing listens


class Desk:
    """The door. `clock` gives UTC milliseconds; it is read once a call."""

    def __init__(
        self,
        operations: Mapping[str, Operation],
        store: Store,
        house: House,
        rooms: Rooms,
        clock: Callable[[], int],
    ) -> None:
        self.operations = operations
        self.house = house
        self.rooms = rooms
        self.clock = clock
        self.readers = taint.Readers()
        self.rates = Rates(house.key_rate, house.key_burst, clock)
        self._store = store

    async def call(self, name: str, actor: Actor, given: BaseModel | Mapping[str, Any]) -> Any:
        """Do the operation `name` and return its result.

        Raises:
            PostroomError: of the kind that says what is wrong; nothing was changed then.
        """
        return (await self._do(name, actor, given, positioned=False)).result

    async def ask(self, name: str, actor: Actor, given: BaseModel | Mapping[str, Any]) -> Answer[Any]:
        """Do the operation and return its result with the position in the log at which it was true."""
        return await self._do(name, actor, given, positioned=True)

    async def _do(
        self, name: str, actor: Actor, given: BaseModel | Mapping[str, Any], *, positioned: bool
    ) -> Answer[Any]:
        operation = self.operations[name]
        _check_permission(operation, actor)
        command = _validated(operation, given)
        if not operation.internal:
            OPERATION.set(name)
            TENANT.set(actor.reach.org_id or "")
        try:
            if operation.mode == "own":
                answer = await operation.handler(self, actor, command)
                return answer if isinstance(answer, Answer) else Answer(answer, 0)
            return await self._transact(operation, actor, command, positioned=positioned)
        except UnicodeEncodeError as error:  # half a surrogate pair, which JSON can spell and no text can hold
            raise InvalidInput("The input has text that is no Unicode.", fix="Leave out lone surrogates.") from error
        except OSError as error:  # a file that is gone, a disk that fails: nobody is shown a path of this machine
            log.error("disk failed operation=%s error=%s", name, error)
            raise disk_error(error) from error

    async def _transact(
        self, operation: Operation, actor: Actor, command: BaseModel, *, positioned: bool
    ) -> Answer[Any]:
        now = self.clock()
        handler, house = operation.handler, self.house
        seen: set[str] = set()

        def run(tx: Transaction) -> Answer[Any]:
            result = handler(Context(actor, tx, now, house, seen), command)
            return Answer(result, tx.position() if positioned else 0)

        if operation.mode == "write":
            answer = await self._store.write(run, actor.reach, now, alone=operation.alone)
        else:
            answer = await self._store.read(run, actor.reach, now, operation.name if operation.quick else "")
        if seen:  # before anybody is shown it: what it says can be obeyed at once
            await taint.remember(self, actor)
        return answer


def _check_permission(operation: Operation, actor: Actor) -> None:
    if not operation.scope:
        if actor.reach is not Reach.EVERYWHERE:  # the one object: no key is ever given it
            raise Forbidden(f"{operation.name} is internal.")
    elif operation.scope != ANYONE and not actor.may(operation.scope):
        raise Forbidden(
            f"This key lacks the permission {operation.scope}.", fix=f"Use a key that has {operation.scope}."
        )


def _validated(operation: Operation, given: BaseModel | Mapping[str, Any]) -> BaseModel:
    if isinstance(given, operation.input):
        return given
    try:
        return operation.input.model_validate(given)
    except ValidationError as error:
        raise invalid(error, operation.input) from None


def invalid(error: ValidationError, model: type[BaseModel]) -> InvalidInput:
    """Return our error for pydantic's: each problem with its path, an unknown field with the nearest that is known."""
    problems = [Problem(path=e["loc"], message=_sentence(e, model)) for e in error.errors(include_url=False)[:20]]
    shown = "; ".join(f"{'.'.join(map(str, p.path)) or 'input'}: {p.message}" for p in problems[:5])
    return InvalidInput(shown, problems)


def _sentence(error: Any, model: type[BaseModel]) -> str:
    if error["type"] != "extra_forbidden":
        given = repr(error["input"])
        return f"{said(error['msg'])} (got {given[:80]})" if error["type"] != "missing" else "is required."
    *way, name = error["loc"]
    return unknown_name(str(name), tuple(_fields(_model_at(model, way))))


def said(words: str) -> str:
    """Return what a validator of ours said, without the class of its error, which pydantic puts before it."""
    return words.removeprefix("Value error, ")


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """Return the type of each field by the name that a caller gives."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _model_at(model: type[BaseModel], way: Iterable[str | int]) -> type[BaseModel]:
    """Return the model that checks what stands at the end of `way`; numbers in a list and the like lead no further."""
    for step in way:
        model = _model_in(_fields(model).get(str(step))) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def unknown_name(name: str, fields: tuple[str, ...]) -> str:
    """Return the sentence that refuses a name and suggests the near one."""
    near = difflib.get_close_matches(name, fields, 1)
    return f"unknown; did you mean {near[0]!r}?" if near else f"unknown; known are {', '.join(fields)}."
