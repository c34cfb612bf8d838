"""Clean-ups of users: preview, confirm, stop, continue."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.domain.accounts import Account, Caller
from bot.domain.cleanups import INTERRUPTED, Cleanup, CleanupProgress
from bot.domain.filters import Filters
from bot.domain.times import Clock
from bot.errors import DeletesOff, InvalidInput, OutdatedButton
from bot.services.cleanups.selection import CleanupCounts, CleanupPreview, check_filters
from bot.services.deletes import require_delete_scope
from bot.services.filters.parser import to_compact
from bot.store.accounts import AccountStore
from bot.store.cleanups import CleanupResults, CleanupStore
from bot.store.health import Heartbeats, WorkerStatus

MAX_CLEANUP_JOBS = 10_000
"""Maximum number of jobs in one clean-up; deleting them takes about ten minutes."""

CLEANUP_COMMAND = "/emporix jobs clean"

MAX_RUNNING_LISTED = 100
"""Maximum number of running clean-ups to search for those of a workspace."""


@dataclass(frozen=True, slots=True)
class CleanupConfirmation:
    """A clean-up that has started, unless `previous_count` is set.

    `previous_count` is the confirmed number if it is outdated; the user must confirm the new one.
    `worker` says whether one is running; it is None if the clean-up hasn't started.
    """

    cleanup: Cleanup
    previous_count: int | None = None
    worker: WorkerStatus | None = None


class CleanupService:
    """Clean-ups of users; `allowed` is the operator's setting. Methods raise StoreUnavailable."""

    def __init__(
        self,
        counts: CleanupCounts,
        accounts: AccountStore,
        store: CleanupStore,
        results: CleanupResults,
        workers: Heartbeats,
        *,
        clock: Clock,
        new_cleanup_id: Callable[[], str],
        allowed: bool = True,
    ) -> None:
        self._counts, self._accounts, self._store = counts, accounts, store
        self._results, self._workers = results, workers
        self._clock, self._new_cleanup_id, self._allowed = clock, new_cleanup_id, allowed

    async def preview(self, account: Account, filters: Filters) -> CleanupPreview:
        """Count the jobs, and save the clean-up for its confirmation unless there are none.

        Raises InvalidInput if the filters are not allowed, or if the jobs cannot be counted or are
        too many; DeletesOff, NotConnected, MissingScope and EmporixError.
        """
        self._admit()
        check_filters(filters)
        connection = require_delete_scope(account, filters.tenant)
        until, in_all = await self._counts.find_bound(connection, filters)
        cleanup = Cleanup(
            self._new_cleanup_id(), account.caller, connection.tenant, filters, 0, until
        )
        if not until:
            return CleanupPreview(cleanup, excluded=in_all)
        preview = await self._counts.preview(connection, cleanup, in_all)
        _check_size(preview.cleanup.counted)
        await self._store.save_unconfirmed(preview.cleanup)
        query = to_compact(replace(filters, tenant=connection.tenant), searched=False)
        return replace(preview, query=query)

    async def confirm(self, caller: Caller, cleanup_id: str, typed: str) -> CleanupConfirmation:
        """Start a clean-up if the typed number is correct and has not changed.

        Raises InvalidInput for a wrong number and if another clean-up is running in the tenant,
        LimitReached, OutdatedButton, and everything that `preview` raises.
        """
        self._admit()
        cleanup = await self._load_own(caller, cleanup_id)
        if cleanup.started_at:
            raise _already_started()
        _check_number(typed, cleanup.counted)
        connection = require_delete_scope(await self._accounts.load(caller), cleanup.tenant)
        if (now := await self._counts.recount(connection, cleanup)).counted != cleanup.counted:
            _check_size(now.counted)
            if not await self._store.save_unconfirmed(now):
                raise _already_started()
            return CleanupConfirmation(now, previous_count=cleanup.counted)
        started = await self._start(cleanup)
        return CleanupConfirmation(started, worker=await self._workers.status(self._clock()))

    async def count_remaining(self, account: Account, cleanup_id: str) -> Cleanup:
        """Count the jobs left by an ended clean-up, and save a new clean-up if there are any.

        Jobs that arrived or changed after the first count are excluded. Raises OutdatedButton,
        InvalidInput while it is running, and everything that `preview` raises.
        """
        self._admit()
        cleanup = await self._load_own(account.caller, cleanup_id)
        if not cleanup.end_reason:
            raise _already_started()
        connection = require_delete_scope(account, cleanup.tenant)
        remaining = Cleanup(
            self._new_cleanup_id(),
            cleanup.caller,
            cleanup.tenant,
            cleanup.filters,
            0,
            cleanup.until,
        )
        remaining = await self._counts.recount(connection, remaining)
        _check_size(remaining.counted)
        if remaining.counted:
            await self._store.save_unconfirmed(remaining)
        return remaining

    async def stop(self, caller: Caller, cleanup_id: str) -> CleanupProgress:
        """Stop a clean-up after the deletes already sent have ended; raises OutdatedButton."""
        cleanup = await self._load_own(caller, cleanup_id)
        if cleanup.end_reason == INTERRUPTED:
            cleanup = replace(cleanup, end_reason="stopped")
            await self._store.amend(cleanup)
        elif not cleanup.end_reason:
            await self._store.request_stop(cleanup_id, caller.user_id)
        return await self._progress(cleanup, "stopping")

    async def list_running(self, caller: Caller) -> list[Cleanup]:
        """The running clean-ups of all users in the workspace, for administrators."""
        found = await self._store.running(MAX_RUNNING_LISTED)
        return [cleanup for cleanup in found if _is_of_workspace(cleanup, caller)]

    async def stop_as_administrator(
        self, administrator: Caller, cleanup_id: str
    ) -> tuple[Cleanup, bool]:
        """Stop any user's clean-up in the workspace; False if it has already ended.

        Its owner gets a message that names the administrator. Raises OutdatedButton.
        """
        cleanup = await self._store.load(cleanup_id)
        if cleanup is None or not _is_of_workspace(cleanup, administrator):
            raise OutdatedButton("/emporix audit")
        return cleanup, await self._store.request_stop(cleanup_id, administrator.user_id)

    async def report(self, cleanup_id: str) -> CleanupProgress | None:
        """The result of a clean-up; None while it is running."""
        cleanup = await self._store.load(cleanup_id)
        return await self._progress(cleanup, "ended") if cleanup and cleanup.end_reason else None

    def _admit(self) -> None:
        if not self._allowed:
            raise DeletesOff("clean-ups")

    async def _load_own(self, caller: Caller, cleanup_id: str) -> Cleanup:
        cleanup = await self._store.load(cleanup_id)
        if cleanup is None or cleanup.caller != caller:
            raise OutdatedButton(CLEANUP_COMMAND)
        return cleanup

    async def _progress(self, cleanup: Cleanup, state: str) -> CleanupProgress:
        return CleanupProgress(cleanup, await self._results.count(cleanup.id), state)

    async def _start(self, cleanup: Cleanup) -> Cleanup:
        now = self._clock()
        started = replace(cleanup, started_at=now)
        if not await self._store.start(started, now):
            raise InvalidInput(
                "You already have a clean-up running in this tenant",
                advice="Wait until it ends, or stop it.",
            )
        return started


def _is_of_workspace(cleanup: Cleanup, caller: Caller) -> bool:
    workspace = (cleanup.caller.enterprise_id, cleanup.caller.team_id)
    return workspace == (caller.enterprise_id, caller.team_id)


def _already_started() -> InvalidInput:
    return InvalidInput(
        "This clean-up has already started", advice="See its progress in my direct messages."
    )


def _check_size(counted: int) -> None:
    if counted > MAX_CLEANUP_JOBS:
        raise InvalidInput(
            f"{counted:,} jobs match, but a clean-up deletes at most {MAX_CLEANUP_JOBS:,}",
            advice="Narrow the filters, for example with since: and until:.",
        )


def _check_number(typed: str, counted: int) -> None:
    """Raises InvalidInput unless `typed` is the number, written as 1204, 1,204 or 1 204."""
    if re.sub(r"[\s.,'’]", "", typed) != str(counted):
        these = "it" if counted == 1 else "them"
        raise InvalidInput(
            "That isn't the number of jobs", advice=f"Type {counted} to delete {these}."
        )
