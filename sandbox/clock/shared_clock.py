"""A clock that several processes share, and that one of them can move forward."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

PATH = "SANDBOX_CLOCK"
"""The environment variable that tells the bot's processes where the clock's file is."""

REDIS = "redis"
AHEAD = "clock-is-ahead"


class BackInTime(ValueError):
    """The clock was to go back: what has been posted and stored already would be in the future."""


class SharedClock:
    """Gives seconds since 1970: those of `real`, and as many more as stand in the file at `path`.

    All that it says goes up, so what the bot and the stand-ins keep stays in order. It is a file,
    because code that reads the time cannot wait for an answer.
    """

    def __init__(self, path: Path, real: Callable[[], float] = time.time) -> None:
        self._path, self._real = path, real

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """The clock of a demo that begins: it shows the real time.

        Data that an earlier demo left in this folder goes, if it comes from the future.
        """
        clock = cls(folder / AHEAD)
        if clock.ahead:
            shutil.rmtree(folder / REDIS, ignore_errors=True)
            clock._path.unlink()
        return clock

    @property
    def path(self) -> Path:
        return self._path

    @property
    def ahead(self) -> float:
        """Seconds; 0.0 where it was never moved."""
        try:
            return float(self._path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0.0

    def __call__(self) -> float:
        return self._real() + self.ahead

    def move(self, moment: float) -> None:
        """It is `moment` now, for everybody at once. Raises BackInTime."""
        ahead = moment - self._real()
        if ahead < self.ahead:
            raise BackInTime("The clock only goes forward. To go back, restart the demo.")
        written = self._path.with_suffix(".new")
        written.write_text(repr(ahead), encoding="ascii")
        os.replace(written, self._path)
