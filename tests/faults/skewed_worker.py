"""`python -m tests.faults.skewed_worker <seconds>`: a worker whose clock is that much ahead.

A host's clock cannot be set for one process alone, so what the process takes for it is replaced
before anything of the bot is loaded. Its timers are right, as they are on such a host. It would
refuse to start; here it does not compare its clock, to show that nothing depends on that.
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
