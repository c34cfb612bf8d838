"""Runs a clean-up in the worker: slice by slice, under a lease."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from cachetools import TTLCache

from bot.backoff import MAX_EMPORIX_PAUSE_SECONDS, bounded
from bot.domain.accounts import OWNER_GONE, Account, Caller
from bot.domain.audit import BEGUN, AuditEvent
from bot.domain.cleanups import ALREADY_GONE, DELETED, INTERRUPTED, Cleanup, CleanupProgress
from bot.emporix.client import EmporixClient
from bot.emporix.models import Job
from bot.errors import (
    EmporixError,
    Forbidden,
    InvalidInput,
    InvalidRequest,
    MissingScope,
    NotConnected,
    StoreUnavailable,
    Unauthorized,
)
from bot.services.cleanups.selection import collect, parts
from bot.services.concurrency import gather_all
from bot.services.deletes import DeleteService, may_delete
from bot.services.pagination import Call
from bot.store.accounts import AccountStore
from bot.store.audit import AuditLog
from bot.store.cleanups import CleanupJournal, CleanupResults, CleanupStore, LeaseLost
from bot.store.due_index import DUE_CLAIM_SECONDS


class FileNotSent(Exception):
    """The owner did not get their jobs as a file; `reason` is Slack's word.

    `passes`: another attempt may go better.
    """

    def __init__(self, reason: str, *, passes: bool) -> None:
        super().__init__(reason)
        self.reason, self.passes = reason, passes


@dataclass(frozen=True, slots=True)
class Owner:
    """How the owner of a clean-up is reached.

    `show` lets them see the progress, and gives where that is. `send` brings them some of the jobs
    as a file, numbered from 1, and raises FileNotSent. `is_gone` says whether they have left.
    """

    show: Callable[[CleanupProgress], Awaitable[str]]
    send: Callable[[Cleanup, Sequence[Job], int], Awaitable[object]]
    is_gone: Callable[[Caller], Awaitable[bool]]


AT_ONCE = 5
"""Calls to Emporix at the same time: a clean-up shares its limits with everybody else."""

HOPELESS = 20
REFUSED = "refused"
"""Why a clean-up ends after so many refusals in a row."""


class DeleteBatches:
    """One round after the other, by the holder of the lease."""

    def __init__(self, clean: Cleanup, record: CleanupJournal, emporix: EmporixClient) -> None:
        self._clean, self._record = clean, record
        self._deletes = DeleteService(emporix, record)
        self._refused_in_a_row = 0

    @property
    def is_hopeless(self) -> bool:
        """Whether Emporix refuses one job like the other."""
        return self._refused_in_a_row >= HOPELESS

    async def next(self, account: Account, waiting: Sequence[str]) -> list[str]:
        """Delete the first of the `waiting` jobs; gives those that wait now.

        Raises LeaseLost, NotConnected, MissingScope, StoreUnavailable, and what Emporix raises
        about more than the one job; all deletes of the round have ended then.
        """
        batch, others = waiting[:AT_ONCE], waiting[AT_ONCE:]
        await gather_all(*(self._delete(account, job_id) for job_id in batch))
        for job_id in batch:
            self._count(self._record.result(job_id))
        return [*others, *(job_id for job_id in batch if not self._record.result(job_id))]

    async def _delete(self, account: Account, job_id: str) -> None:
        try:
            await self._deletes.delete(account, job_id, self._clean.tenant)
        except (Forbidden, InvalidRequest):  # the record says so, and the next job may go better
            return
        except InvalidInput as error:  # an id that no path can hold
            caller, tenant = account.caller, self._clean.tenant
            await self._record.record_delete(caller, tenant, job_id, error.template)

    def _count(self, result: str) -> None:
        is_refusal = result not in ("", DELETED, ALREADY_GONE)
        self._refused_in_a_row = self._refused_in_a_row + 1 if is_refusal else 0


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


class CleanupEnds(Exception):
    """The clean-up ends here; `why` says how."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class CleanupSlice:
    """`holder` has the lease, and `record` is written by it."""

    def __init__(
        self,
        clean: Cleanup,
        holder: str,
        record: CleanupJournal,
        *,
        emporix: EmporixClient,
        accounts: AccountStore,
        kept: CleanupStore,
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
        self._settled = record.counts.total()

    async def take(self) -> float | None:
        """The seconds after which to go on, None at the end; raises LeaseLost."""
        try:
            await self._hold()
        except CleanupEnds as end:
            return await self._end(end.why)
        if self._clean.end_reason:
            return await self._report()
        if (rest := self._clean.paused_until - self._clock()) > 0:
            return min(rest, LOOK_SECONDS)
        if self._clean.fruitless_attempts >= MOST_IDLE:
            return await self._end("gave_up")
        await self._change(fruitless_attempts=self._clean.fruitless_attempts + 1)
        return await self._attempt()

    async def _attempt(self) -> float | None:
        try:
            why = await self._work()
        except CleanupEnds as end:
            why = end.why
        except (NotConnected, MissingScope, Unauthorized) as error:
            why = await self._wish() or error.template
        except EmporixError as error:
            return await self._pause(error.template, error.retry_after or 0.0)
        except FileNotSent as error:
            self._clean = replace(self._clean, detail=error.reason)
            if error.passes and self._clean.fruitless_attempts < MOST_IDLE:
                return await self._pause("file_not_sent")
            why = "no_file"
        if why:
            return await self._end(why)
        await self._change(fruitless_attempts=0)
        return 0.0

    async def _work(self) -> str:
        """Why it has ended, "" where time is up."""
        await self._check_owner()
        if not self._clean.audit_entry_id:
            await self._enter(BEGUN)
        if self._clean.found is None and not await self._find():
            return "grew"
        jobs, ends = await self._kept.load_job_ids(self._clean.id), self._clock() + TURN_SECONDS
        if len(jobs) != self._clean.found:
            return "lost"
        if self._clock() - self._clean.read_at > FRESH_SECONDS:
            jobs = await self._find_again(jobs)
        if not self._clean.exported and not await self._export(jobs, ends):
            return ""
        return await self._delete(jobs, ends)

    async def _delete(self, jobs: Sequence[str], ends: float) -> str:
        rounds = DeleteBatches(self._clean, self._record, self._emporix)
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
        self._clean = replace(self._clean, progress_at=self._clock())
        await self._fix(found)
        return True

    async def _find_again(self, jobs: Sequence[str]) -> list[str]:
        """Those of the `jobs` that still fit, or have been touched already."""
        there = set(await self._read())
        left = [job_id for job_id in jobs if job_id in there or self._record.is_started(job_id)]
        await self._fix(left)
        return left

    async def _read(self) -> list[str]:
        await self._show("looking")
        return await collect(await self._call(), self._clean, self._hold)

    async def _call(self) -> Call:
        connection = may_delete(await self._accounts.load(self._clean.caller), self._clean.tenant)
        return partial(self._emporix.list_jobs, connection)

    async def _fix(self, jobs: Sequence[str]) -> None:
        self._clean = replace(self._clean, found=len(jobs), read_at=self._clock())
        await self._kept.freeze_job_ids(self._clean, jobs, self._holder)

    async def _export(self, jobs: Sequence[str], ends: float) -> bool:
        """Send its owner the jobs as files; False where time is up before they have them all.

        What was sent is written down after each file, so that a restart sends one twice at most.
        """
        await self._show("exporting")
        async for part in parts(await self._call(), self._clean, jobs, self._hold):
            files = self._clean.files + 1
            await self._owner.send(self._clean, part.jobs, files)
            now = self._clock()
            await self._change(files=files, exported_to=part.reached, progress_at=now)
            if now >= ends and part.reached:
                return False
        await self._change(exported=True)
        return True

    async def _wish(self) -> str:
        """Why it is to end; a person who leaves loses the connection a moment later."""
        try:
            await self._hold()
        except CleanupEnds as end:
            return end.why
        return ""

    async def _hold(self) -> None:
        """Go on only with the lease, the wish of its owner and fresh progress.

        Raises Ends and LeaseLost.
        """
        stop = await self._kept.renew_lease(self._clean.id, self._holder)
        if self._clean.end_reason:
            return
        if stop == OWNER_GONE:
            raise CleanupEnds(OWNER_GONE)
        if stop:
            by = "" if stop == self._clean.caller.user_id else stop
            self._clean = replace(self._clean, stopped_by=by)
            raise CleanupEnds("stopped")
        if not self._allowed:
            raise CleanupEnds("deletes_off")
        touched_at = max(self._clean.started_at, self._clean.progress_at)
        if self._clock() - touched_at > STALE_SECONDS:
            raise CleanupEnds(INTERRUPTED)

    async def _check_owner(self) -> None:
        """Raises Ends where its owner has left Slack."""
        now = self._clock()
        if now - self._clean.checked_at < OWNER_SECONDS:
            return
        if await self._owner.is_gone(self._clean.caller):
            raise CleanupEnds(OWNER_GONE)
        await self._change(checked_at=now)

    def _note_progress(self) -> None:
        """Remember when a job was last settled; it is written with the next change."""
        settled = self._record.counts.total()
        if settled > self._settled:
            self._settled = settled
            self._clean = replace(self._clean, fruitless_attempts=0, progress_at=self._clock())

    async def _pause(self, trouble: str, wanted: float = 0.0) -> float | None:
        """Longer after each attempt without a result, and as long as Emporix wants."""
        self._note_progress()
        idle = max(1, self._clean.fruitless_attempts)
        if idle >= MOST_IDLE:
            return await self._end("gave_up")
        own = min(FIRST_PAUSE * 2.0 ** (idle - 1), LONGEST_PAUSE)
        seconds = bounded(wanted, least=own, most=MAX_EMPORIX_PAUSE_SECONDS)
        await self._change(fruitless_attempts=idle, paused_until=self._clock() + seconds)
        self._shown = float("-inf")
        await self._show("pausing", trouble)
        return min(seconds, LOOK_SECONDS)

    async def _end(self, why: str) -> float | None:
        await self._change(
            end_reason=why, ended_at=self._clock(), fruitless_attempts=0, paused_until=0.0
        )
        logger.info("a clean-up has ended: %s", why)
        return await self._report()

    async def _report(self) -> float | None:
        """Tell its owner and the audit record, in whichever turn that succeeds."""
        await self._change(fruitless_attempts=self._clean.fruitless_attempts + 1)
        await self._enter(self._clean.end_reason)
        if self._clean.fruitless_attempts <= MOST_IDLE and self._clean.end_reason != OWNER_GONE:
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
            clean.audit_entry_id,
            tenant=clean.tenant,
            subject=clean.id,
            count=clean.counted,
            deleted=CleanupProgress(clean, self._record.counts).deleted,
        )
        await self._change(audit_entry_id=entry)

    async def _show(self, state: str, trouble: str = "") -> None:
        """Not more often than every few seconds."""
        now = self._clock()
        if now - self._shown < SHOW_SECONDS:
            return
        self._shown = now
        place = await self._owner.show(
            CleanupProgress(self._clean, self._record.counts, state, trouble)
        )
        if place != self._clean.progress_message:
            await self._change(progress_message=place)

    async def _change(self, **facts: Any) -> None:
        self._clean = replace(self._clean, **facts)
        await self._kept.save(self._clean, self._holder)


