"""Deletes jobs: one, several, or jobs shown in a channel."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bot.domain.accounts import DELETE_SCOPE, Account, Caller, Connection, require_connection
from bot.domain.audit import BEGUN
from bot.domain.cleanups import ALREADY_GONE, DELETED
from bot.domain.jobs import DeletedJob
from bot.domain.times import Clock
from bot.emporix.client import EmporixClient
from bot.errors import (
    BotError,
    DeletesOff,
    EmporixError,
    EmporixRefused,
    EmporixTimeout,
    EmporixUnreachable,
    Forbidden,
    InvalidInput,
    InvalidRequest,
    MissingScope,
    NotConnected,
    RateLimited,
    StoreUnavailable,
    Unauthorized,
)
from bot.services.concurrency import gather_all
from bot.store.audit import AuditLog
from bot.store.cleanups import CleanupJournal
from bot.store.idempotency import Deletions

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """The result of a delete; `already_gone` is set if the job no longer existed."""

    job_id: str
    tenant: str
    already_gone: bool


class DeleteService:
    """Deletes jobs and records each delete; `allowed` is the operator's setting."""

    def __init__(
        self, emporix: EmporixClient, audit: AuditLog | CleanupJournal, *, allowed: bool = True
    ) -> None:
        self._emporix, self._audit, self._allowed = emporix, audit, allowed

    def admit(self) -> None:
        """Raises DeletesOff if the operator has turned deletes off."""
        if not self._allowed:
            raise DeletesOff("deletes")

    async def delete(self, account: Account, job_id: str, tenant: str) -> DeleteResult:
        """Delete a job and record the delete; refusals are recorded, too.

        Raises DeletesOff, NotConnected, MissingScope and EmporixError; StoreUnavailable only if
        nothing was deleted.
        """
        caller = account.caller
        try:
            self.admit()
            connection = require_delete_scope(account, tenant)
        except (DeletesOff, NotConnected, MissingScope) as error:
            await self._audit.record_delete(caller, tenant, job_id, error.template)
            raise
        begun = await self._audit.record_delete(caller, connection.tenant, job_id, BEGUN)
        try:
            deleted = await self._emporix.delete_job(connection, job_id)
        except EmporixError as error:
            await self._record_end(caller, connection.tenant, job_id, error.template, begun)
            raise
        await self._record_end(
            caller, connection.tenant, job_id, DELETED if deleted else ALREADY_GONE, begun
        )
        return DeleteResult(job_id, connection.tenant, already_gone=not deleted)

    async def _record_end(
        self, caller: Caller, tenant: str, job_id: str, result: str, begun: str
    ) -> None:
        """Replace the audit entry "begun" with the result; it stays if Redis does not answer."""
        try:
            await self._audit.record_delete(caller, tenant, job_id, result, begun)
        except StoreUnavailable:
            logger.error(
                "the result of a delete could not be recorded: %s %r: %s", tenant, job_id, result
            )


def require_delete_scope(account: Account, tenant: str) -> Connection:
    """The connection to a tenant; raises NotConnected, or MissingScope if it cannot delete."""
    connection = require_connection(account, tenant)
    if not connection.can_delete:
        raise MissingScope(connection.tenant, DELETE_SCOPE)
    return connection


MAX_DELETE_CALLS = 5
"""Concurrent calls to Emporix, whose rate limit clean-ups share with all other requests."""

MAX_REFUSALS_IN_A_ROW = 20
DELETES_REFUSED = "refused"
"""The end reason of a clean-up after MAX_REFUSALS_IN_A_ROW."""


class DeleteBatches:
    """Deletes the jobs of a clean-up a few at a time, for the holder of its lease."""

    def __init__(self, tenant: str, journal: CleanupJournal, emporix: EmporixClient) -> None:
        self._tenant, self._journal = tenant, journal
        self._deletes = DeleteService(emporix, journal)
        self._refusals_in_a_row = 0

    @property
    def is_hopeless(self) -> bool:
        """Whether Emporix has refused too many jobs in a row."""
        return self._refusals_in_a_row >= MAX_REFUSALS_IN_A_ROW

    async def delete_next(self, account: Account, waiting: Sequence[str]) -> list[str]:
        """Delete the first few `waiting` jobs; returns the jobs that are still waiting.

        Raises, after all deletes of the batch have ended: LeaseLost, NotConnected, MissingScope,
        StoreUnavailable, and any EmporixError that is not about a single job.
        """
        batch, others = waiting[:MAX_DELETE_CALLS], waiting[MAX_DELETE_CALLS:]
        await gather_all(*(self._delete(account, job_id) for job_id in batch))
        results = [self._journal.result(job_id) for job_id in batch]
        for result in results:
            is_refusal = result not in ("", DELETED, ALREADY_GONE)
            self._refusals_in_a_row = self._refusals_in_a_row + 1 if is_refusal else 0
        left = [job_id for job_id, result in zip(batch, results, strict=True) if not result]
        return [*others, *left]

    async def _delete(self, account: Account, job_id: str) -> None:
        try:
            await self._deletes.delete(account, job_id, self._tenant)
        except (Forbidden, InvalidRequest, EmporixRefused):
            return  # recorded already; other jobs may succeed
        except InvalidInput as error:  # an id that cannot be part of a path
            await self._journal.record_delete(account.caller, self._tenant, job_id, error.template)


