"""Clean-ups that are under way: some worker has each in hand, and another can go on with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from bot.errors import StoreUnavailable
from bot.services.cleans.needs import Accounts, Audit, Emporix, Show
from bot.services.cleans.turn import Turn
from bot.store.clean_results import CleanResults
from bot.store.cleans import CleanStore, LeaseLost

logger = logging.getLogger(__name__)

TAKEN_SECONDS = 2.0
"""After so long somebody looks whether another worker still has it in hand."""


class CleanRuns:
    """Carries clean-ups out. Both methods raise StoreUnavailable."""

    def __init__(
        self,
        emporix: Emporix,
        accounts: Accounts,
        kept: CleanStore,
        results: CleanResults,
        audit: Audit,
        *,
        clock: Callable[[], float],
        new_owner: Callable[[], str],
    ) -> None:
        self._emporix, self._accounts, self._kept = emporix, accounts, kept
        self._results, self._audit = results, audit
        self._clock, self._new_owner = clock, new_owner

    async def claim_due(self) -> list[str]:
        """Ids of those that have to be run."""
        return await self._kept.claim_due(self._clock())

    async def run(self, clean_id: str, show: Show) -> float | None:
        """Work on one for a while, and let its owner see how it goes by `show`.

        Gives the seconds after which to go on with it, None where it has come to its end. Raises
        what `show` raises.
        """
        owner = self._new_owner()
        if not await self._kept.claim(clean_id, owner):
            return TAKEN_SECONDS
        try:
            return await self._turn(clean_id, owner, show)
        except LeaseLost:
            return TAKEN_SECONDS
        finally:
            with suppress(StoreUnavailable):  # it ends by itself
                await self._kept.release(clean_id, owner)

    async def _turn(self, clean_id: str, owner: str, show: Show) -> float | None:
        clean = await self._kept.load(clean_id)
        if clean is None:
            await self._kept.finish(clean_id, None)
            return None
        if clean.filters.unknown:
            # Without the filter that it does not know, this process would delete other jobs, too.
            logger.warning("clean-up %s is left to a worker of the version that began it", clean_id)
            return TAKEN_SECONDS
        turn = Turn(
            clean,
            owner,
            await self._results.open(clean_id, owner),
            emporix=self._emporix,
            accounts=self._accounts,
            kept=self._kept,
            audit=self._audit,
            clock=self._clock,
            show=show,
        )
        return await turn.take()
