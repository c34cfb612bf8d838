"""Workspaces without the app: when their data is deleted."""

from __future__ import annotations

import math
from typing import Any

from bot.store.accounts import StoppedTeams


async def test_a_repeated_uninstall_postpones_nothing(redis: Any) -> None:
    """The data is deleted a day after the first report."""
    stopped = StoppedTeams(redis)
    await stopped.mark_uninstalled("T0ACME", 1000.0)
    await stopped.mark_uninstalled("T0ACME", 5000.0)
    assert await stopped.load_all() == {"T0ACME": 1000.0 + 86_400}


async def test_a_revoked_token_deletes_nothing(redis: Any) -> None:
    """A revoked token deletes nothing unless the app is uninstalled, in any order of events."""
    stopped = StoppedTeams(redis)
    await stopped.mark_revoked("T0ACME")
    assert await stopped.load_all() == {"T0ACME": math.inf}
    await stopped.mark_uninstalled("T0ACME", 1000.0)
    await stopped.mark_revoked("T0ACME")
    assert await stopped.load_all() == {"T0ACME": 1000.0 + 86_400}
