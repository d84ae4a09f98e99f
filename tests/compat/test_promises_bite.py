"""The tests of a promise notice when it is broken: an operation that lies, a permission that nobody asks for."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tests.compat.lies import model_of, plausible
from tests.compat.mutants import CONTROL
from tests.compat.promises import found
from tests.compat.requirements import CORE, PERMISSIONS

LIMIT_S = 300.0


@pytest.mark.timeout(LIMIT_S + 10)
def test_of_each_operation_and_each_permission_a_test_fails_when_it_is_not_kept(tmp_path: Path) -> None:
    noticed = found(tmp_path, "tests/compat", timeout_s=LIMIT_S)["noticed"]
    assert set(noticed) == {row.id for row in CORE} | {row.id for row in PERMISSIONS} | {CONTROL}
    assert [name for name, test in noticed.items() if test is None and name != CONTROL] == []
    assert noticed[CONTROL] is None, "a test fails while nothing is broken"


@pytest.mark.timeout(120)
def test_a_lie_is_what_the_official_client_expects() -> None:
    for row in CORE:
        model = model_of(row)
        if model is type(None) or "AsyncIterator" in str(model):
            continue
        told = plausible(model, {"inbox_id": "agent@example.com", "subject": "as it was given"})
        shown = TypeAdapter(model).validate_python(told)
        assert getattr(shown, "subject", "as it was given") == "as it was given"
