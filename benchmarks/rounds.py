"""How many rounds a measurement takes: as many as fit its time, within bounds. It measures nothing."""

import time
from collections.abc import Iterator


def rounds(least: int, most: int, seconds: float) -> Iterator[int]:
    """Count rounds from 0: `least` in any case, no more once `seconds` have passed, `most` at the most."""
    end = time.monotonic() + seconds
    for number in range(most):
        if number >= least and time.monotonic() > end:
            return
        yield number
