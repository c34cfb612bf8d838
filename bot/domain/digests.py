"""Digests and their schedules, and quiet hours."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.accounts import Caller
from bot.domain.filters import Filters
from bot.domain.records import StoredRecord


@dataclass(frozen=True, slots=True)
class Schedule(StoredRecord):
    """A local time on some days of the week.

    `minute` is counted from midnight, `zone` is an IANA time zone, and `days` are days of the week
    (at least one; Monday is 0).
    """

    minute: int
    zone: str
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class QuietHours(StoredRecord):
    """The part of each day without mentions, from `begin` to `end`, in minutes after midnight.

    It ends on the next day unless `begin` is before `end`. `zone` is an IANA time zone name.
    """

    begin: int
    end: int
    zone: str


@dataclass(frozen=True, slots=True)
class ScheduledRun(StoredRecord):
    """A run of a digest, identified by `date`; `at` is its time in seconds since 1970.

    `date` is the local date in ISO 8601, or `now.` and a time for a run requested with "Post now".
    """

    date: str
    at: float


@dataclass(frozen=True, slots=True)
class Digest(StoredRecord):
    """A scheduled report about jobs, posted in a channel, and its state.

    `owner` is the user whose connection it uses. `query` contains the filters as typed. `chart`
    adds a chart of recent days to its messages. `scheduled_run` is the next run, None while the
    digest is paused for the reason in `paused`. `requested_at` is when "Post now" was clicked, 0 if
    no requested run is pending. `paused_at` is when it was paused, by the user `paused_by` or, if
    that is empty, by the app. `notices` counts the messages about the pause in the channel, and
    `notice_at` is when the next one is due, 0 for never.

    `posted_on` is the date of the last posted run, and `covered_until` the end of the period that
    it covered, 0 if no run was posted yet. `skipped` contains the dates missed since then, and
    `failed_dates` the dates on which the connection didn't work. `missed_runs` counts consecutive
    runs that weren't posted in time. `checked_at` is when its owner was last known to be in the
    workspace. `version` counts the changes to the record.
    """

    id: str
    owner: Caller
    channel_id: str
    name: str
    schedule: Schedule
    tenant: str
    query: str = ""
    filters: Filters = Filters()  # noqa: RUF009 - frozen
    post_when_empty: bool = False
    chart: bool = True
    created_at: float = 0
    scheduled_run: ScheduledRun | None = None
    requested_at: float = 0
    paused: str = ""
    paused_at: float = 0
    paused_by: str = ""
    notices: int = 0
    notice_at: float = 0
    posted_on: str = ""
    covered_until: float = 0
    skipped: tuple[str, ...] = ()
    failed_dates: tuple[str, ...] = ()
    missed_runs: int = 0
    checked_at: float = 0
    version: int = 0

    @property
    def next_run(self) -> ScheduledRun | None:
        """The earlier of the scheduled run and the requested run; None if there is neither."""
        wanted = (
            ScheduledRun(f"now.{self.requested_at:.0f}", self.requested_at)
            if self.requested_at
            else None
        )
        return min(
            filter(None, (self.scheduled_run, wanted)), key=lambda slot: slot.at, default=None
        )

    @property
    def due_at(self) -> float | None:
        """The time of the next run, or of the next notice that the digest is paused."""
        run = self.next_run.at if self.next_run else None
        return min((at for at in (run, self.notice_at or None) if at is not None), default=None)

    @property
    def due_key(self) -> str:
        """An identifier of the due run; changes if another run is requested with "Post now"."""
        return "" if self.due_at is None else f"{self.due_at:.0f}-{self.requested_at:.0f}"


@dataclass(frozen=True, slots=True)
class DueRun:
    """A digest that is due; `due_key` identifies the run, empty if unknown."""

    digest_id: str
    due_key: str


@dataclass(frozen=True, slots=True)
class DayTotals(StoredRecord):
    """The number of jobs of a day by status, counted at `at` (seconds since 1970)."""

    counts: tuple[int, ...]
    at: float
