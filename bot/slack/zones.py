"""What time it is for whoever asks: their zone is read only when something depends on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from zoneinfo import ZoneInfo

import aiohttp
from slack_sdk.errors import SlackClientError

from bot.slack.incoming import Incoming
from bot.store.zones import ZoneStore

logger = logging.getLogger(__name__)

SLACK_SECONDS = 2.0  # somebody waits for a list


class CallersClock:
    """The clock of the person behind one request."""

    def __init__(self, kept: ZoneStore, clock: Callable[[], float], incoming: Incoming) -> None:
        self._kept, self._clock, self._incoming = kept, clock, incoming

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    async def zone(self) -> ZoneInfo | None:
        """The zone set in Slack; None where Slack does not say, or not in time.

        Raises StoreUnavailable.
        """
        caller = self._incoming.caller
        if known := _zone(await self._kept.load(caller)):
            return known
        zone = _zone(await self._asked())
        if zone:
            await self._kept.save(caller, zone.key)
        return zone

    async def _asked(self) -> str:
        """Slack: users.info, scope users:read; `tz` is a name of the IANA database."""
        try:
            async with asyncio.timeout(SLACK_SECONDS):
                answer = await self._incoming.client.users_info(user=self._incoming.caller.user_id)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            logger.warning("a user's time zone is not known: %s", type(error).__name__)
            return ""
        return str(answer["user"].get("tz") or "")


def _zone(name: str) -> ZoneInfo | None:
    """None for the name of no zone, among them the folders of the database."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        logger.warning("%r is no time zone here", name[:50])
        return None
