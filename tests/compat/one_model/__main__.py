"""The machine for as long as somebody wants: `python -m tests.compat.one_model --seed 7 --minutes 10`."""

import argparse
import tempfile
import time
from pathlib import Path

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

from postroom.store.schema import migrate
from tests.compat.one_model.machine import machine_over


def main() -> None:
    """Run the machine with one seed after the other until the time is over; what fails is told in few steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed; each round takes the next")
    parser.add_argument("--minutes", type=float, default=10.0, help="no round begins after them")
    parser.add_argument("--examples", type=int, default=20, help="in a round")
    parser.add_argument("--steps", type=int, default=50, help="in an example")
    parser.add_argument("--shrink", action="store_true", help="look for fewer steps that fail; takes minutes")
    given = parser.parse_args()
    shrinks = [hypothesis.Phase.shrink] if given.shrink else []
    settings = hypothesis.settings(
        max_examples=given.examples,
        stateful_step_count=given.steps,
        deadline=None,
        database=None,
        print_blob=False,
        phases=[hypothesis.Phase.generate, *shrinks],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    until, seed = time.monotonic() + given.minutes * 60, given.seed
    while time.monotonic() < until:
        with tempfile.TemporaryDirectory() as folder:
            template = Path(folder) / "template.db"
            migrate(template, Path(folder))
            machine = hypothesis.seed(seed)(machine_over(Path(folder), template))
            run_state_machine_as_test(machine, settings=settings)
        print(f"seed {seed}: {given.examples} examples of {given.steps} steps hold", flush=True)
        seed += 1


if __name__ == "__main__":
    main()
