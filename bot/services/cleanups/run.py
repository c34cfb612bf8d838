"""Runs clean-ups in the worker, in slices of a few seconds, under a lease."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from cachetools import TTLCache

from bot.backoff import MAX_EMPORIX_PAUSE_SECONDS, bounded, exponential
from bot.domain.accounts import OWNER_GONE, Account, Caller
from bot.domain.audit import BEGUN, AuditEvent
from bot.domain.cleanups import INTERRUPTED, Cleanup, CleanupProgress
from bot.domain.jobs import Job
from bot.domain.times import Clock
from bot.emporix.client import EmporixClient
from bot.errors import (
    EmporixError,
    MissingScope,
    NotConnected,
    StoreUnavailable,
    Unauthorized,
)
from bot.services.cleanups.selection import collect_job_ids, export_parts
from bot.services.deletes import DELETES_REFUSED, DeleteBatches, require_delete_scope
from bot.services.pagination import ListJobs
from bot.store.accounts import AccountStore
from bot.store.audit import AuditLog
from bot.store.cleanups import CleanupJournal, CleanupResults, CleanupStore, LeaseLost
from bot.store.due_index import DUE_CLAIM_SECONDS

logger = logging.getLogger(__name__)

SLICE_SECONDS = 15.0
"""The length of a slice; shorter than the time that a worker has to shut down."""

CLEANUP_PROGRESS_INTERVAL_SECONDS = 3.0
"""The minimum time between two updates of the progress message."""

FIRST_CLEANUP_PAUSE_SECONDS, MAX_CLEANUP_PAUSE_SECONDS = 2.0, 120.0
MAX_FRUITLESS_ATTEMPTS = 20
"""A clean-up gives up after this many attempts without a result, over about half an hour."""

MAX_JOB_IDS_AGE_SECONDS = 600.0
"""How long job ids are used before they are read again, since jobs may change."""

STOP_CHECK_INTERVAL_SECONDS = 10.0
"""How often a paused clean-up is checked for a request to stop."""

STALE_SECONDS = 30 * 60.0
"""After this long without progress, the owner must confirm the clean-up again."""

CLEANUP_OWNER_CHECK_SECONDS = 60 * 60.0
"""How often a running clean-up checks that its owner is still in Slack."""

COUNT_INCREASED, JOB_IDS_MISSING = "count_increased", "job_ids_missing"
"""End reasons: more jobs match than were counted, or the list of their ids is gone."""

LEASE_RETRY_SECONDS = 2.0
"""Seconds until a worker retries a clean-up that another worker is running."""


class FileNotSent(Exception):
    """The file of jobs could not be sent to the owner; `reason` is an error code.

    `passes` is set if another attempt may succeed.
    """

    def __init__(self, reason: str, *, passes: bool) -> None:
        super().__init__(reason)
        self.reason, self.passes = reason, passes


@dataclass(frozen=True, slots=True)
class CleanupOwner:
    """Callbacks to the owner of a clean-up.

    `show` displays the progress and returns the message that shows it. `send` sends jobs as a
    file, numbered from 1, and raises FileNotSent. `is_gone` returns whether the owner has left.
    """

    show: Callable[[CleanupProgress], Awaitable[str]]
    send: Callable[[Cleanup, Sequence[Job], int], Awaitable[object]]
    is_gone: Callable[[Caller], Awaitable[bool]]


class CleanupEnded(Exception):
    """Raised to end a clean-up; `reason` is its end reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(eq=False)
