"""Deletes of a clean-up, a few at a time, each recorded by `bot.services.deletes`."""

from __future__ import annotations

from collections.abc import Sequence

from bot.emporix.client import EmporixClient
from bot.errors import Forbidden, InvalidInput, InvalidRequest
from bot.models import Account
from bot.services.concurrency import gather_all
from bot.services.deletes import Deletes
from bot.store.clean_results import ALREADY_GONE, DELETED, CleanRecord
from bot.store.cleans import Clean

AT_ONCE = 5
"""Calls to Emporix at the same time: a clean-up shares its limits with everybody else."""

HOPELESS = 20
REFUSED = "refused"
"""Why a clean-up ends after so many refusals in a row."""


class Rounds:
    """One round after the other, by the holder of the lease."""

    def __init__(self, clean: Clean, record: CleanRecord, emporix: EmporixClient) -> None:
        self._clean, self._record = clean, record
        self._deletes = Deletes(emporix, record)
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
