"""Turning alerts on, resuming, muting and turning them off, also concurrently."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.accounts import Account, PolledConnection
from bot.domain.alerts import Alert
from bot.domain.filters import Filters
from bot.errors import Busy, InvalidInput, NotConnected, StoreUnavailable
from bot.services.alerts.alerts import mute_seconds
from bot.store import keys as redis_keys
from bot.store.alerts import AlertStore
from tests.harness.clock import FakeClock
from tests.harness.polling import CIPHER, PollingHarness
from tests.store.fixtures import ADA, GRACE

OPS = "C0OPS"
ADAS = PolledConnection(ADA, "acme")


@pytest.fixture
def harness(redis: Any, clock: FakeClock) -> PollingHarness:
    return PollingHarness(redis, clock)


async def turn_on(harness: PollingHarness, **filters: Any) -> Alert:
    turned_on = await harness.alerts.turn_on(await harness.account(), OPS, Filters(**filters))
    return turned_on.alert  # type: ignore[no-any-return]


async def due(harness: PollingHarness, source: PolledConnection = ADAS) -> float | None:
    at: float | None = await harness.redis.zscore(redis_keys.alerts_due(), source.name)
    return at


async def test_a_new_alert_is_due_within_a_minute(harness: PollingHarness) -> None:
    """The record and its entry in the due index are written together."""
    await turn_on(harness)
    assert await due(harness) == harness.clock() + 50


@pytest.mark.parametrize("call", range(1, 8))
@pytest.mark.parametrize("after", [True, False])
async def test_repeating_a_failed_request_schedules(
    harness: PollingHarness, call: int, after: bool
) -> None:
    """Whether or not the first request took effect, the alert is due after the second one."""
    with harness.client.faults.at(call, after=after), suppress(StoreUnavailable):
        await turn_on(harness)
    await turn_on(harness)
    assert len(await harness.alert_store.of_channel(ADA.team_id, OPS)) == 1
    assert await due(harness) is not None


async def test_an_alert_that_is_on_already_is_scheduled(harness: PollingHarness) -> None:
    """Turning it on again restores a lost entry in the due index."""
    await turn_on(harness)
    await harness.redis.delete(redis_keys.alerts_due())
    turned_on = await harness.alerts.turn_on(await harness.account(), OPS, Filters())
    assert turned_on.outcome == "already"
    assert await due(harness) == harness.clock() + 50


async def test_a_resumed_alert_is_due_within_a_minute(harness: PollingHarness) -> None:
    """A resumed alert runs on the connection of the user who resumed it, without old refusals."""
    alert = await turn_on(harness)
    await harness.lifecycle.pause(alert.id, "unauthorized")
    await harness.poller.poll(ADAS)
    await harness.redis.hset(redis_keys.alerts_failures(), PolledConnection(GRACE, "acme").name, 2)
    resumed = await harness.alerts.resume(await harness.account(GRACE), OPS, alert.id)
    assert (resumed.outcome, resumed.previous_owner) == ("resumed", ADA)
    assert (resumed.alert.owner, resumed.alert.paused, resumed.alert.notices) == (GRACE, "", 0)
    assert await due(harness, PolledConnection(GRACE, "acme")) == harness.clock() + 50
    assert await harness.redis.hlen(redis_keys.alerts_failures()) == 0


async def test_resuming_needs_a_connection(harness: PollingHarness) -> None:
    """Scheduled work never runs on another user's API key."""
    alert = await turn_on(harness)
    await harness.lifecycle.pause(alert.id, "unauthorized")
    with pytest.raises(NotConnected):
        await harness.alerts.resume(Account(GRACE), OPS, alert.id)
    paused = await harness.alert_store.load(alert.id)
    assert (paused.owner, paused.paused) == (ADA, "unauthorized")


async def test_an_alert_is_resumed_in_its_own_channel(harness: PollingHarness) -> None:
    """A button replayed in another channel does not turn anything on there."""
    alert = await turn_on(harness)
    await harness.lifecycle.pause(alert.id, "unauthorized")
    assert await harness.alerts.resume(await harness.account(), "C0GENERAL", alert.id) is None
    assert (await harness.alert_store.load(alert.id)).paused == "unauthorized"


async def test_the_first_of_two_users_becomes_the_owner(harness: PollingHarness) -> None:
    """The second user reads that the alert is on already."""
    alert = await turn_on(harness)
    await harness.lifecycle.pause(alert.id, "unauthorized")
    accounts = [await harness.account(person) for person in (ADA, GRACE)]
    harness.emporix.meet = asyncio.Barrier(2)  # both have read that it is paused
    both = await asyncio.gather(
        *(harness.alerts.resume(account, OPS, alert.id) for account in accounts)
    )
    assert sorted(one.outcome for one in both) == ["already", "resumed"]
    assert len({one.alert.owner for one in both}) == 1