NOT_TRIED = "not_tried"

_TENANT_ERRORS = (EmporixUnreachable, EmporixTimeout, RateLimited, Unauthorized, StoreUnavailable)
"""After one of these errors, the other jobs of the tenant are not tried."""


@dataclass(frozen=True, slots=True)
class DeleteOutcome:
    """A job's outcome: `result` is DELETED, ALREADY_GONE, NOT_TRIED or an error's template."""

    tenant: str
    job_id: str
    result: str


async def delete_each(
    deletes: SharedDeletes, account: Account, jobs: Sequence[tuple[str, str]]
) -> AsyncIterator[DeleteOutcome]:
    """Delete `jobs`, pairs of tenant and id, on the user's own connections.

    Errors become results; none is raised.
    """
    given_up: set[str] = set()
    for tenant, job_id in jobs:
        result = NOT_TRIED
        if tenant not in given_up:
            result, can_continue = await _delete(deletes, account, tenant, job_id)
            given_up |= set() if can_continue else {tenant}
        yield DeleteOutcome(tenant, job_id, result)


async def _delete(
    deletes: SharedDeletes, account: Account, tenant: str, job_id: str
) -> tuple[str, bool]:
    """The result, and whether to try other jobs of the tenant."""
    try:
        deleted = await deletes.delete(account, job_id, tenant)
    except BotError as error:
        return error.template, not isinstance(error, _TENANT_ERRORS)
    return DELETED if deleted.user_id else ALREADY_GONE, True


RECENT_SECONDS = 60.0
"""How long a repeated click gets the recorded delete, without a call to Emporix."""


class SharedDeletes:
    """Deletes jobs shown in messages. Every method may raise StoreUnavailable."""

    def __init__(self, deletes: DeleteService, store: Deletions, clock: Clock) -> None:
        self._deletes, self._store, self._clock = deletes, store, clock

    def admit(self) -> None:
        """Raises DeletesOff if the operator has turned deletes off."""
        self._deletes.admit()

    async def delete(self, account: Account, job_id: str, tenant: str) -> DeletedJob:
        """Delete a job on the caller's own connection.

        If two people delete it, both get the name of the first person. A double click deletes and
        records it once. Raises NotConnected, MissingScope and EmporixError; StoreUnavailable only
        if nothing was deleted.
        """
        caller = account.caller
        async with self._store.lock(caller, f"delete:{tenant}:{job_id}"):
            if recent := await self._recent(account, job_id, tenant):
                return recent
            deletion = await self._deletes.delete(account, job_id, tenant)
            user_id = "" if deletion.already_gone else caller.user_id
            return await self._remember(caller, DeletedJob(tenant, job_id, user_id, self._clock()))

    def lock_message(self, caller: Caller, message: str) -> AbstractAsyncContextManager[bool]:
        """Lock a message, so that concurrent edits do not overwrite each other."""
        return self._store.lock(caller, f"edit:{message}")

    async def deleted_jobs(
        self, caller: Caller, jobs: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], DeletedJob]:
        """The `jobs` (pairs of tenant and id) that were deleted in channels."""
        return await self._store.load(caller, jobs)

    async def _recent(self, account: Account, job_id: str, tenant: str) -> DeletedJob | None:
        """A recent delete of the job; None if the caller may not delete, so they are refused."""
        connection = account.connections.get(tenant)
        if connection is None or not connection.can_delete:
            return None
        known = (await self._store.load(account.caller, [(tenant, job_id)])).get((tenant, job_id))
        return known if known and self._clock() - known.at < RECENT_SECONDS else None

    async def _remember(self, caller: Caller, deleted: DeletedJob) -> DeletedJob:
        """Save the delete; a failure is ignored, because the job is deleted already."""
        try:
            return await self._store.save(caller, deleted)
        except StoreUnavailable:
            return deleted
