"""Digests and their schedules."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.accounts import Caller
from bot.domain.filters import Filters
from bot.domain.records import StoredRecord


@dataclass(frozen=True, slots=True)
class Schedule(StoredRecord):
    """A local time on some days of the week.

    `minute` counts from midnight, `zone` is a name of the IANA database, `days` are those of the
    week, Monday is 0; there is at least one.
    """

    minute: int
    zone: str
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ScheduledRun(StoredRecord):
    """A run of a digest: `date` names it within the digest, `at` is its time, seconds since 1970.

    `date` is the local date that it is for, in ISO 8601, or `now.` and a time where somebody asked
    for a digest at once.
    """

    date: str
    at: float


@dataclass(frozen=True, slots=True)
class Digest(StoredRecord):
    """A scheduled report about jobs in a channel, and its state.

    `owner` is the user on whose connection it runs. `query` are the filters as they were typed.
    `chart`: its messages show the jobs of the last days as a chart.
    `scheduled_run` is the next run, None while it is paused for the reason in `paused`;
    `requested_at` is when "post now" was pressed, 0 if no such run is pending. `paused_at` is when
    it was paused, by the user `paused_by` or, if that is empty, by the app; `notices` counts the
    messages about that in the channel, and `notice_at` is when the next is due, 0 for never.

    `posted_on` is the date of the last run that was posted, and `covered_until` the time up to
    which it told; 0 where there was none yet. `skipped` are dates that were missed since, and
    `failed_dates` those on which the connection did not work; `missed_runs` counts the runs in a
    row that were not posted in time. `checked_at` is when its owner was last found in the
    workspace. `version` counts the changes.
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
        """The run that comes first: that of the schedule, or the one that was asked for."""
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
        """When a worker has something to do: a run, or a notice that it is paused."""
        run = self.next_run.at if self.next_run else None
        return min((at for at in (run, self.notice_at or None) if at is not None), default=None)

    @property
    def due_key(self) -> str:
        """Names what is due; another request for a digest at once makes it another run."""
        return "" if self.due_at is None else f"{self.due_at:.0f}-{self.requested_at:.0f}"


@dataclass(frozen=True, slots=True)
class DueRun:
    """A digest that is due; `due_key` tells what for: it is empty where nobody knows."""

    digest_id: str
    due_key: str


@dataclass(frozen=True, slots=True)
class DayTotals(StoredRecord):
    """The jobs of a day by status, as they were counted `at` a time, in seconds since 1970."""

    counts: tuple[int, ...]
    at: float
