"""The ids of the jobs of a clean-up, read once before the first of them is deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.emporix.listing import MAX_PAGE_SIZE
from bot.emporix.models import JobPage
from bot.services.cleans.bounds import FIRST_MODIFIED_FIRST, fits, part
from bot.services.order import moment
from bot.services.pages import Call
from bot.store.cleans import Clean

FIELDS = ("status", "type", "agentId", "agentType", "sessionId", "commerceEvent", "metadata")
"""What `fits` looks at; agent messages only where words were typed, for they can be long."""


async def collect(
    call: Call, clean: Clean, before_each: Callable[[], Awaitable[object]]
) -> list[str]:
    """Their ids, those that were modified longest ago first; one too many where more fit.

    `before_each` happens before each of the calls. Raises what they raise.
    """
    fields = (*FIELDS, "message") if clean.filters.words else FIELDS
    asked = replace(clean.filters, sort=FIRST_MODIFIED_FIRST, fields=fields, size=MAX_PAGE_SIZE)
    found: dict[str, None] = {}
    reached, number = "", 1
    while len(found) <= clean.counted:
        await before_each()
        page = await call(replace(asked, page=number), part(asked, clean.until, reached))
        found |= dict.fromkeys(job.id for job in page.jobs if fits(job, clean))
        if not page.has_more or not page.jobs or _is_beyond(page, clean):
            break
        reached, number = _next(page, clean, reached, number)
    return list(found)[: clean.counted + 1]


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
