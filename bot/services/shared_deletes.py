"""Deletes that a whole channel sees: with the rights of whoever presses, and once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.errors import StoreUnavailable
from bot.models import Account, Caller
from bot.services.deletes import Deletion
from bot.store.deletions import DeletedJob


class DeletesJobs(Protocol):
    """Deletes a job and records it."""

    async def delete(self, account: Account, job_id: str, tenant: str) -> Deletion: ...


class Remembers(Protocol):
    """Where deletes are remembered, and take turns."""

    async def keep(self, caller: Caller, deleted: DeletedJob) -> DeletedJob: ...
    async def known(
        self, caller: Caller, jobs: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], DeletedJob]: ...
    def turn(self, caller: Caller, name: str) -> AbstractAsyncContextManager[None]: ...


class SharedDeletes:
    """Deletes jobs that are shown in a channel. Every method raises StoreUnavailable."""

    def __init__(self, deletes: DeletesJobs, kept: Remembers, clock: Callable[[], float]) -> None:
        self._deletes, self._kept, self._clock = deletes, kept, clock

    async def delete(self, account: Account, job_id: str, tenant: str) -> DeletedJob:
        """Delete a job on the presser's own connection; who deletes it second learns who was first.

        Raises NotConnected, MissingScope and what Emporix raises; StoreUnavailable only where
        nothing was deleted.
        """
        caller = account.caller
        async with self._kept.turn(caller, f"delete:{tenant}:{job_id}"):
            deletion = await self._deletes.delete(account, job_id, tenant)
            user_id = "" if deletion.already_gone else caller.user_id
            return await self._kept_if_possible(
                caller, DeletedJob(tenant, job_id, user_id, self._clock())
            )

    def editing(self, caller: Caller, message: str) -> AbstractAsyncContextManager[None]:
        """One at a time changes a message, so that nobody undoes what another has changed."""
        return self._kept.turn(caller, f"edit:{message}")

    async def known(
        self, caller: Caller, jobs: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], DeletedJob]:
        """Which of these jobs (tenant and id) were deleted in channels."""
        return await self._kept.known(caller, jobs)

    async def _kept_if_possible(self, caller: Caller, deleted: DeletedJob) -> DeletedJob:
        """The job is deleted, whatever becomes of the memory of it."""
        try:
            return await self._kept.keep(caller, deleted)
        except StoreUnavailable:
            return deleted