TAKEN_SECONDS = 2.0
"""After so long somebody looks whether another worker still has it in hand."""

MOST_LEFT, LOG_SECONDS = 1_000, 60.0
"""Clean-ups of a newer version, each of which is logged once in so many seconds."""


class CleanupRuns:
    """Carries clean-ups out; `allowed` is the operator's word. Methods raise StoreUnavailable."""

    def __init__(
        self,
        emporix: EmporixClient,
        accounts: AccountStore,
        kept: CleanupStore,
        results: CleanupResults,
        audit: AuditLog,
        *,
        clock: Callable[[], float],
        new_owner: Callable[[], str],
        allowed: bool = True,
    ) -> None:
        self._emporix, self._accounts, self._kept = emporix, accounts, kept
        self._results, self._audit = results, audit
        self._clock, self._new_owner, self._allowed = clock, new_owner, allowed
        self._left: TTLCache[str, bool] = TTLCache(MOST_LEFT, LOG_SECONDS, clock)

    async def run(self, clean_id: str, owner: Owner) -> float | None:
        """Work on one for a while, and let its owner see how it goes.

        Gives the seconds after which to go on with it, None where it has come to its end. Raises
        what `owner.show` raises.
        """
        holder = self._new_owner()
        if not await self._kept.acquire_lease(clean_id, holder):
            return TAKEN_SECONDS
        try:
            return await self._turn(clean_id, holder, owner)
        except LeaseLost:
            return TAKEN_SECONDS
        finally:
            with suppress(StoreUnavailable):  # it ends by itself
                await self._kept.release_lease(clean_id, holder)

    async def _turn(self, clean_id: str, holder: str, owner: Owner) -> float | None:
        clean = await self._kept.load(clean_id)
        if clean is None:
            await self._drop(clean_id)
            return None
        if clean.filters.unknown:
            # Without the filter that it does not know, this process would delete other jobs, too.
            if clean_id not in self._left:
                self._left[clean_id] = True
                logger.warning(
                    "clean-up %s is left to a worker of the version that began it", clean_id
                )
            return TAKEN_SECONDS
        turn = CleanupSlice(
            clean,
            holder,
            await self._results.open_journal(clean_id, holder),
            emporix=self._emporix,
            accounts=self._accounts,
            kept=self._kept,
            audit=self._audit,
            clock=self._clock,
            owner=owner,
            allowed=self._allowed,
        )
        return await turn.take()

    async def _drop(self, clean_id: str) -> None:
        if await self._kept.due.schedule(clean_id, self._clock() + DUE_CLAIM_SECONDS):
            logger.warning("a clean-up waits for a worker that can open it: %s", clean_id)
        else:
            logger.info("a clean-up is over: %s", clean_id)
