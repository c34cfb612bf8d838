"""Deletes jobs: one, several, or by a button in a channel."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from bot.domain.accounts import DELETE_SCOPE, Account, Caller, Connection
from bot.domain.audit import BEGUN
from bot.domain.jobs import DeletedJob
from bot.errors import (
    BotError,
    DeletesOff,
    EmporixError,
    EmporixTimeout,
    EmporixUnreachable,
    MissingScope,
    NotConnected,
    RateLimited,
    StoreUnavailable,
    Unauthorized,
)
from bot.services.accounts import require_connection
from bot.store.idempotency import Deletions

logger = logging.getLogger(__name__)


class Emporix(Protocol):
    """The call that deletes need."""

    async def delete_job(self, connection: Connection, job_id: str) -> bool: ...


class Audit(Protocol):
    """Where deletes are recorded: the audit log, or the results of a clean-up."""

    async def record_delete(
        self, caller: Caller, tenant: str, job_id: str, result: str, replaces: str = ""
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Deletion:
    """`already_gone`: the job was not there any more when we came to delete it."""

    job_id: str
    tenant: str
    already_gone: bool


class DeleteService:
    """Deletes jobs of a user's tenants; `allowed` is the operator's word."""

    def __init__(self, emporix: Emporix, audit: Audit, *, allowed: bool = True) -> None:
        self._emporix, self._audit, self._allowed = emporix, audit, allowed

    def admit(self) -> None:
        """Raises DeletesOff where nobody may delete."""
        if not self._allowed:
            raise DeletesOff("deletes")

    async def delete(self, account: Account, job_id: str, tenant: str) -> Deletion:
        """Delete a job and record it, refusals too.

        Raises DeletesOff, NotConnected, MissingScope and what Emporix raises; StoreUnavailable only
        where nothing was deleted.
        """
        caller = account.caller
        try:
            self.admit()
            connection = may_delete(account, tenant)
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
            caller, connection.tenant, job_id, "deleted" if deleted else "already_gone", begun
        )
        return Deletion(job_id, connection.tenant, already_gone=not deleted)

    async def _record_end(
        self, caller: Caller, tenant: str, job_id: str, result: str, begun: str
    ) -> None:
        """In the place of the beginning, which stays where this cannot be written."""
        try:
            await self._audit.record_delete(caller, tenant, job_id, result, begun)
        except StoreUnavailable:
            logger.error("the end of a delete is not recorded: %s %r: %s", tenant, job_id, result)


def may_delete(account: Account, tenant: str) -> Connection:
    """The connection to delete by; raises NotConnected and MissingScope."""
    connection = require_connection(account, tenant)
    if not connection.can_delete:
        raise MissingScope(connection.tenant, DELETE_SCOPE)
    return connection


NOT_TRIED = "not_tried"

_WOULD_MEET_ALL = (EmporixUnreachable, EmporixTimeout, RateLimited, Unauthorized, StoreUnavailable)
"""After one of these, the others of its tenant are left alone."""


class DeletesJobs(Protocol):
    """Deletes a job, and remembers who did."""

    async def delete(self, account: Account, job_id: str, tenant: str) -> DeletedJob: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """`result` is deleted, already_gone, an error's name, or NOT_TRIED."""

    tenant: str
    job_id: str
    result: str


async def delete_each(
    deletes: DeletesJobs, account: Account, jobs: Sequence[tuple[str, str]]
) -> AsyncIterator[Outcome]:
    """Delete `jobs`, each a tenant and an id, on the user's own connections; no error ends it."""
    given_up: set[str] = set()
    for tenant, job_id in jobs:
        result = NOT_TRIED
        if tenant not in given_up:
            result, goes_on = await _delete(deletes, account, tenant, job_id)
            given_up |= set() if goes_on else {tenant}
        yield Outcome(tenant, job_id, result)


async def _delete(
    deletes: DeletesJobs, account: Account, tenant: str, job_id: str
) -> tuple[str, bool]:
    """The result, and whether it is worth while to go on."""
    try:
        deleted = await deletes.delete(account, job_id, tenant)
    except BotError as error:
        return error.template, not isinstance(error, _WOULD_MEET_ALL)
    return "deleted" if deleted.user_id else "already_gone", True


RECENT_SECONDS = 60.0
"""For this long, another click reports the delete that is remembered, and asks Emporix nothing."""


class SharedDeletes:
    """Deletes jobs that messages show. Every method raises StoreUnavailable."""

    def __init__(self, deletes: DeleteService, kept: Deletions, clock: Callable[[], float]) -> None:
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
        async with self._kept.lock(caller, f"delete:{tenant}:{job_id}"):
            if recent := await self._recent(account, job_id, tenant):
                return recent
            deletion = await self._deletes.delete(account, job_id, tenant)
            user_id = "" if deletion.already_gone else caller.user_id
            return await self._kept_if_possible(
                caller, DeletedJob(tenant, job_id, user_id, self._clock())
            )

    def editing(self, caller: Caller, message: str) -> AbstractAsyncContextManager[bool]:
        """One at a time changes a message, so that nobody undoes what another has changed."""
        return self._kept.lock(caller, f"edit:{message}")

    async def known(
        self, caller: Caller, jobs: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], DeletedJob]:
        """Which of these jobs (tenant and id) were deleted in channels."""
        return await self._kept.load(caller, jobs)

    async def _recent(self, account: Account, job_id: str, tenant: str) -> DeletedJob | None:
        """The delete of a moment ago; None for who may not delete: their refusal is recorded."""
        connection = account.connections.get(tenant)
        if connection is None or not connection.can_delete:
            return None
        known = (await self._kept.load(account.caller, [(tenant, job_id)])).get((tenant, job_id))
        return known if known and self._clock() - known.at < RECENT_SECONDS else None

    async def _kept_if_possible(self, caller: Caller, deleted: DeletedJob) -> DeletedJob:
        """The job is deleted, whatever becomes of the memory of it."""
        try:
            return await self._kept.save(caller, deleted)
        except StoreUnavailable:
            return deleted
