"""What work costs, for the tests of what crafted mail may cost."""

import time
from collections.abc import Callable


def least_cost(work: Callable[[], object]) -> float:
    """Return the least of three times, seconds of processor time: a busy machine makes single ones longer."""
    times = []
    for _ in range(3):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)