class CleanupRuns:
    """Runs clean-ups; `allowed` is the operator's setting. Methods raise StoreUnavailable."""

    emporix: EmporixClient
    accounts: AccountStore
    store: CleanupStore
    results: CleanupResults
    audit: AuditLog
    clock: Clock
    new_holder: Callable[[], str]
    allowed: bool = True

    def __post_init__(self) -> None:
        """Create a cache, so that each clean-up of a newer version is logged once a minute."""
        self._logged: TTLCache[str, bool] = TTLCache(1_000, 60.0, self.clock)

    async def run(self, cleanup_id: str, owner: CleanupOwner) -> float | None:
        """Run one slice of a clean-up, and show its owner the progress.

        Returns the seconds until the next slice, or None if the clean-up has ended. Raises the
        errors of `owner.show`.
        """
        holder = self.new_holder()
        if not await self.store.acquire_lease(cleanup_id, holder):
            return LEASE_RETRY_SECONDS
        try:
            return await self._run(cleanup_id, holder, owner)
        except LeaseLost:
            return LEASE_RETRY_SECONDS
        finally:
            with suppress(StoreUnavailable):  # the lease expires anyway
                await self.store.release_lease(cleanup_id, holder)

    async def _run(self, cleanup_id: str, holder: str, owner: CleanupOwner) -> float | None:
        cleanup = await self.store.load(cleanup_id)
        if cleanup is None:
            await self._log_unreadable(cleanup_id)
            return None
        if cleanup.filters.unknown:
            # This version does not know one of the filters, so it would delete too many jobs.
            if cleanup_id not in self._logged:
                self._logged[cleanup_id] = True
                logger.warning(
                    "clean-up %s needs a worker of the version that started it", cleanup_id
                )
            return LEASE_RETRY_SECONDS
        journal = await self.results.open_journal(cleanup_id, holder)
        return await CleanupSlice(self, cleanup, holder, journal, owner).run()

    async def _log_unreadable(self, cleanup_id: str) -> None:
        if await self.store.due.schedule(cleanup_id, self.clock() + DUE_CLAIM_SECONDS):
            logger.warning("a clean-up waits for a worker that can decrypt it: %s", cleanup_id)
        else:
            logger.info("a clean-up no longer exists: %s", cleanup_id)


