"""Deleting a job, recorded before it happens: no job goes without a trace."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from bot.errors import DeletesOff, EmporixError, MissingScope, NotConnected, StoreUnavailable
from bot.models import DELETE_SCOPE, Account, Caller, Connection
from bot.services.accounts import connection
from bot.store.audit import BEGUN

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


class Deletes:
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
            held = may_delete(account, tenant)
        except (DeletesOff, NotConnected, MissingScope) as error:
            await self._audit.record_delete(caller, tenant, job_id, error.template)
            raise
        begun = await self._audit.record_delete(caller, held.tenant, job_id, BEGUN)
        try:
            deleted = await self._emporix.delete_job(held, job_id)
        except EmporixError as error:
            await self._record_end(caller, held.tenant, job_id, error.template, begun)
            raise
        await self._record_end(
            caller, held.tenant, job_id, "deleted" if deleted else "already_gone", begun
        )
        return Deletion(job_id, held.tenant, already_gone=not deleted)

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
    held = connection(account, tenant)
    if not held.can_delete:
        raise MissingScope(held.tenant, DELETE_SCOPE)
    return held
