"""The order of a list: which time of a job it can be bounded by, and where its next page begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.emporix.models import Job
from bot.emporix.part import CREATED, MODIFIED, Part
from bot.models import NEWEST_FIRST
from bot.times import parse_time


@dataclass(frozen=True, slots=True)
class Order:
    """`sort` as Emporix spells it: `field:ASC` or `field:DESC`, several joined by commas."""

    sort: str

    @property
    def field(self) -> str:
        """The time that bounds the list: the one it is sorted by, else that of creation."""
        return MODIFIED if self._first == MODIFIED else CREATED

    @property
    def is_by_time(self) -> bool:
        return self._first in (CREATED, MODIFIED)

    @property
    def complete(self) -> str:
        """The sort with the time of creation behind it: equal jobs need an order, too."""
        return self.sort if CREATED in self.sort else f"{self.sort},{NEWEST_FIRST}"

    def time(self, job: Job) -> str:
        """The time of a job that counts here, as Emporix gave it; "" where there is none."""
        return job.modified_at if self.field == MODIFIED else job.created_at

    def reached(self, jobs: Sequence[Job]) -> str:
        """The time of the last of these jobs, where the next page can begin at it."""
        time = self.time(jobs[-1]) if jobs and self.is_by_time else ""
        return time if moment(time) else ""

    def latest(self, jobs: Sequence[Job], now: float) -> str:
        """`now`, or the latest of these jobs where our clock is behind Emporix's."""
        clock = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        times = [clock.replace("+00:00", "Z"), *map(self.time, jobs)]
        moments = {found: time for time in times if (found := moment(time))}
        return moments[max(moments)]

    def part(self, reached: str, until: str) -> Part:
        """From the time that was reached to the end, in this order; never beyond `until`."""
        if self.sort.startswith(f"{self.field}:DESC"):
            return Part(self.field, until=reached or until)
        return Part(self.field, since=reached, until=until)

    @property
    def _first(self) -> str:
        return self.sort.partition(":")[0]


def moment(text: str) -> datetime | None:
    """The time in a text that can stand between quotes in `q`."""
    if '"' in text or "\\" in text:  # Python takes any character between date and time
        return None
    return parse_time(text)