class CleanupSlice:
    """Runs one slice of a clean-up; `holder` has the lease and may write the `journal`."""

    def __init__(
        self,
        runs: CleanupRuns,
        cleanup: Cleanup,
        holder: str,
        journal: CleanupJournal,
        owner: CleanupOwner,
    ) -> None:
        self._runs, self._store, self._clock = runs, runs.store, runs.clock
        self._cleanup, self._holder, self._journal, self._owner = cleanup, holder, journal, owner
        self._shown_at = -math.inf
        self._settled = journal.counts.total()

    async def run(self) -> float | None:
        """Run the slice; returns the seconds until the next, None at the end. Raises LeaseLost."""
        if reason := await self._stop_reason():
            return await self._end(reason)
        if self._cleanup.end_reason:
            return await self._report()
        if (rest := self._cleanup.paused_until - self._clock()) > 0:
            return min(rest, STOP_CHECK_INTERVAL_SECONDS)
        if self._cleanup.fruitless_attempts >= MAX_FRUITLESS_ATTEMPTS:
            return await self._end("gave_up")
        await self._count_attempt()
        return await self._attempt()

    async def _attempt(self) -> float | None:
        try:
            reason = await self._work()
        except CleanupEnded as end:
            reason = end.reason
        except (NotConnected, MissingScope, Unauthorized) as error:
            # The connection may be gone because the owner has left.
            reason = await self._stop_reason() or error.template
        except EmporixError as error:
            return await self._pause(error.template, error.retry_after or 0.0)
        except FileNotSent as error:
            self._cleanup = replace(self._cleanup, detail=error.reason)
            if error.passes and self._cleanup.fruitless_attempts < MAX_FRUITLESS_ATTEMPTS:
                return await self._pause("file_not_sent")
            reason = "no_file"
        if reason:
            return await self._end(reason)
        await self._save(replace(self._cleanup, fruitless_attempts=0))
        return 0.0

    async def _work(self) -> str:
        """Find, export and delete jobs; returns the end reason, or "" if only the slice is over."""
        await self._check_owner()
        if not self._cleanup.audit_entry_id:
            await self._record_in_audit(BEGUN)
        if self._cleanup.found is None and not await self._find_jobs():
            return COUNT_INCREASED
        job_ids, ends = (
            await self._store.load_job_ids(self._cleanup.id),
            self._clock() + SLICE_SECONDS,
        )
        if len(job_ids) != self._cleanup.found:
            return JOB_IDS_MISSING
        if self._clock() - self._cleanup.read_at > MAX_JOB_IDS_AGE_SECONDS:
            job_ids = await self._refresh_job_ids(job_ids)
        if not self._cleanup.exported and not await self._export(job_ids, ends):
            return ""
        return await self._delete_jobs(job_ids, ends)

    async def _delete_jobs(self, job_ids: Sequence[str], ends: float) -> str:
        batches = DeleteBatches(self._cleanup.tenant, self._journal, self._runs.emporix)
        waiting = [job_id for job_id in job_ids if not self._journal.result(job_id)]
        while waiting:
            await self._renew_lease()
            waiting = await batches.delete_next(await self._account(), waiting)
            self._note_progress()
            if batches.is_hopeless:
                return DELETES_REFUSED
            await self._show("deleting")
            if waiting and self._clock() >= ends:
                return ""
        return "done"

    async def _find_jobs(self) -> bool:
        """Read and store the ids of the jobs; False if there are more than were counted."""
        found = await self._read_job_ids()
        if len(found) > self._cleanup.counted:
            return False
        self._cleanup = replace(self._cleanup, progress_at=self._clock())
        await self._freeze_job_ids(found)
        return True

    async def _refresh_job_ids(self, job_ids: Sequence[str]) -> list[str]:
        """Read the ids again; keeps those that still match or whose delete has started."""
        matching = set(await self._read_job_ids())
        left = [
            job_id for job_id in job_ids if job_id in matching or self._journal.is_started(job_id)
        ]
        await self._freeze_job_ids(left)
        return left

    async def _read_job_ids(self) -> list[str]:
        await self._show("selecting")
        return await collect_job_ids(await self._list_jobs(), self._cleanup, self._renew_lease)

    async def _account(self) -> Account:
        return await self._runs.accounts.load(self._cleanup.caller)

    async def _list_jobs(self) -> ListJobs:
        connection = require_delete_scope(await self._account(), self._cleanup.tenant)
        return partial(self._runs.emporix.list_jobs, connection)

    async def _freeze_job_ids(self, job_ids: Sequence[str]) -> None:
        self._cleanup = replace(self._cleanup, found=len(job_ids), read_at=self._clock())
        await self._store.freeze_job_ids(self._cleanup, job_ids, self._holder)

    async def _export(self, job_ids: Sequence[str], ends: float) -> bool:
        """Send the owner the jobs as files; False if the slice ends before all are sent.

        Progress is saved after each file, so that a restart sends at most one file twice.
        """
        await self._show("exporting")
        list_jobs = await self._list_jobs()
        async for part in export_parts(list_jobs, self._cleanup, job_ids, self._renew_lease):
            files = self._cleanup.files + 1
            await self._owner.send(self._cleanup, part.jobs, files)
            now = self._clock()
            sent = replace(self._cleanup, files=files, exported_to=part.reached, progress_at=now)
            await self._save(sent)
            if now >= ends and part.reached:
                return False
        await self._save(replace(self._cleanup, exported=True))
        return True

    async def _renew_lease(self) -> None:
        """Renew the lease; raises LeaseLost, and CleanupEnded if the clean-up must stop."""
        if reason := await self._stop_reason():
            raise CleanupEnded(reason)

    async def _stop_reason(self) -> str:
        """Renew the lease; returns why the clean-up must stop, or "". Raises LeaseLost."""
        stop = await self._store.renew_lease(self._cleanup.id, self._holder)
        if self._cleanup.end_reason or stop == OWNER_GONE:
            return "" if self._cleanup.end_reason else OWNER_GONE
        if stop:
            by = "" if stop == self._cleanup.caller.user_id else stop
            self._cleanup = replace(self._cleanup, stopped_by=by)
            return "stopped"
        if not self._runs.allowed:
            return "deletes_off"
        progress_at = max(self._cleanup.started_at, self._cleanup.progress_at)
        return INTERRUPTED if self._clock() - progress_at > STALE_SECONDS else ""

    async def _check_owner(self) -> None:
        """Raises CleanupEnded if the owner has left Slack."""
        now = self._clock()
        if now - self._cleanup.checked_at < CLEANUP_OWNER_CHECK_SECONDS:
            return
        if await self._owner.is_gone(self._cleanup.caller):
            raise CleanupEnded(OWNER_GONE)
        await self._save(replace(self._cleanup, checked_at=now))

    def _note_progress(self) -> None:
        """Update the time of the last result; it is saved with the next change."""
        settled = self._journal.counts.total()
        if settled > self._settled:
            self._settled = settled
            self._cleanup = replace(self._cleanup, fruitless_attempts=0, progress_at=self._clock())

    async def _pause(self, trouble: str, wanted: float = 0.0) -> float | None:
        """Pause with exponential backoff, but at least for Retry-After."""
        self._note_progress()
        attempts = max(1, self._cleanup.fruitless_attempts)
        if attempts >= MAX_FRUITLESS_ATTEMPTS:
            return await self._end("gave_up")
        own = exponential(attempts, FIRST_CLEANUP_PAUSE_SECONDS, most=MAX_CLEANUP_PAUSE_SECONDS)
        seconds = bounded(wanted, least=own, most=MAX_EMPORIX_PAUSE_SECONDS)
        until = self._clock() + seconds
        await self._save(replace(self._cleanup, fruitless_attempts=attempts, paused_until=until))
        await self._show("pausing", trouble, now=True)
        return min(seconds, STOP_CHECK_INTERVAL_SECONDS)

    async def _end(self, reason: str) -> float | None:
        ended = replace(self._cleanup, end_reason=reason, ended_at=self._clock())
        await self._save(replace(ended, fruitless_attempts=0, paused_until=0.0))
        logger.info("a clean-up has ended: %s", reason)
        return await self._report()

    async def _report(self) -> float | None:
        """Report the end to the owner and in the audit log; retried in the next slice."""
        await self._count_attempt()
        await self._record_in_audit(self._cleanup.end_reason)
        is_gone = self._cleanup.end_reason == OWNER_GONE
        if self._cleanup.fruitless_attempts <= MAX_FRUITLESS_ATTEMPTS and not is_gone:
            await self._show("ended", now=True)
        await self._store.finish(self._cleanup, self._holder)
        return None

    async def _count_attempt(self) -> None:
        attempts = self._cleanup.fruitless_attempts + 1
        await self._save(replace(self._cleanup, fruitless_attempts=attempts))

    async def _record_in_audit(self, result: str) -> None:
        """Write or update the clean-up's single entry in the audit log."""
        cleanup = self._cleanup
        entry_id = await self._runs.audit.record(
            AuditEvent.CLEANUP_STARTED,
            cleanup.caller,
            result,
            cleanup.audit_entry_id,
            tenant=cleanup.tenant,
            subject=cleanup.id,
            count=cleanup.counted,
            deleted=CleanupProgress(cleanup, self._journal.counts).deleted,
        )
        await self._save(replace(cleanup, audit_entry_id=entry_id))

    async def _show(self, state: str, trouble: str = "", *, now: bool = False) -> None:
        """Show the progress, at most once every few seconds unless `now` is set."""
        time = self._clock()
        if not now and time - self._shown_at < CLEANUP_PROGRESS_INTERVAL_SECONDS:
            return
        self._shown_at = time
        progress = CleanupProgress(self._cleanup, self._journal.counts, state, trouble)
        place = await self._owner.show(progress)
        if place != self._cleanup.progress_message:
            await self._save(replace(self._cleanup, progress_message=place))

    async def _save(self, cleanup: Cleanup) -> None:
        self._cleanup = cleanup
        await self._store.save(cleanup, self._holder)
