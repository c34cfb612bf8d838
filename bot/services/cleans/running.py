"""Clean-ups that are under way: some worker has each in hand, and another can go on with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from cachetools import TTLCache

from bot.emporix.client import EmporixClient
from bot.errors import StoreUnavailable
from bot.services.cleans.needs import Owner
from bot.services.cleans.turn import Turn
from bot.store.accounts import AccountStore
from bot.store.audit import AuditLog
from bot.store.clean_results import CleanResults
from bot.store.cleans import CleanStore, LeaseLost
from bot.store.due_index import CLAIM_SECONDS

logger = logging.getLogger(__name__)

TAKEN_SECONDS = 2.0
"""After so long somebody looks whether another worker still has it in hand."""

MOST_LEFT, LOG_SECONDS = 1_000, 60.0
"""Clean-ups of a newer version, each of which is logged once in so many seconds."""


class CleanRuns:
    """Carries clean-ups out; `allowed` is the operator's word. Methods raise StoreUnavailable."""

    def __init__(
        self,
        emporix: EmporixClient,
        accounts: AccountStore,
        kept: CleanStore,
        results: CleanResults,
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
        if not await self._kept.claim(clean_id, holder):
            return TAKEN_SECONDS
        try:
            return await self._turn(clean_id, holder, owner)
        except LeaseLost:
            return TAKEN_SECONDS
        finally:
            with suppress(StoreUnavailable):  # it ends by itself
                await self._kept.release(clean_id, holder)

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
        turn = Turn(
            clean,
            holder,
            await self._results.open(clean_id, holder),
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
        if await self._kept.due.schedule(clean_id, self._clock() + CLAIM_SECONDS):
            logger.warning("a clean-up waits for a worker that can open it: %s", clean_id)
        else:
            logger.info("a clean-up is over: %s", clean_id)
