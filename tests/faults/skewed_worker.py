"""`python -m tests.faults.skewed_worker <seconds>`: a worker whose clock is ahead.

A host's clock can't be changed for one process, so the time functions are replaced before the bot
is imported. Timers are correct, as they are on such a host. The worker would refuse to start, so
its clock check is disabled here, to show that nothing depends on it.
"""

from __future__ import annotations

import sys
import time

real, AHEAD = time.time, float(sys.argv[1])


def wrong_time() -> float:
    return real() + AHEAD


if __name__ == "__main__":
    time.time = wrong_time
    from bot.settings import load_settings
    from bot.worker import run_worker

    sys.exit(run_worker(load_settings(), compare_clocks=False))
