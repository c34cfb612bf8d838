"""How many jobs a clean-up is about, and which kinds of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from bot.emporix.models import Job, JobPage
from bot.emporix.part import WHOLE
from bot.errors import InvalidInput
from bot.models import Connection, Filters
from bot.services.cleans.bounds import LAST_MODIFIED_FIRST, looked_through, part
from bot.services.naming import NamedJobs
from bot.services.order import moment
from bot.store.cleans import Clean

EXAMPLES = 3
STATUSES = ("failure", "in_progress", "success", "skipped")
OLDEST_FIRST = "metadata.createdAt:ASC"


@dataclass(frozen=True, slots=True)
class Counted:
    """So many jobs of a status; "" stands for all others."""

    status: str
    count: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be deleted.

    `statuses` is empty where they cannot be asked for. `newest` and `oldest` are examples;
    `staying` are jobs that fit, but have changed just now or never had a time. `query` is the short
    form of the list of these jobs, "" where that is too long for a button.
    """

    clean: Clean
    statuses: tuple[Counted, ...] = ()
    newest: tuple[Job, ...] = ()
    oldest: Job | None = None
    staying: int = 0
    query: str = ""


class Counting:
    """Counts jobs. Every method raises what Emporix raises, and InvalidInput without a number."""

    def __init__(self, emporix: NamedJobs) -> None:
        self._emporix = emporix

    async def bound(self, held: Connection, filters: Filters) -> tuple[str, int]:
        """The time of the job that was modified last, "" where none has one; and how many fit."""
        last = looked_through(filters, LAST_MODIFIED_FIRST)
        page = await self._emporix.list_jobs(held, last, WHOLE)
        time = page.jobs[0].modified_at if page.jobs else ""
        return (time if moment(time) else ""), _total(page)

    async def again(self, held: Connection, clean: Clean) -> Clean:
        """With the number as it is now; nothing bounds a `q:` query, so its bound is moved, too."""
        if clean.filters.raw_q:
            until, counted = await self.bound(held, clean.filters)
            return replace(clean, until=until, counted=counted)
        return replace(clean, counted=await self._count(held, clean, clean.filters))

    async def preview(self, held: Connection, clean: Clean, in_all: int) -> Preview:
        """The jobs within the bound of `clean`, of `in_all` that fit without it."""
        filters, bounds = clean.filters, part(clean.filters, clean.until)
        newest, oldest, statuses = await asyncio.gather(
            self._emporix.list_jobs(held, looked_through(filters, size=EXAMPLES), bounds),
            self._emporix.list_jobs(held, looked_through(filters, OLDEST_FIRST), bounds),
            self._by_status(held, clean),
        )
        counted = _total(newest)
        if statuses and (rest := counted - sum(statuses.values())) > 0:
            statuses[""] = rest
        return Preview(
            replace(clean, counted=counted),
            tuple(Counted(status, count) for status, count in statuses.items() if count),
            newest.jobs,
            next(iter(oldest.jobs), None),
            max(0, in_all - counted),
        )

    async def _by_status(self, held: Connection, clean: Clean) -> dict[str, int]:
        filters = clean.filters
        if filters.raw_q:
            return {}
        asked = filters.statuses or STATUSES
        counts = await asyncio.gather(
            *(self._count(held, clean, replace(filters, statuses=(status,))) for status in asked)
        )
        return dict(zip(asked, counts, strict=True))

    async def _count(self, held: Connection, clean: Clean, filters: Filters) -> int:
        one = looked_through(filters)
        return _total(await self._emporix.list_jobs(held, one, part(filters, clean.until)))


def _total(page: JobPage) -> int:
    if page.total is None:
        raise InvalidInput(
            "Emporix does not say how many jobs fit",
            advice="What cannot be counted is not deleted. Try again, or with other filters.",
        )
    return page.total
