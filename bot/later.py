"""Raised by a task to run again later."""

from __future__ import annotations


class Later(Exception):
    """Run the task again after `seconds`; `reason` says why, for the log: it names no secret.

    `failures` counts failed attempts so far; waiting is not a failure.
    """

    def __init__(self, seconds: float, reason: str, failures: int = 0) -> None:
        super().__init__(f"in {seconds:.1f} s: {reason}")
        self.seconds, self.reason, self.failures = seconds, reason, failures
