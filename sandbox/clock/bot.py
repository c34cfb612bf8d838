"""`python -m sandbox.clock.bot web | worker`: the bot itself, but for the clock that it goes by."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bot.settings import load_settings
from bot.web import serve
from bot.worker import work
from sandbox.clock.moving import PATH, MovingClock


def main(name: str) -> None:
    start = {"web": serve, "worker": work}[name]
    start(load_settings(), MovingClock(Path(os.environ[PATH])))


if __name__ == "__main__":
    main(sys.argv[1])
