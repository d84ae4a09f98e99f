"""A query is a value: a statement over the tables, compiled once for each database and reach, and how a row is read.

`reached` names the table whose `org_id`, `pod_id`, `inbox_id` the transaction's Reach restricts; the condition is added
here, in one place. A query without it is `inner`: it reads by keys that a reached query gave in the same transaction,
or belongs to an internal operation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Delete, Insert, Select, Table, Update, bindparam, func, select
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import ColumnElement, UnaryExpression
from sqlalchemy.sql.operators import custom_op

from postroom.model.tenant import Reach

T = TypeVar("T")
Row = Sequence[Any]
Statement = Select[Any] | Insert | Update | Delete
REACH_COLUMNS = ("org_id", "pod_id", "inbox_id")


def _nothing(_row: Row) -> None:
    return None


@dataclass(frozen=True, eq=False)
class Query(Generic[T]):
    """One statement. `row` makes a result row a record; statements without rows leave it out.

    `steered`: the statement's own conditions find the rows; the reach only checks them, and no index is chosen for it.
    `packed`: SQLite hands all rows over as one JSON text. It lets go of the interpreter's lock at every row, and under
    load gets it back late: a page of twenty takes a third less so. Only for columns that JSON can tell, and no bytes.
    """

    name: str
    statement: Statement
    row: Callable[[Row], T] = _nothing  # type: ignore[assignment]
    reached: Table | None = None
    inner: bool = False
    steered: bool = False
    packed: bool = False
    _compiled: dict["Shape", "Compiled"] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if (self.reached is None) is not self.inner and not isinstance(self.statement, Insert):
            raise TypeError(f"query {self.name}: say what reaches it, or that it is inner")

    @cached_property
    def guarded(self) -> tuple[str, ...]:
        """The columns by which an inserted row says whose it is."""
        table = self.statement.table if isinstance(self.statement, Insert) else None
        return tuple(c for c in REACH_COLUMNS if table is not None and c in table.c)

    def is_packed(self, dialect: Dialect) -> bool:
        """Tell whether the answer is one JSON array of rows."""
        return self.packed and dialect.name == "sqlite"

    def compiled(self, dialect: Dialect, shape: "Shape") -> "Compiled":
        """Return the SQL for this database and shape of reach."""
        known = self._compiled.get(shape)
        if known is None:
            known = self._compiled[shape] = self._compile(dialect, shape[1:])
        return known

    def _compile(self, dialect: Dialect, within: tuple[bool | str, ...]) -> "Compiled":
        statement = self.statement
        if self.reached is not None and not isinstance(statement, Insert):
            for column, wanted in zip(REACH_COLUMNS, within, strict=True):
                if wanted and column in self.reached.c:
                    checked: ColumnElement[Any] = self.reached.c[column]
                    if self.steered and dialect.name == "sqlite":  # to which a column with a plus has no index
                        checked = UnaryExpression(checked, operator=custom_op("+"))
                    statement = statement.where(checked == bindparam(f"reach_{column}"))
        if isinstance(statement, Select) and self.is_packed(dialect):
            rows = statement.subquery()
            # In the order of the rows: an inner query with a LIMIT is not folded into the outer one.
            statement = select(func.json_group_array(func.json_array(*rows.c)))
        compiled = statement.compile(dialect=dialect)
        constants = {name: bound.value for name, bound in compiled.binds.items() if not bound.required}
        return Compiled(str(compiled), constants, _picker(compiled.positiontup))


class Compiled(NamedTuple):
    """SQL with its constants, and how values by name become what the driver takes (by place where it counts places)."""

    text: str
    constants: dict[str, Any]
    values: Callable[[Mapping[str, Any]], Any]


def _picker(names: Sequence[str] | None) -> Callable[[Mapping[str, Any]], Any]:
    if names is None:
        return lambda parameters: parameters
    if len(names) > 1:
        return itemgetter(*names)
    return lambda parameters: tuple(parameters[name] for name in names)


# The name of the database, then which columns of the reach are given.
Shape = tuple[str, bool, bool, bool]


def shape_of(dialect: Dialect, reach: Reach) -> Shape:
    """Return what of a reach decides the text of a query."""
    return dialect.name, reach.org_id is not None, reach.pod_id is not None, reach.inbox_id is not None


def reach_parameters(reach: Reach) -> dict[str, str]:
    """Return the parameters that a reached statement needs under `reach`."""
    return {f"reach_{c}": v for c in REACH_COLUMNS if (v := getattr(reach, c)) is not None}
