"""Four faces over one house: whatever is done by whichever of them, in whatever order, all four list the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test

from postroom.http.inai import wire
from postroom.service import totals
from postroom.service.messages import changed_by
from tests.compat.one_model import acts
from tests.compat.one_model.looking import look
from tests.compat.one_model.machine import machine_over
from tests.compat.one_model.stage import Stage

EXAMPLES = 5
STEPS = 20
Fault = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.timeout(240)
def test_whatever_is_done_by_whichever_face_all_four_list_what_there_is(tmp_path: Path, migrated: Path) -> None:
    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    run_state_machine_as_test(machine_over(tmp_path, migrated), settings=settings)


def _archiving_loses_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(add: tuple[str, ...], remove: tuple[str, ...]) -> Any:
        change = changed_by(add, remove)
        return lambda message: change(message) - ({"red"} if "archived" in add else set())

    monkeypatch.setattr("postroom.service.across.changed_by", wrong)


def _a_total_is_off_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    true = totals.of_outgoing
    monkeypatch.setattr(totals, "of_outgoing", lambda context, inbox_id: true(context, inbox_id) + 1)


def _one_face_leaves_out_a_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    true = wire.paged

    def wrong(*given: Any) -> Any:
        page: Any = true(*given)
        return {**page, "data": [one for one in page["data"] if "webhook_id" not in one or one["enabled"]]}

    monkeypatch.setattr(wire, "paged", wrong)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (_archiving_loses_a_label, "labels"),
        (_a_total_is_off_by_one, "messages of .* by email"),
        (_one_face_leaves_out_a_webhook, "webhooks by inai"),
    ],
)
def test_a_fault_is_seen(
    fault: Fault, told: str, tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path / "house", migrated)
    stage.open()
    try:
        stage.run(_story(stage))  # and without a fault nothing is wrong with it
        fault(monkeypatch)
        with pytest.raises(AssertionError, match=told):
            stage.run(_story(stage, "again"))
    finally:
        stage.close()


async def _story(stage: Stage, name: str = "agent") -> None:
    """Receive, label, archive, answer; and switch a webhook off."""
    await stage.official.create_box(name)
    stage.learn_box(f"{name}@postroom.localhost")
    box = stage.world.boxes[-1]
    words: dict[str, Any] = {"answers": None, "with_file": True, "sender": "carol@example.com"}
    letter = await acts.receive(stage, box, f"news for {name}", **words)
    stage.tick()
    await acts.send(stage, stage.inai, box, ["carol@example.com"], f"letter of {name}", ["blue"])
    await stage.tools.label(letter, ["red"], [])
    acts.relabel(letter, letter.labels | {"red"})
    await stage.email.mark("archive", [letter])
    acts.relabel(letter, letter.labels | {"archived"})
    url = f"https://example.com/{name}"
    await stage.email.add_box_hook(url, ["message.received"], box)
    stage.learn_hook(url, ["message.received"], "email", box, ())
    await stage.official.switch_hook(stage.world.hooks[-1], enabled=False)
    stage.world.hooks[-1].enabled = False
    stage.tick()
    await look(stage, touched=stage.world.letters)
