"""How many jobs there were on each of the last days: counted when a day is over, and then kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from bot.emporix.client import EmporixClient
from bot.errors import EmporixError, RateLimited
from bot.models import NEWEST_FIRST, Connection, Filters
from bot.services.concurrency import SingleFlight
from bot.services.digests.report import KEPT_SECONDS, total_of
from bot.services.digests.schedule import Day, days_before
from bot.store.day_counts import Counted, DayCounts
from bot.store.sources import Source

logger = logging.getLogger(__name__)

DAYS = 14
LEAST_DAYS = 2
"""Nothing can be seen in less."""

STATUSES = ("failure", "success", "skipped")

SETTLED_SECONDS = 6 * 60 * 60.0
"""A day that is over for so long changes no more, as its last jobs have ended by then."""

CALLS_AT_ONCE = 4
"""Of all pictures together, so that digests and people go before."""

MOST_UNKNOWN = 2
"""So many days Emporix may fail to count until it is left alone."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """A local date in ISO 8601, and its jobs by status; None where they are not known."""

    on: str
    counts: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Kind:
    """The jobs of one status, day by day; None on a day that is not known."""

    status: str
    counts: tuple[int | None, ...]
    most_on: str
    """The newest of the days that had most of it, "" where none had any."""

    @property
    def total(self) -> int:
        return sum(count or 0 for count in self.counts)

    @property
    def most(self) -> int:
        return max(count or 0 for count in self.counts)


@dataclass(frozen=True, slots=True)
class History:
    """Whole days, oldest first; each has counts of `statuses`, in this order."""

    tenant: str
    statuses: tuple[str, ...]
    days: tuple[DayCount, ...]

    @property
    def is_enough(self) -> bool:
        """Whether jobs began to come two days ago, at the latest."""
        begun = next((place for place, day in enumerate(self.days) if any(day.counts or ())), DAYS)
        return sum(day.counts is not None for day in self.days[begun:]) >= LEAST_DAYS

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(self._kind(place) for place in range(len(self.statuses)))

    def _kind(self, place: int) -> Kind:
        counts = tuple(day.counts[place] if day.counts else None for day in self.days)
        found = [(count, day.on) for count, day in zip(counts, self.days, strict=True) if count]
        return Kind(self.statuses[place], counts, max(found, default=(0, ""))[1])


class Histories:
    """Reads histories; digests of the same tenant, key, filters and zone share one."""

    def __init__(self, emporix: EmporixClient, kept: DayCounts, clock: Callable[[], float]) -> None:
        self._emporix, self._kept, self._clock = emporix, kept, clock
        self._room = asyncio.Semaphore(CALLS_AT_ONCE)
        self._flight = SingleFlight[History](clock, lambda _: KEPT_SECONDS)

    async def read(self, held: Connection, filters: Filters, zone: str, at: float) -> History:
        """The days of a zone that were over `at` a time; raises StoreUnavailable.

        What Emporix does not tell is not known, and nothing is raised.
        """
        days = days_before(zone, at, DAYS)
        asked = replace(
            filters, sort=NEWEST_FIRST, page=1, size=1, fields=("id",), tenant=held.tenant
        )
        series = _series(held, asked, zone)
        return await self._flight.get(
            (series, days[-1]), lambda: self._read(held, asked, series, days)
        )

    async def close(self) -> None:
        """Give up what is on its way."""
        await self._flight.close()

    async def _read(
        self, held: Connection, asked: Filters, series: str, days: tuple[Day, ...]
    ) -> History:
        source = Source(held.caller, held.tenant).name
        kept, now = await self._kept.load(source, series), self._clock()
        known = {day.on: kept[day.on] for day in days if _holds(kept.get(day.on), day, now)}
        counted = await self._counted(held, asked, [day for day in days if day.on not in known])
        if counted:
            known |= counted
            await self._kept.keep(source, series, known)
        counts = [known[day.on].counts if day.on in known else None for day in days]
        shown = tuple(DayCount(day.on, count) for day, count in zip(days, counts, strict=True))
        return History(held.tenant, _statuses(asked), shown)

    async def _counted(
        self, held: Connection, asked: Filters, days: list[Day]
    ) -> dict[str, Counted]:
        """Those that Emporix counts, newest first; it is not pressed where it has trouble."""
        found: dict[str, Counted] = {}
        unknown = 0
        for day in reversed(days):
            try:
                counts = await self._count(held, asked, day)
            except RateLimited:
                break
            if counts is not None:
                found[day.on] = Counted(counts, self._clock())
            elif (unknown := unknown + 1) == MOST_UNKNOWN:
                break
        return found

    async def _count(self, held: Connection, asked: Filters, day: Day) -> tuple[int, ...] | None:
        """By totals of pages of one; None where one of them is not known. Raises RateLimited."""
        found: list[int] = []
        for status in _statuses(asked):
            one = replace(asked, statuses=(status,), since=day.since, until=day.until)
            try:
                async with self._room:
                    count = total_of(await self._emporix.list_jobs(held, one))
            except RateLimited:
                raise
            except EmporixError as error:
                logger.info("a day could not be counted: %s", error.template)
                return None
            if count is None:
                return None
            found.append(count)
        return tuple(found)


def _statuses(asked: Filters) -> tuple[str, ...]:
    return tuple(one for one in STATUSES if not asked.statuses or one in asked.statuses)


def _holds(counted: Counted | None, day: Day, now: float) -> bool:
    """A count that was taken while jobs of the day still ran is taken once more, later."""
    settled = day.until + SETTLED_SECONDS
    return counted is not None and (counted.at >= settled or now < settled)


def _series(held: Connection, asked: Filters, zone: str) -> str:
    """The same for the same question, and telling nobody what that is."""
    facts = [held.tenant, held.credentials.client_id, zone, asdict(asked)]
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()
