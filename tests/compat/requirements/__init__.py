"""What is promised to the clients of `/v0`, `/api/v0` (`inai`) and `/v1/agent-email` (`transactional`), a row each;
tests name the rows that they hold: `@pytest.mark.promise(id)`.

`operations` has a row for each operation of the official client, `permissions` one for each operation of the desk that
needs one, `statements` and `resources` one for each sentence of the contract that a test can hold. What is promised but
not kept as it was given is a row with its `divergence`.
"""

from collections import Counter

from tests.compat.requirements import inai, transactional
from tests.compat.requirements.operations import CORE, HOSTED, OPERATIONS, POSSIBLE, OperationRow
from tests.compat.requirements.permissions import PERMISSIONS, PermissionRow
from tests.compat.requirements.resources import RESOURCES
from tests.compat.requirements.statements import COMMON, Statement

STATEMENTS = (*COMMON, *RESOURCES)
_OTHERS = (inai.ENDPOINTS, inai.STATEMENTS, transactional.ENDPOINTS, transactional.STATEMENTS)
_ALL = [row.id for rows in (OPERATIONS, PERMISSIONS, STATEMENTS, *_OTHERS) for row in rows]
IDS = frozenset(_ALL)
TWICE = [name for name, times in Counter(_ALL).items() if times > 1]

__all__ = [
    "CORE",
    "HOSTED",
    "IDS",
    "OPERATIONS",
    "PERMISSIONS",
    "POSSIBLE",
    "STATEMENTS",
    "TWICE",
    "OperationRow",
    "PermissionRow",
    "Statement",
]
