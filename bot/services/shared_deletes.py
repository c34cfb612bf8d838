"""Deletes by button: with the rights of the person who clicks, and once, however often they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from bot.errors import StoreUnavailable
from bot.models import Account, Caller
from bot.services.deletes import Deletes
from bot.store.deletions import DeletedJob, Deletions

RECENT_SECONDS = 60.0
"""For this long, another click reports the delete that is remembered, and asks Emporix nothing."""


class SharedDeletes:
    """Deletes jobs that messages show. Every method raises StoreUnavailable."""

    def __init__(self, deletes: Deletes, kept: Deletions, clock: Callable[[], float]) -> None:
        self._deletes, self._kept, self._clock = deletes, kept, clock

    def admit(self) -> None:
        """Raises DeletesOff where nobody may delete."""
        self._deletes.admit()

    async def delete(self, account: Account, job_id: str, tenant: str) -> DeletedJob:
        """Delete a job on the caller's own connection; who deletes it second learns who was first.

        A double click deletes and records it once. Raises NotConnected, MissingScope and what
        Emporix raises; StoreUnavailable only where nothing was deleted.
        """
        caller = account.caller
        async with self._kept.turn(caller, f"delete:{tenant}:{job_id}"):
            if recent := await self._recent(account, job_id, tenant):
                return recent
            deletion = await self._deletes.delete(account, job_id, tenant)
            user_id = "" if deletion.already_gone else caller.user_id
            return await self._kept_if_possible(
                caller, DeletedJob(tenant, job_id, user_id, self._clock())
            )

    def editing(self, caller: Caller, message: str) -> AbstractAsyncContextManager[bool]:
        """One at a time changes a message, so that nobody undoes what another has changed."""
        return self._kept.turn(caller, f"edit:{message}")

    async def known(
        self, caller: Caller, jobs: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], DeletedJob]:
        """Which of these jobs (tenant and id) were deleted in channels."""
        return await self._kept.known(caller, jobs)

    async def _recent(self, account: Account, job_id: str, tenant: str) -> DeletedJob | None:
        """The delete of a moment ago; None for who may not delete: their refusal is recorded."""
        held = account.connections.get(tenant)
        if held is None or not held.can_delete:
            return None
        known = (await self._kept.known(account.caller, [(tenant, job_id)])).get((tenant, job_id))
        return known if known and self._clock() - known.at < RECENT_SECONDS else None

    async def _kept_if_possible(self, caller: Caller, deleted: DeletedJob) -> DeletedJob:
        """The job is deleted, whatever becomes of the memory of it."""
        try:
            return await self._kept.keep(caller, deleted)
        except StoreUnavailable:
            return deleted
