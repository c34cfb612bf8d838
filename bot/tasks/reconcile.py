"""What must be done again and again is found in the records, where an index has lost it."""

from __future__ import annotations

from bot.clockwork.calls import every
from bot.services.cleans.running import CleanRuns


@every(600.0)
async def clean_ups(clean_runs: CleanRuns) -> None:
    await clean_runs.reconcile()
