"""Counts the jobs of each recent day for the charts of digests, and stores the counts."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace

from bot.domain.accounts import Connection, PolledConnection
from bot.domain.digests import DayTotals
from bot.domain.filters import NEWEST_FIRST, Filters
from bot.domain.jobs import FAILED, SKIPPED, SUCCEEDED
from bot.domain.times import Clock
from bot.emporix.client import EmporixClient
from bot.errors import EmporixError, RateLimited
from bot.services.concurrency import SingleFlight
from bot.services.digests.report import REPORT_TTL_SECONDS, total_jobs
from bot.services.digests.schedule import LocalDay, days_before
from bot.store.digests import DailyCounts

logger = logging.getLogger(__name__)

HISTORY_DAYS = 14
MIN_HISTORY_DAYS = 2
"""A chart of fewer days shows no trend."""

FINAL_STATUSES = (FAILED, SUCCEEDED, SKIPPED)

DAY_COUNTS_TIMEOUT_SECONDS = 2.0
"""Days that are not counted within this time are left out of a chart."""

SETTLED_SECONDS = 6 * 60 * 60.0
"""How long after the end of a day its counts are final, because its last jobs have ended."""

MAX_HISTORY_CALLS = 4
"""Concurrent calls for all charts, few because digests and users have priority."""

MAX_UNKNOWN_DAYS = 2
"""After this many days that Emporix could not count, the remaining days are not requested."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """A local date in ISO 8601, and the number of its jobs for each status."""

    date: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StatusSeries:
    """The number of jobs with one status, day by day."""

    status: str
    counts: tuple[int, ...]
    peak_day: str
    """The latest of the days with the highest count, "" if all are 0."""

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def peak(self) -> int:
        return max(self.counts, default=0)


@dataclass(frozen=True, slots=True)
class History:
    """Complete days, oldest first; each has counts of `statuses`, in this order.

    `unknown` is the number of days left out because their counts are not known.
    """

    tenant: str
    statuses: tuple[str, ...]
    days: tuple[DayCount, ...]
    unknown: int = 0

    @property
    def has_enough_days(self) -> bool:
        """Whether at least MIN_HISTORY_DAYS are known since the first day with a job."""
        begun = next(
            (place for place, day in enumerate(self.days) if any(day.counts)), HISTORY_DAYS
        )
        return len(self.days[begun:]) >= MIN_HISTORY_DAYS

    @property
    def series(self) -> tuple[StatusSeries, ...]:
        return tuple(self._series_of(place) for place in range(len(self.statuses)))

    def _series_of(self, place: int) -> StatusSeries:
        found = [(day.counts[place], day.date) for day in self.days if day.counts[place]]
        counts = tuple(day.counts[place] for day in self.days)
        return StatusSeries(self.statuses[place], counts, max(found, default=(0, ""))[1])


@dataclass(frozen=True, slots=True)
class _Series:
    """The jobs to count each day; `name` hashes the filters, and `source` names the connection."""

    connection: Connection
    filters: Filters
    days: tuple[LocalDay, ...]
    source: str
    name: str

    @classmethod
    def of(cls, connection: Connection, filters: Filters, zone: str, at: float) -> _Series:
        asked = replace(
            filters, sort=NEWEST_FIRST, page=1, size=1, fields=("id",), tenant=connection.tenant
        )
        facts = [connection.tenant, connection.credentials.client_id, zone, asdict(asked)]
        name = hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()
        source = PolledConnection(connection.caller, connection.tenant).name
        return cls(connection, asked, days_before(zone, at, HISTORY_DAYS), source, name)

    def known(self, stored: Mapping[str, DayTotals], now: float) -> dict[str, DayTotals]:
        """The stored counts of these days, without those that must be counted again."""
        return {
            day.date: stored[day.date]
            for day in self.days
            if _is_final(stored.get(day.date), day, now)
        }

    def history(self, known: Mapping[str, DayTotals]) -> History:
        days = tuple(
            DayCount(day.date, known[day.date].counts) for day in self.days if day.date in known
        )
        unknown = len(self.days) - len(days)
        return History(self.connection.tenant, _statuses(self.filters), days, unknown)


class DailyHistory:
    """Reads histories; digests with the same tenant, key, filters and zone share one.

    `prepare` and `read` raise StoreUnavailable. Days that Emporix cannot count are left out.
    """

    def __init__(
        self,
        emporix: EmporixClient,
        store: DailyCounts,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._emporix, self._store, self._clock, self._sleep = emporix, store, clock, sleep
        self._limit = asyncio.Semaphore(MAX_HISTORY_CALLS)
        self._flight = SingleFlight[History](clock, lambda _: REPORT_TTL_SECONDS)

    async def prepare(
        self, connection: Connection, filters: Filters, zone: str, at: float
    ) -> History:
        """Count the missing days that had ended in the zone by the time `at`; stores the counts."""
        return await self._prepare(_Series.of(connection, filters, zone, at))

    async def read(self, connection: Connection, filters: Filters, zone: str, at: float) -> History:
        """Read the days of `prepare`, but with a timeout; counting continues in the background."""
        series = _Series.of(connection, filters, zone, at)
        counting = asyncio.ensure_future(self._prepare(series))
        waiting = asyncio.ensure_future(self._sleep(DAY_COUNTS_TIMEOUT_SECONDS))
        try:
            await asyncio.wait({counting, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if counting.done():
                return counting.result()
        finally:
            counting.cancel()
            waiting.cancel()
        stored = await self._store.load(series.source, series.name)
        history = series.history(series.known(stored, self._clock()))
        logger.info("%d days are left out of a chart: counting takes too long", history.unknown)
        return history

    async def close(self) -> None:
        """Cancel all running counts."""
        await self._flight.close()

    async def _prepare(self, series: _Series) -> History:
        key = (series.name, series.days[-1])
        return await self._flight.get(key, lambda: self._read(series))

    async def _read(self, series: _Series) -> History:
        """Count the missing days, newest first, and store each one at once.

        Stops at Emporix's rate limit, or if MAX_UNKNOWN_DAYS could not be counted.
        """
        known = series.known(await self._store.load(series.source, series.name), self._clock())
        failed = 0
        for day in reversed([day for day in series.days if day.date not in known]):
            try:
                counts = await self._count(series, day)
            except RateLimited:
                logger.info("counting days is postponed: Emporix's rate limit is reached")
                break
            if counts is not None:
                known[day.date] = DayTotals(counts, self._clock())
                await self._store.save(series.source, series.name, known)
            elif (failed := failed + 1) == MAX_UNKNOWN_DAYS:
                break
        return series.history(known)

    async def _count(self, series: _Series, day: LocalDay) -> tuple[int, ...] | None:
        """Count with the totals of one-job pages; None if one is unknown. Raises RateLimited."""
        found: list[int] = []
        for status in _statuses(series.filters):
            one = replace(series.filters, statuses=(status,), since=day.since, until=day.until)
            try:
                async with self._limit:
                    count = total_jobs(await self._emporix.list_jobs(series.connection, one))
            except RateLimited:
                raise
            except EmporixError as error:
                logger.info("a day could not be counted: %s", error.template)
                return None
            if count is None:
                logger.info("a day could not be counted: Emporix returned no total")
                return None
            found.append(count)
        return tuple(found)


def _statuses(asked: Filters) -> tuple[str, ...]:
    return tuple(one for one in FINAL_STATUSES if not asked.statuses or one in asked.statuses)


def _is_final(counted: DayTotals | None, day: LocalDay, now: float) -> bool:
    """Whether a count is up to date; one made while jobs were running is repeated once."""
    settled = day.until + SETTLED_SECONDS
    return counted is not None and (counted.at >= settled or now < settled)
