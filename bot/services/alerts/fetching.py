"""The jobs that were changed last: what an alert looks at."""

from __future__ import annotations

from dataclasses import replace

from bot.emporix.listing import MAX_PAGE_SIZE
from bot.emporix.models import Job
from bot.emporix.part import MODIFIED, Part
from bot.emporix.query import iso
from bot.models import Connection, Filters
from bot.services.alerts.watermark import Fetched, changed_at
from bot.services.naming import NamedJobs

LAST_CHANGED_FIRST = "metadata.modifiedAt:DESC"

MOST_PAGES = 4
"""More changes than fit on these are counted, not fetched."""


async def fetch(
    emporix: NamedJobs,
    held: Connection,
    filters: Filters,
    since: float,
    most_pages: int = MOST_PAGES,
) -> Fetched:
    """What fits the filters and was changed `since` then or later; 0 means ever.

    Each page begins at the time at which the one before it ended, so that what changes meanwhile
    shifts nothing. To a query of Emporix's own no time can be added: of it one page is read.
    """
    asked = replace(filters, sort=LAST_CHANGED_FIRST, page=1, size=MAX_PAGE_SIZE)
    begin, until = iso(since) if since > 0 else "", 0.0
    found: dict[str, Job] = {}
    total = None
    for number in range(most_pages):
        page = await emporix.list_jobs(held, asked, _part(begin, until))
        total = total if number else page.total
        fresh = [job for job in page.jobs if job.id not in found]
        found.update((job.id, job) for job in fresh)
        until = min(map(changed_at, fresh), default=0.0)
        if not page.has_more or not until or filters.raw_q:
            break
    whole = not page.has_more or bool(filters.raw_q and until and until < since)
    jobs = sorted(found.values(), key=changed_at, reverse=True)
    return Fetched(tuple(jobs), since, whole, None if filters.raw_q else total)


def _part(begin: str, until: float) -> Part:
    """Of our own writing: what Emporix calls a time may hold anything between date and time."""
    return Part(MODIFIED, since=begin, until=iso(until) if until else "")
