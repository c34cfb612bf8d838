"""No error: something is put off."""

from __future__ import annotations


class Later(Exception):
    """Not now: a task that raises this is run again after so many `seconds`.

    `failures` counts how often it has failed; that it must wait is no failure.
    """

    def __init__(self, seconds: float, failures: int = 0) -> None:
        super().__init__(f"in {seconds:.1f} s")
        self.seconds, self.failures = seconds, failures
