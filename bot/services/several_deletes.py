"""Deleting one job after the other, and telling of each how it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.errors import (
    BotError,
    EmporixTimeout,
    EmporixUnreachable,
    RateLimited,
    StoreUnavailable,
    Unauthorized,
)
from bot.models import Account
from bot.store.deletions import DeletedJob

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
