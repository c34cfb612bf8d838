"""The limits of digests, alerts, requested posts and clean-ups hold for concurrent requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from bot.domain.accounts import Account, Caller
from bot.domain.alerts import Alert
from bot.domain.cleanups import Cleanup
from bot.domain.digests import Digest, Schedule
from bot.domain.filters import Filters
from bot.errors import BotError, LimitReached
from bot.services.digests import lifecycle as digest_lifecycle
from bot.services.digests.digests import DigestService
from bot.store import keys as redis_keys
from bot.store.cleanups import CleanupStore
from bot.store.digests import DigestStore
from tests.harness.clock import FakeClock
from tests.harness.polling import CIPHER, PollingHarness
from tests.harness.redis_clock import clocked
from tests.store.fixtures import ADA, GRACE, connection

WANTED = Digest("", ADA, "C0OPS", "Daily", Schedule(540, "UTC", tuple(range(7))), "acme")
LIMITS = {"digests": (20, 50, 1_000), "alerts": (10, 50, 1_000)}
"""Limits per channel, per user and per workspace."""


def person(number: int) -> Caller:
    return Caller("T0ACME", f"U{number:04}")


def account(caller: Caller) -> Account:
    return Account(caller, {"acme": connection(caller)}, "acme")


@dataclass
class Kind:
    """Digests or alerts: how to add, take over and pause one, and where they are indexed."""

    what: str
    add: Callable[[Caller, str], Awaitable[Any]]
    resume: Callable[[Caller, Any], Awaitable[Any]]
    pause: Callable[[Any], Awaitable[Any]]
    indexes: Callable[[str, Caller], tuple[str, str, str]]
    record: Callable[[str], str]

    async def fill(self, number: int, owners: Iterable[Caller], in_each: int) -> list[Any]:
        """Add `number` records, each owner's in channels of their own."""
        mine = (owner for owner in owners for _ in range(in_each))
        places = ((next(mine), f"C{at // LIMITS[self.what][0]:04}X") for at in range(number))
        return [await self.add(owner, channel) for owner, channel in places]


def digests(redis: Any, clock: FakeClock) -> Kind:
    numbers = count(1)
    service = DigestService(DigestStore(redis, CIPHER), clock, lambda: f"digest-{next(numbers)}")
    names = count(1)

    async def add(owner: Caller, channel_id: str) -> Digest:
        wanted = replace(WANTED, channel_id=channel_id, name=f"Daily {next(names)}")
        return await service.create(account(owner), wanted)

    async def pause(digest: Digest) -> None:
        paused = lambda one: digest_lifecycle.pause(one, "connection", clock())  # noqa: E731
        assert await service.update(digest, paused)

    return Kind(
        "digests",
        add,
        lambda owner, digest: service.resume(digest.id, account(owner)),
        pause,
        lambda channel, owner: (
            redis_keys.digests_of_channel(owner.team_id, channel),
            redis_keys.digests_of_owner(owner),
            redis_keys.digests_of_team(owner.team_id),
        ),
        redis_keys.digest,
    )


def alerts(redis: Any, clock: FakeClock) -> Kind:
    harness, numbers = PollingHarness(redis, clock), count(1)

    async def add(owner: Caller, channel_id: str) -> Alert:
        filters = Filters(agents=(f"agent-{next(numbers)}",))
        alert: Alert = (await harness.alerts.turn_on(account(owner), channel_id, filters)).alert
        return alert

    return Kind(
        "alerts",
        add,
        lambda owner, alert: harness.alerts.resume(account(owner), alert.channel_id, alert.id),
        lambda alert: harness.lifecycle.pause(alert.id, "unauthorized"),
        lambda channel, owner: (
            redis_keys.alerts_of_channel(owner.team_id, channel),
            redis_keys.alerts_of_owner(owner),
            redis_keys.alerts_of_team(owner.team_id),
        ),
        redis_keys.alert,
    )


@pytest.fixture(params=[digests, alerts])
def kind(request: pytest.FixtureRequest, redis: Any, clock: FakeClock) -> Kind:
    made: Kind = request.param(redis, clock)
    return made


async def at_once(asked: Iterable[Awaitable[Any]]) -> list[LimitReached]:
    """Run calls concurrently; returns the refusals."""
    done = await asyncio.gather(*asked, return_exceptions=True)
    refused = [one for one in done if isinstance(one, BaseException)]
    assert all(isinstance(one, LimitReached) for one in refused)
    return [one for one in refused if isinstance(one, LimitReached)]


async def test_a_channel_has_20_digests_and_10_alerts(kind: Kind) -> None:
    """Of three concurrent additions to a channel with one free place, one succeeds."""
    most = LIMITS[kind.what][0]
    for number in range(most - 1):
        await kind.add(person(number), "C0OPS")
    refused = await at_once(kind.add(person(number), "C0OPS") for number in (90, 91, 92))
    assert [one.problem for one in refused] == [
        f"This channel has {most} {kind.what}, which is the limit"
    ] * 2
    assert f"/emporix {kind.what.rstrip('s') if most == 20 else kind.what} list" in str(
        refused[0].advice
    )


