"""One turn of a worker at one clean-up: some seconds of deletes, a pause, or the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bot.delays import EMPORIX_LONGEST, bounded
from bot.errors import EmporixError, MissingScope, NotConnected, RateLimited, Unauthorized
from bot.services.cleans.collecting import collect
from bot.services.cleans.needs import Accounts, Audit, Emporix, Show
from bot.services.cleans.progress import Progress
from bot.services.cleans.rounds import REFUSED, Rounds
from bot.services.deletes import may_delete
from bot.store.audit import BEGUN
from bot.store.clean_results import CleanRecord
from bot.store.cleans import Clean, CleanStore

TURN_SECONDS = 15.0
"""Less than a worker has for its end."""

SHOW_SECONDS = 3.0
"""Between two changes of what the owner sees."""

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 120.0
MOST_IDLE = 20
"""So many attempts without a result, with pauses of half an hour between them, are enough."""

FRESH_SECONDS = 600.0
"""So long the ids that were read are acted on: a job may have changed meanwhile."""

LOOK_SECONDS = 10.0
"""In a pause: how often somebody looks whether it is to stop."""


class Stopped(Exception):
    """Somebody wants the clean-up to stop."""


class Turn:
    """`owner` holds the lease, and `record` is written by it."""

    def __init__(
        self,
        clean: Clean,
        owner: str,
        record: CleanRecord,
        *,
        emporix: Emporix,
        accounts: Accounts,
        kept: CleanStore,
        audit: Audit,
        clock: Callable[[], float],
        show: Show,
    ) -> None:
        self._clean, self._owner, self._record = clean, owner, record
        self._emporix, self._accounts, self._kept = emporix, accounts, kept
        self._audit, self._clock, self._show_to = audit, clock, show
        self._shown = float("-inf")
        self._settled_before = record.tally.total()

    async def take(self) -> float | None:
        """The seconds after which to go on, None at the end; raises LeaseLost."""
        stop = await self._kept.renew(self._clean.id, self._owner)
        if self._clean.why:
            return await self._report()
        if stop:
            return await self._end("stopped")
        if (rest := self._clean.rest_until - self._clock()) > 0:
            return min(rest, LOOK_SECONDS)
        if self._clean.idle >= MOST_IDLE:
            return await self._end("gave_up")
        await self._change(idle=self._clean.idle + 1)
        return await self._attempt()

    async def _attempt(self) -> float | None:
        try:
            why = await self._work()
        except Stopped:
            why = "stopped"
        except (NotConnected, MissingScope, Unauthorized) as error:
            why = error.template
        except EmporixError as error:
            return await self._pause(error)
        if why:
            return await self._end(why)
        await self._change(idle=0)
        return 0.0

    async def _work(self) -> str:
        """Why it has ended, "" where time is up."""
        if not self._clean.entry:
            await self._enter(BEGUN)
        if self._clean.found is None and not await self._find():
            return "grew"
        rounds = Rounds(self._clean, self._record, self._emporix)
        jobs, ends = await self._kept.jobs(self._clean.id), self._clock() + TURN_SECONDS
        if len(jobs) != self._clean.found:
            return "lost"
        if self._clock() - self._clean.read_at > FRESH_SECONDS:
            jobs = await self._find_again(jobs)
        waiting = [job_id for job_id in jobs if not self._record.result(job_id)]
        while waiting:
            await self._hold()
            waiting = await rounds.next(await self._accounts.load(self._clean.caller), waiting)
            if rounds.is_hopeless:
                return REFUSED
            await self._show("deleting")
            if waiting and self._clock() >= ends:
                return ""
        return "done"

    async def _find(self) -> bool:
        """Read the ids of the jobs; False where there are more than were counted."""
        found = await self._read()
        if len(found) > self._clean.counted:
            return False
        await self._fix(found)
        return True

    async def _find_again(self, jobs: Sequence[str]) -> list[str]:
        """Those of the `jobs` that still fit, or have been touched already."""
        there = set(await self._read())
        left = [job_id for job_id in jobs if job_id in there or self._record.is_touched(job_id)]
        await self._fix(left)
        return left

    async def _read(self) -> list[str]:
        await self._show("looking")
        held = may_delete(await self._accounts.load(self._clean.caller), self._clean.tenant)
        return await collect(partial(self._emporix.list_jobs, held), self._clean, self._hold)

    async def _fix(self, jobs: Sequence[str]) -> None:
        self._clean = replace(self._clean, found=len(jobs), read_at=self._clock())
        await self._kept.fix(self._clean, jobs)

    async def _hold(self) -> None:
        """Raises Stopped, and LeaseLost."""
        if await self._kept.renew(self._clean.id, self._owner):
            raise Stopped

    async def _pause(self, error: EmporixError) -> float | None:
        """Longer after each attempt without a result, and as long as Emporix wants."""
        idle = 1 if self._record.tally.total() > self._settled_before else self._clean.idle
        if idle >= MOST_IDLE:
            return await self._end("gave_up")
        wanted = error.retry_after or 0.0 if isinstance(error, RateLimited) else 0.0
        own = min(FIRST_PAUSE * 2.0 ** (idle - 1), LONGEST_PAUSE)
        seconds = bounded(wanted, least=own, most=EMPORIX_LONGEST)
        await self._change(idle=idle, rest_until=self._clock() + seconds)
        self._shown = float("-inf")
        await self._show("pausing", error.template)
        return min(seconds, LOOK_SECONDS)

    async def _end(self, why: str) -> float | None:
        await self._change(why=why, ended_at=self._clock(), idle=0, rest_until=0.0)
        return await self._report()

    async def _report(self) -> float | None:
        """Tell its owner and the audit record, in whichever turn that succeeds."""
        await self._change(idle=self._clean.idle + 1)
        await self._enter(self._clean.why)
        if self._clean.idle <= MOST_IDLE:
            self._shown = float("-inf")
            await self._show("ended")
        await self._kept.finish(self._clean.id, self._clean)
        return None

    async def _enter(self, result: str) -> None:
        """The one entry of the clean-up in the audit record."""
        clean = self._clean
        entry = await self._audit.record(
            clean.caller,
            clean.tenant,
            clean.id,
            result,
            counted=clean.counted,
            deleted=Progress(clean, self._record.tally).deleted,
            replaces=clean.entry,
        )
        await self._change(entry=entry)

    async def _show(self, state: str, trouble: str = "") -> None:
        """Not more often than every few seconds."""
        now = self._clock()
        if now - self._shown < SHOW_SECONDS:
            return
        self._shown = now
        place = await self._show_to(Progress(self._clean, self._record.tally, state, trouble))
        if place != self._clean.shown_at:
            await self._change(shown_at=place)

    async def _change(self, **facts: Any) -> None:
        self._clean = replace(self._clean, **facts)
        await self._kept.save(self._clean)
