"""What a clean-up under way needs of others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.emporix.models import Job
from bot.models import Caller
from bot.services.cleans.progress import Progress
from bot.store.cleans import Clean


class FileNotSent(Exception):
    """The owner did not get their jobs as a file; `reason` is Slack's word.

    `passes`: another attempt may go better.
    """

    def __init__(self, reason: str, *, passes: bool) -> None:
        super().__init__(reason)
        self.reason, self.passes = reason, passes


@dataclass(frozen=True, slots=True)
class Owner:
    """How the owner of a clean-up is reached.

    `show` lets them see the progress, and gives where that is. `send` brings them some of the jobs
    as a file, numbered from 1, and raises FileNotSent. `is_gone` says whether they have left.
    """

    show: Callable[[Progress], Awaitable[str]]
    send: Callable[[Clean, Sequence[Job], int], Awaitable[object]]
    is_gone: Callable[[Caller], Awaitable[bool]]
