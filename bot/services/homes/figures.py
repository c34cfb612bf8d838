"""What there is to a tenant: how many jobs failed lately and how many run, the newest of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

from bot.emporix.models import Job
from bot.errors import EmporixError
from bot.models import Connection, Filters
from bot.services.concurrency import SingleFlight, gather_all
from bot.services.naming import NamedJobs
from bot.store.homes import Figures, Glance, Newest

DAY_SECONDS = 24 * 60 * 60
SHOWN = 5
SAID_LETTERS = 500


class AsksFigures:
    """Asks Emporix by two calls a tenant; who asks meanwhile shares the answer."""

    def __init__(self, emporix: NamedJobs, clock: Callable[[], float]) -> None:
        self._emporix, self._clock = emporix, clock
        self._flight = SingleFlight[Figures](clock)

    async def ask(self, held: Connection, known: Figures | None) -> Figures:
        """The figures of now; where Emporix refuses, those `known` with the trouble that it was.

        Raises StoreUnavailable.
        """
        return await self._flight.get((held.caller, held.tenant), lambda: self._ask(held, known))

    async def _ask(self, held: Connection, known: Figures | None) -> Figures:
        now = self._clock()
        try:
            failed, running = await gather_all(
                self._newest(held, failed_lately(held.tenant, now)),
                self._newest(held, still_running(held.tenant)),
            )
        except EmporixError as error:
            before = known or Figures(held.tenant, asked_at=now)
            return replace(before, asked_at=now, trouble=error.template)
        return Figures(held.tenant, asked_at=now, at=now, failed=failed, running=running)

    async def _newest(self, held: Connection, filters: Filters) -> Newest:
        page = await self._emporix.list_jobs(held, replace(filters, size=SHOWN))
        total = page.total if page.total is not None or page.jobs else 0
        return Newest(tuple(map(_glance, page.jobs)), total, page.has_more)


def failed_lately(tenant: str, now: float) -> Filters:
    """The failures of the last 24 hours."""
    return Filters(tenant=tenant, statuses=("failure",), since=now - DAY_SECONDS)


def still_running(tenant: str) -> Filters:
    return Filters(tenant=tenant, statuses=("in_progress",))


def _glance(job: Job) -> Glance:
    names = [field.name for field in fields(Glance) if field.name not in ("said", "unknown")]
    said = (job.response or job.message)[:SAID_LETTERS]
    return Glance(**{name: getattr(job, name) for name in names}, said=said)
