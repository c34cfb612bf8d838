"""What happens when people, channels and workspaces are gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.services.departures import Departures
from bot.store.accounts import AccountStore
from bot.store.connection import Commands
from bot.store.erasure import Erasure
from bot.store.stopped_teams import StoppedTeams
from bot.store.vault import Vault


def departures(
    redis: Commands,
    keys: Vault,
    stored: AccountStore,
    services: Mapping[str, Any],
    clock: Callable[[], float],
) -> Departures:
    """By the services that the commands use, too."""
    return Departures(
        stored,
        services["digests"],
        services["digest_store"],
        services["alerts"],
        services["alert_store"],
        services["alert_course"],
        services["watching"],
        services["watch_store"],
        StoppedTeams(redis),
        Erasure(redis, keys),
        services["cleanup_store"],
        clock,
    )
