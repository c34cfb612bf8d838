"""What Home tabs show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.services.homes.figures import AsksFigures
from bot.services.homes.overview import Overviews
from bot.services.naming import NamedJobs
from bot.store.connection import Commands
from bot.store.homes import HomeStore
from bot.store.vault import Vault


def overviews(
    redis: Commands,
    keys: Vault,
    emporix: NamedJobs,
    services: Mapping[str, Any],
    clock: Callable[[], float],
) -> Overviews:
    """By the services that the commands use, too."""
    return Overviews(
        services["account_store"],
        HomeStore(redis, keys),
        AsksFigures(emporix, clock),
        digests=services["digest_store"],
        alerts=services["alerts"],
        watches=services["watch_store"],
        audit=services["audit"],
        clock=clock,
    )