async def test_a_person_owns_50_digests_and_50_alerts(kind: Kind) -> None:
    """Of three concurrent additions by a user who owns 49, one succeeds; other users are not
    affected.
    """
    await kind.fill(49, [ADA], 49)
    refused = await at_once(kind.add(ADA, f"C{number}NEW") for number in range(3))
    assert [one.problem for one in refused] == [
        f"You own 50 {kind.what}, which is the limit for one person"
    ] * 2
    assert "Home tab shows yours" in refused[0].advice
    await kind.add(GRACE, "C0OTHER")


async def test_taking_over_counts_for_the_new_owner(kind: Kind) -> None:
    """A user who owns 50 can resume their own work but not take over other users' work."""
    mine = await kind.fill(50, [GRACE], 50)
    adas = await kind.add(ADA, "C0ADA")
    await kind.pause(adas)
    await kind.pause(mine[0])
    with pytest.raises(LimitReached, match="You own 50"):
        await kind.resume(GRACE, adas)
    await kind.resume(GRACE, mine[0])
    await kind.pause(mine[1])
    await kind.resume(person(7), mine[1])
    await kind.resume(GRACE, adas)
    with pytest.raises(LimitReached):
        await kind.add(GRACE, "C0MORE")


async def test_a_workspace_has_1000_digests_and_1000_alerts(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    """Of three concurrent additions to 999, one succeeds and the refusals are logged; others keep
    running.
    """
    there = await kind.fill(999, map(person, count()), 50)
    refused = await at_once(kind.add(person(500), f"C{number}NEW") for number in range(3))
    assert [one.problem for one in refused] == [
        f"This workspace has 1,000 {kind.what}, which is the limit"
    ] * 2
    assert caplog.messages.count(f"workspace T0ACME has 1000 {kind.what}, the limit") == 2
    await kind.pause(there[0])
    await kind.resume(person(501), there[0])
    elsewhere = Caller("T0OTHER", "U0EVE")
    await kind.add(elsewhere, "C0EVE")


@pytest.mark.parametrize("scope", [0, 1])
async def test_records_that_cannot_be_decrypted_do_not_count(
    kind: Kind, redis: Any, scope: int
) -> None:
    """Records that no user can delete do not count; all others do."""
    most = LIMITS[kind.what][scope]
    index = kind.indexes("C0000X", ADA)[scope]
    for number in range(3):
        name = f"lost-{number}"
        await redis.hset(kind.record(name), mapping={"version": 1, "record": "1.dead.x"})
        if scope == 0:
            await redis.hset(index, name, "x")
        else:
            await redis.sadd(index, name)
    await kind.fill(most, [ADA], most)
    with pytest.raises(LimitReached):
        await kind.add(ADA, "C0000X")


async def test_a_digest_is_posted_on_request_10_times_an_hour(redis: Any, clock: FakeClock) -> None:
    """Of 13 concurrent requests 10 succeed; an hour after the first, another one does."""
    service = DigestService(DigestStore(clocked(redis, clock), CIPHER), clock, lambda: "digest-1")
    digest = await service.create(account(ADA), WANTED)
    for _ in range(8):
        await service.post_now(digest.id, account(ADA))
    clock.forward(1800)
    refused = await at_once(service.post_now(digest.id, account(who)) for who in [ADA, GRACE] * 2)
    assert [(one.problem, one.advice) for one in refused] == [
        (
            "This digest was posted on request 10 times within an hour, which is the limit",
            "You can post it again in 30 minutes.",
        )
    ] * 2
    clock.forward(1801)
    await service.post_now(digest.id, account(ADA))
    await service.delete(digest.id, ADA)
    assert await redis.keys("*:digests:*") == []


async def test_a_person_starts_5_clean_ups_a_day(redis: Any, clock: FakeClock) -> None:
    """Of seven concurrent clean-ups 5 start; repeating a start does not count."""
    kept = CleanupStore(clocked(redis, clock), CIPHER)

    def clean(number: int, caller: Caller = ADA) -> Cleanup:
        return Cleanup(f"clean-{number}", caller, f"tenant-{number}", Filters(), 3, "2026")

    refused = await at_once(kept.start(clean(number), clock()) for number in range(7))
    assert [(one.problem, one.advice) for one in refused] == [
        (
            "You started 5 clean-ups within 24 hours, which is the limit",
            "You can start the next one in 24 hours.",
        )
    ] * 2
    assert len(await kept.running(100)) == 5
    assert await kept.start((await kept.running(1))[0], clock())
    assert await kept.start(clean(8, GRACE), clock())
    clock.forward(24 * 60 * 60 + 1)
    assert await kept.start(clean(9), clock())


def test_a_limit_does_not_pause_scheduled_work() -> None:
    """Reaching a limit does not pause scheduled work."""
    error: BotError = LimitReached("digests", "person", 50)
    assert error.pauses == ""
