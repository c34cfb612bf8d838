"""One turn of a worker at one clean-up: some seconds of deletes, a pause, or the report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bot.delays import EMPORIX_LONGEST, bounded
from bot.emporix.client import EmporixClient
from bot.errors import EmporixError, MissingScope, NotConnected, Unauthorized
from bot.services.cleans.collecting import collect
from bot.services.cleans.exporting import parts
from bot.services.cleans.needs import FileNotSent, Owner
from bot.services.cleans.progress import INTERRUPTED, Progress
from bot.services.cleans.rounds import REFUSED, Rounds
from bot.services.deletes import may_delete
from bot.services.pages import Call
from bot.store.accounts import AccountStore
from bot.store.audit import BEGUN, AuditLog
from bot.store.audit_events import AuditEvent
from bot.store.clean_results import CleanRecord
from bot.store.cleans import Clean, CleanStore
from bot.store.erasure import OWNER_GONE

logger = logging.getLogger(__name__)

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

STALE_SECONDS = 30 * 60.0
"""After this long without progress nothing is deleted before its owner confirms it again."""

OWNER_SECONDS = 60 * 60.0
"""How often it is looked whether its owner is still there."""


class Ends(Exception):
    """The clean-up ends here; `why` says how."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Turn:
    """`holder` has the lease, and `record` is written by it."""

    def __init__(
        self,
        clean: Clean,
        holder: str,
        record: CleanRecord,
        *,
        emporix: EmporixClient,
        accounts: AccountStore,
        kept: CleanStore,
        audit: AuditLog,
        clock: Callable[[], float],
        owner: Owner,
        allowed: bool,
    ) -> None:
        self._clean, self._holder, self._record = clean, holder, record
        self._emporix, self._accounts, self._kept = emporix, accounts, kept
        self._audit, self._clock, self._owner = audit, clock, owner
        self._allowed = allowed
        self._shown = float("-inf")
        self._settled = record.tally.total()

    async def take(self) -> float | None:
        """The seconds after which to go on, None at the end; raises LeaseLost."""
        try:
            await self._hold()
        except Ends as end:
            return await self._end(end.why)
        if self._clean.why:
            return await self._report()
        if (rest := self._clean.rest_until - self._clock()) > 0:
            return min(rest, LOOK_SECONDS)
        if self._clean.idle >= MOST_IDLE:
            return await self._end("gave_up")
        await self._change(idle=self._clean.idle + 1)
        return await self._attempt()

    async def _attempt(self) -> float | None:
        try:
            why = await self._work()
        except Ends as end:
            why = end.why
        except (NotConnected, MissingScope, Unauthorized) as error:
            why = await self._wish() or error.template
        except EmporixError as error:
            return await self._pause(error.template, error.retry_after or 0.0)
        except FileNotSent as error:
            self._clean = replace(self._clean, detail=error.reason)
            if error.passes and self._clean.idle < MOST_IDLE:
                return await self._pause("file_not_sent")
            why = "no_file"
        if why:
            return await self._end(why)
        await self._change(idle=0)
        return 0.0

    async def _work(self) -> str:
        """Why it has ended, "" where time is up."""
        await self._check_owner()
        if not self._clean.entry:
            await self._enter(BEGUN)
        if self._clean.found is None and not await self._find():
            return "grew"
        jobs, ends = await self._kept.jobs(self._clean.id), self._clock() + TURN_SECONDS
        if len(jobs) != self._clean.found:
            return "lost"
        if self._clock() - self._clean.read_at > FRESH_SECONDS:
            jobs = await self._find_again(jobs)
        if not self._clean.exported and not await self._export(jobs, ends):
            return ""
        return await self._delete(jobs, ends)

    async def _delete(self, jobs: Sequence[str], ends: float) -> str:
        rounds = Rounds(self._clean, self._record, self._emporix)
        waiting = [job_id for job_id in jobs if not self._record.result(job_id)]
        while waiting:
            await self._hold()
            waiting = await rounds.next(await self._accounts.load(self._clean.caller), waiting)
            self._note_progress()
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
        self._clean = replace(self._clean, touched_at=self._clock())
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
        return await collect(await self._call(), self._clean, self._hold)

    async def _call(self) -> Call:
        held = may_delete(await self._accounts.load(self._clean.caller), self._clean.tenant)
        return partial(self._emporix.list_jobs, held)

    async def _fix(self, jobs: Sequence[str]) -> None:
        self._clean = replace(self._clean, found=len(jobs), read_at=self._clock())
        await self._kept.fix(self._clean, jobs, self._holder)

    async def _export(self, jobs: Sequence[str], ends: float) -> bool:
        """Send its owner the jobs as files; False where time is up before they have them all.

        What was sent is written down after each file, so that a restart sends one twice at most.
        """
        await self._show("exporting")
        async for part in parts(await self._call(), self._clean, jobs, self._hold):
            files = self._clean.files + 1
            await self._owner.send(self._clean, part.jobs, files)
            now = self._clock()
            await self._change(files=files, exported_to=part.reached, touched_at=now)
            if now >= ends and part.reached:
                return False
        await self._change(exported=True)
        return True

    async def _wish(self) -> str:
        """Why it is to end; a person who leaves loses the connection a moment later."""
        try:
            await self._hold()
        except Ends as end:
            return end.why
        return ""

    async def _hold(self) -> None:
        """Go on only with the lease, the wish of its owner and fresh progress.

        Raises Ends and LeaseLost.
        """
        stop = await self._kept.renew(self._clean.id, self._holder)
        if self._clean.why:
            return
        if stop == OWNER_GONE:
            raise Ends(OWNER_GONE)
        if stop:
            by = "" if stop == self._clean.caller.user_id else stop
            self._clean = replace(self._clean, stopped_by=by)
            raise Ends("stopped")
        if not self._allowed:
            raise Ends("deletes_off")
        touched_at = max(self._clean.begun_at, self._clean.touched_at)
        if self._clock() - touched_at > STALE_SECONDS:
            raise Ends(INTERRUPTED)

    async def _check_owner(self) -> None:
        """Raises Ends where its owner has left Slack."""
        now = self._clock()
        if now - self._clean.checked_at < OWNER_SECONDS:
            return
        if await self._owner.is_gone(self._clean.caller):
            raise Ends(OWNER_GONE)
        await self._change(checked_at=now)

    def _note_progress(self) -> None:
        """Remember when a job was last settled; it is written with the next change."""
        settled = self._record.tally.total()
        if settled > self._settled:
            self._settled = settled
            self._clean = replace(self._clean, idle=0, touched_at=self._clock())

    async def _pause(self, trouble: str, wanted: float = 0.0) -> float | None:
        """Longer after each attempt without a result, and as long as Emporix wants."""
        self._note_progress()
        idle = max(1, self._clean.idle)
        if idle >= MOST_IDLE:
            return await self._end("gave_up")
        own = min(FIRST_PAUSE * 2.0 ** (idle - 1), LONGEST_PAUSE)
        seconds = bounded(wanted, least=own, most=EMPORIX_LONGEST)
        await self._change(idle=idle, rest_until=self._clock() + seconds)
        self._shown = float("-inf")
        await self._show("pausing", trouble)
        return min(seconds, LOOK_SECONDS)

    async def _end(self, why: str) -> float | None:
        await self._change(why=why, ended_at=self._clock(), idle=0, rest_until=0.0)
        logger.info("a clean-up has ended: %s", why)
        return await self._report()

    async def _report(self) -> float | None:
        """Tell its owner and the audit record, in whichever turn that succeeds."""
        await self._change(idle=self._clean.idle + 1)
        await self._enter(self._clean.why)
        if self._clean.idle <= MOST_IDLE and self._clean.why != OWNER_GONE:
            self._shown = float("-inf")
            await self._show("ended")
        await self._kept.finish(self._clean, self._holder)
        return None

    async def _enter(self, result: str) -> None:
        """The one entry of the clean-up in the audit record."""
        clean = self._clean
        entry = await self._audit.record(
            AuditEvent.CLEANUP_STARTED,
            clean.caller,
            result,
            clean.entry,
            tenant=clean.tenant,
            subject=clean.id,
            count=clean.counted,
            deleted=Progress(clean, self._record.tally).deleted,
        )
        await self._change(entry=entry)

    async def _show(self, state: str, trouble: str = "") -> None:
        """Not more often than every few seconds."""
        now = self._clock()
        if now - self._shown < SHOW_SECONDS:
            return
        self._shown = now
        place = await self._owner.show(Progress(self._clean, self._record.tally, state, trouble))
        if place != self._clean.shown_at:
            await self._change(shown_at=place)

    async def _change(self, **facts: Any) -> None:
        self._clean = replace(self._clean, **facts)
        await self._kept.save(self._clean, self._holder)
