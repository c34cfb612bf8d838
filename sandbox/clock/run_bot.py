"""`python -m sandbox.clock.run_bot web | worker`: the bot with a movable clock."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def _end(*_: object) -> None:
    sys.exit(0)


signal.signal(signal.SIGINT, _end)  # SIGTERM may arrive while the bot is still being imported

from bot.settings import load_settings  # noqa: E402
from sandbox.clock.shared_clock import PATH, SharedClock  # noqa: E402


def main(name: str) -> None:
    """Start a process as `bot.cli` does, importing only what that process needs."""
    settings, clock = load_settings(), SharedClock(Path(os.environ[PATH]))
    if name == "web":
        from bot.web import serve

        serve(settings, clock)
    else:
        from bot.worker import run_worker

        run_worker(settings, clock, compare_clocks=False)


if __name__ == "__main__":
    main(sys.argv[1])
