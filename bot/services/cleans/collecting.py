"""The jobs of a clean-up, page by page, before the first of them is deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from bot.emporix.listing import MAX_PAGE_SIZE
from bot.emporix.models import Job, JobPage
from bot.errors import EmporixTooLarge
from bot.services.cleans.bounds import FIRST_MODIFIED_FIRST, fits, part
from bot.services.order import moment
from bot.services.pages import Call
from bot.store.cleans import Clean

FIELDS = ("status", "type", "agentId", "agentType", "sessionId", "commerceEvent", "metadata")
"""What `fits` looks at; agent messages only where words were typed, for they can be long."""

SIZES = (MAX_PAGE_SIZE, 10, 1)
"""Jobs in a page; fewer where a page is larger than Emporix may send."""

BeforeEach = Callable[[], Awaitable[object]]
"""Happens before each call of Emporix."""


async def collect(call: Call, clean: Clean, before_each: BeforeEach) -> list[str]:
    """Their ids, those that were modified longest ago first; one too many where more fit.

    Raises what `before_each` and the calls raise.
    """
    fields = (*FIELDS, "message") if clean.filters.words else FIELDS
    found: dict[str, None] = {}
    async for jobs in pages(call, clean, before_each, fields=fields):
        found |= dict.fromkeys(job.id for job in jobs if fits(job, clean))
        if len(found) > clean.counted:
            break
    return list(found)[: clean.counted + 1]


async def pages(
    call: Call,
    clean: Clean,
    before_each: BeforeEach,
    *,
    fields: tuple[str, ...] = (),
    since: str = "",
) -> AsyncIterator[tuple[Job, ...]]:
    """What was modified at `since` or later, in that order; some jobs may come twice.

    All fields where `fields` is empty. Raises what `before_each` and the calls raise.
    """
    asked = replace(clean.filters, sort=FIRST_MODIFIED_FIRST, fields=fields)
    reached, number, sizes = since, 1, list(SIZES)
    while True:
        await before_each()
        wanted = replace(asked, page=number, size=sizes[0])
        try:
            page = await call(wanted, part(asked, clean.until, reached))
        except EmporixTooLarge:
            if len(sizes) == 1:
                raise
            del sizes[0]
            number = 1
            continue
        yield page.jobs
        if not page.has_more or not page.jobs or _is_beyond(page, clean):
            return
        reached, number = _next(page, clean, reached, number)


def _next(page: JobPage, clean: Clean, reached: str, number: int) -> tuple[str, int]:
    """From the time that was reached on, so that what is deleted meanwhile hides no job."""
    time = page.jobs[-1].modified_at
    if clean.filters.raw_q or time == reached or not moment(time):
        return reached, number + 1
    return time, 1


def _is_beyond(page: JobPage, clean: Clean) -> bool:
    """Whether all that follows was modified after the count."""
    last, until = moment(page.jobs[-1].modified_at), moment(clean.until)
    return last is not None and until is not None and last > until
