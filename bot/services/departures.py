"""Pauses or deletes the scheduled work of users, channels and workspaces that are gone."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.accounts import OWNER_GONE, Caller
from bot.domain.alerts import Alert
from bot.domain.digests import Digest
from bot.domain.times import Clock
from bot.services.alerts.alerts import AlertService
from bot.services.alerts.lifecycle import AlertLifecycle
from bot.services.digests import lifecycle
from bot.services.digests.digests import DigestService
from bot.services.watches import WatchService
from bot.store.accounts import AccountStore, StoppedTeams
from bot.store.alerts import AlertStore
from bot.store.cleanups import CleanupStore
from bot.store.digests import DigestStore
from bot.store.erasure import Erasure, ErasureSubject
from bot.store.watches import WatchStore

logger = logging.getLogger(__name__)

MAX_CLEANUPS_SEARCHED = 10_000
"""Maximum number of running clean-ups to search for those of a person who has left."""

ABANDONED_TTL_SECONDS = 30 * 24 * 60 * 60.0
"""How long the digests and alerts of a person who left wait for a new owner."""


ARCHIVED, REMOVED = "archived", "removed"
"""Reasons why the app cannot post in a channel; owners are notified when Slack sends the event."""


@dataclass(frozen=True, slots=True)
class AffectedWork:
    """The digests and alerts of one owner that were paused or deleted."""

    owner: Caller
    digests: tuple[Digest, ...]
    alerts: tuple[Alert, ...]


class Departures:
    """Handles departures of users, channels and workspaces.

    Every method raises StoreUnavailable if Redis does not answer.
    """

    def __init__(
        self,
        accounts: AccountStore,
        digests: DigestService,
        digest_store: DigestStore,
        alerts: AlertService,
        alert_store: AlertStore,
        alert_lifecycle: AlertLifecycle,
        watches: WatchService,
        watch_store: WatchStore,
        stopped: StoppedTeams,
        erasure: Erasure,
        cleans: CleanupStore,
        clock: Clock,
    ) -> None:
        self._accounts, self._watches, self._watch_store = accounts, watches, watch_store
        self._digests, self._digest_store = digests, digest_store
        self._alerts, self._alert_store = alerts, alert_store
        self._alert_lifecycle = alert_lifecycle
        self._stopped, self._erasure, self._clock = stopped, erasure, clock
        self._cleans = cleans

    async def uninstall(self, team_id: str) -> None:
        """Stop all scheduled work; the workspace's data is deleted after a day."""
        await self._stopped.mark_uninstalled(team_id, self._clock())
        logger.warning("the app was uninstalled from %s: its data will be deleted in 24 h", team_id)

    async def revoke(self, team_id: str) -> None:
        """Stop all scheduled work until the app works again; nothing is deleted."""
        await self._stopped.mark_revoked(team_id)
        logger.error("the bot token of %s was revoked: nothing is posted until it works", team_id)

    async def update_stopped_teams(self, installed_in: str) -> None:
        """Resume the workspaces in which the app works; delete the data of others when it is due.

        The app has one token. If it works, it is not revoked for any workspace.
        """
        for team_id, at in (await self._stopped.load_all()).items():
            if team_id == installed_in or (installed_in and at == math.inf):
                await self._stopped.resume(team_id)
            elif at <= self._clock():
                await self._erasure.erase(ErasureSubject(team_id))
                await self._stopped.resume(team_id)
                logger.warning("the data of workspace %s was deleted", team_id)

    async def is_any_stopped(self) -> bool:
        """Whether a workspace has uninstalled the app or revoked its token."""
        return bool(await self._stopped.load_all())

    async def remove_user(self, caller: Caller) -> int:
        """Delete a person's API keys; their digests and alerts wait for a new owner.

        Digests and alerts that were already paused are included, so that their channels get a
        notice. After an error, call this again to finish. Returns the number of connections and
        digests found.
        """
        for cleanup in await self._cleans.running(MAX_CLEANUPS_SEARCHED):
            if cleanup.caller == caller:
                await self._cleans.request_stop(cleanup.id, OWNER_GONE)
        tenants = await self._accounts.tenants(caller)
        for tenant in tenants:
            await self._accounts.delete(caller, tenant, "")
        for tenant in {
            *tenants,
            *(watch.tenant for watch in await self._watch_store.of_owner(caller)),
        }:
            await self._watches.end_all(caller, tenant)
        for alert in await self._alert_store.of_owner(caller):
            await self._abandon_alert(alert.id, caller)
        existing = await self._digest_store.of_owner(caller)
        digests = [digest for digest in existing if digest.paused != OWNER_GONE]
        for digest in digests:
            await self._abandon_digest(digest)
        logger.info("a user has left: %d connections were deleted", len(tenants))
        return len(tenants) + len(digests)

    async def pause_channel(
        self, caller: Caller, channel_id: str, reason: str
    ) -> Sequence[AffectedWork]:
        """Pause a channel's digests and alerts; returns those that were running, by owner.

        `caller` names the workspace.
        """
        digests = await self._digest_store.of_channel(caller.team_id, channel_id)
        alerts = await self._alert_store.of_channel(caller.team_id, channel_id)
        running_digests = [digest for digest in digests if not digest.paused]
        running_alerts = [alert for alert in alerts if not alert.paused]
        now = self._clock()
        for digest in running_digests:
            await self._digests.update(digest, lambda one: lifecycle.pause(one, reason, now))
        for alert in running_alerts:
            await self._alert_lifecycle.pause(alert.id, reason)
        return _by_owner(running_digests, running_alerts)

    async def delete_channel(self, caller: Caller, channel_id: str) -> Sequence[AffectedWork]:
        """Delete a channel's digests and alerts; returns them by owner.

        `caller` names the workspace.
        """
        digests = await self._digest_store.of_channel(caller.team_id, channel_id)
        for digest in digests:
            await self._digests.delete(digest.id, caller)
        alerts = await self._alerts.turn_off(caller, channel_id)
        return _by_owner(digests, alerts)

    async def delete_abandoned(self) -> None:
        """Delete digests and alerts that were not taken over within 30 days of the departure."""
        if count := await self._erasure.erase_abandoned(self._clock() - ABANDONED_TTL_SECONDS):
            logger.info("%d digests and alerts of people who left were deleted", count)

    async def _abandon_alert(self, alert_id: str, owner: Caller) -> None:
        now = self._clock()

        def abandoned(one: Alert) -> Alert:
            if one.owner != owner or one.paused == OWNER_GONE:  # taken over, or already waiting
                return one
            return replace(one, paused=OWNER_GONE, paused_at=now, notices=0)

        await self._alert_lifecycle.update(alert_id, abandoned, poll_at=now)

    async def _abandon_digest(self, digest: Digest) -> None:
        now = self._clock()

        def abandoned(one: Digest) -> Digest:
            if one.owner != digest.owner or one.paused == OWNER_GONE:
                return one
            return lifecycle.pause(replace(one, paused=""), OWNER_GONE, now)

        await self._digests.update(digest, abandoned)


def _by_owner(digests: Sequence[Digest], alerts: Sequence[Alert]) -> list[AffectedWork]:
    owners = dict.fromkeys([*(one.owner for one in digests), *(one.owner for one in alerts)])
    return [
        AffectedWork(
            owner,
            tuple(digest for digest in digests if digest.owner == owner),
            tuple(alert for alert in alerts if alert.owner == owner),
        )
        for owner in owners
    ]