async def test_a_channel_has_ten_alerts(harness: PollingHarness) -> None:
    """The limit holds for concurrent requests; alerts that cannot be decrypted do not count."""
    for number in range(3):
        name = f"lost-{number}"
        await harness.redis.hset(
            redis_keys.alert(name), mapping={"version": 1, "record": "1.dead.x"}
        )
        await harness.redis.hset(redis_keys.alerts_of_channel("T0ACME", OPS), name, "")
    numbers = range(15)
    done = await asyncio.gather(
        *(turn_on(harness, agents=(f"agent-{number}",)) for number in numbers),
        return_exceptions=True,
    )
    assert sum(isinstance(one, InvalidInput) for one in done) == 5
    assert len(await harness.alert_store.of_channel(ADA.team_id, OPS)) == 10


class Undecided(AlertStore):
    """A store in which another change always comes first."""

    async def save(self, *args: Any, **more: Any) -> Alert | None:
        return None

    async def delete(self, alert: Alert) -> bool:
        return False


async def test_changes_that_lose_every_race_are_refused(harness: PollingHarness) -> None:
    """The user is asked to try again, and does not read that it was done."""
    alert = await turn_on(harness)
    harness.lifecycle._store = Undecided(harness.redis, CIPHER)
    with pytest.raises(Busy):
        await harness.alerts.mute(ADA, OPS, harness.clock() + 60)
    with pytest.raises(Busy):
        await harness.alerts.turn_off(ADA, OPS)
    assert await harness.alert_store.load(alert.id)


class Vanishing(AlertStore):
    """A store in which an alert is turned off just before it is read."""

    gone = ""

    async def load(self, alert_id: str) -> Alert | None:
        found = await super().load(alert_id)
        if found and alert_id == self.gone:
            await self.delete(found)
            return None
        return found


@pytest.mark.parametrize("verb", ["mute", "turn_off"])
async def test_an_alert_turned_off_by_another_user_is_left_out(
    harness: PollingHarness, verb: str
) -> None:
    """Only the remaining alerts are muted or turned off, and reported."""
    first, second = await turn_on(harness), await turn_on(harness, statuses=("skipped",))
    harness.lifecycle._store = store = Vanishing(harness.redis, CIPHER)
    store.gone = first.id
    until = (harness.clock() + 60,) if verb == "mute" else ()
    changed = await getattr(harness.alerts, verb)(ADA, OPS, *until)
    assert [alert.id for alert in changed] == [second.id]


async def test_turning_the_last_one_off_leaves_nothing(harness: PollingHarness) -> None:
    """With the last alert of a connection, its index entry and refusals are deleted."""
    for filters in ({}, {"statuses": ("skipped",)}):
        await turn_on(harness, **filters)
    await harness.redis.hset(redis_keys.alerts_failures(), ADAS.name, 2)
    first, *_ = await harness.alert_store.of_channel(ADA.team_id, OPS)
    await harness.alerts.turn_off(ADA, OPS, first.id)
    assert await due(harness) is not None
    await harness.alerts.turn_off(ADA, OPS)
    assert await harness.redis.keys("*") == []


async def test_turning_off_after_a_change_of_owner_leaves_nothing(harness: PollingHarness) -> None:
    """Turning off an alert also cleans the indexes of its new owner."""
    alert = await turn_on(harness)
    store = AlertStore(harness.redis, CIPHER)
    moved = await store.save(replace(alert, owner=GRACE), alert)
    assert moved
    assert await store.delete(alert) is False
    await harness.alerts.turn_off(ADA, OPS)
    await harness.poller.poll(ADAS)
    assert await harness.redis.keys("*") == []


async def test_pausing_keeps_the_first_reason(harness: PollingHarness) -> None:
    """A second pause keeps the reason and time of the first, and starts no new notices."""
    alert = await turn_on(harness)
    await harness.lifecycle.pause(alert.id, "unauthorized")
    at = harness.clock()
    await harness.lifecycle.record_notice(await harness.alert_store.load(alert.id))
    harness.clock.forward(60)
    await harness.lifecycle.pause(alert.id, "owner_gone")
    paused = await harness.alert_store.load(alert.id)
    assert (paused.paused, paused.paused_at, paused.notices) == ("unauthorized", at, 1)


async def test_a_paused_alert_is_due_at_once(harness: PollingHarness) -> None:
    """Any worker can then post the reason, whichever process paused it."""
    alert = await turn_on(harness)
    await harness.lifecycle.pause(alert.id, "unauthorized")
    assert await due(harness) == harness.clock()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 7_200), ("2h", 7_200), (" 30M ", 1_800), ("1d", 86_400), ("4w", 28 * 86_400)],
)
def test_reads_durations(text: str, seconds: float) -> None:
    """Durations are written as for since:, and default to two hours."""
    assert mute_seconds(text) == seconds


@pytest.mark.parametrize("text", ["0m", "31d", "monday", "2026-11-01", "for ever", "-2h", "2"])
def test_refuses_an_invalid_duration(text: str) -> None:
    """A weekday or "forever" is refused as a duration to mute for."""
    with pytest.raises(InvalidInput) as error:
        mute_seconds(text)
    assert "30m" in error.value.advice
