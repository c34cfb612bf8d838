"""A clock that several processes share and that one of them can move forward."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

PATH = "SANDBOX_CLOCK"
"""The environment variable with the path of the clock's file, for the bot's processes."""

REDIS = "redis"
AHEAD = "clock-is-ahead"


class BackInTime(ValueError):
    """Raised instead of moving the clock backwards, which would put existing data in the future."""


class SharedClock:
    """Returns seconds since 1970: the real time plus the offset stored in the file at `path`.

    The clock never goes backwards, so the data of the bot and the stand-ins stays in order. The
    offset is in a file because code that reads the time cannot await a response.
    """

    def __init__(self, path: Path, real: Callable[[], float] = time.time) -> None:
        self._path, self._real = path, real

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Reset the clock to the real time for a new demo.

        If an earlier demo left data from the future in the folder, the data is deleted.
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
        """Return the offset in seconds; 0.0 if the clock was never moved."""
        try:
            return float(self._path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0.0

    def __call__(self) -> float:
        return self._real() + self.ahead

    def move(self, moment: float) -> None:
        """Set the time for all processes.

        Raises `BackInTime`.
        """
        ahead = moment - self._real()
        if ahead < self.ahead:
            raise BackInTime("The clock only goes forward. To go back, restart the demo.")
        written = self._path.with_suffix(".new")
        written.write_text(repr(ahead), encoding="ascii")
        os.replace(written, self._path)
