"""Claims decide who may post a message, who must search first, and who must wait."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.domain.filters import Filters
from bot.domain.jobs import DeletedJob
from bot.domain.lists import ListCursor
from bot.errors import StoreUnavailable
from bot.store import keys as redis_keys
from bot.store.accounts import AccountStore
from bot.store.idempotency import (
    DELETION_TTL_SECONDS,
    DELIVERY_TTL_SECONDS,
    Claim,
    Deletions,
    Deliveries,
    IdempotencyClaims,
)
from bot.store.locks import Locks
from bot.store.rate_limits import MessageRateLimiter
from bot.store.ui_state import ListStore
from tests.harness.clock import FakeClock
from tests.harness.faulty_redis import faulty_client
from tests.harness.redis_clock import clocked
from tests.harness.silent_server import silent_server
from tests.store.fixtures import ADA, GRACE, connection

TWO_DAYS = 2 * 24 * 60 * 60
PLACE = ("T", "C1")


@pytest.fixture
def posts(redis: Any, clock: FakeClock) -> IdempotencyClaims:
    return IdempotencyClaims(clocked(redis, clock))


async def step(posts: IdempotencyClaims, name: str, token: str, *, looked: bool = False) -> str:
    return (await posts.claim(name, token, history_searched=looked)).step


async def test_one_may_post_and_others_wait(posts: IdempotencyClaims, clock: FakeClock) -> None:
    """One worker may post a message, and after it is sent no one may."""
    assert await step(posts, "a", "ada") == "post"
    clock.forward(5)
    busy = await posts.claim("a", "grace")
    assert busy.step == "busy"
    assert busy.seconds == pytest.approx(15, abs=0.001)
    assert await step(posts, "b", "grace") == "post"
    assert await posts.find_sent("a") is None
    await posts.mark_sent("a", "1.5")
    assert await posts.claim("a", "grace") == await posts.find_sent("a") == Claim("sent", "1.5")


async def test_an_expired_claim_requires_a_search(
    posts: IdempotencyClaims, clock: FakeClock
) -> None:
    """After 20 seconds, one other worker takes over the claim, and must search first."""
    await posts.claim("a", "ada")
    clock.forward(19.9)
    assert await step(posts, "a", "grace") == "busy"
    clock.forward(0.1)
    assert await step(posts, "a", "grace") == "unknown"
    clock.forward(1)
    assert await step(posts, "a", "ada") == "busy"


async def test_a_holder_that_was_suspended_has_lost_its_claim(
    posts: IdempotencyClaims, clock: FakeClock
) -> None:
    """A holder whose claim was taken over may not post, nor end the new claim."""
    await posts.claim("a", "ada")
    clock.forward(25)
    assert await step(posts, "a", "grace") == "unknown"
    for end in (posts.release, posts.mark_unknown, posts.give_up):
        await end("a", "ada")
        assert await step(posts, "a", "ada", looked=True) == "busy"
    assert await step(posts, "a", "grace", looked=True) == "post"


async def test_an_unsuccessful_search_leads_to_a_new_claim(
    posts: IdempotencyClaims, clock: FakeClock
) -> None:
    """After a search without a result, a worker posts under a new claim of 20 seconds."""
    await posts.claim("a", "ada")
    await posts.mark_unknown("a", "ada")
    assert await step(posts, "a", "grace") == "unknown"
    clock.forward(21)
    assert await step(posts, "a", "grace", looked=True) == "post"
    clock.forward(19.9)
    assert await step(posts, "a", "ada") == "busy"


async def test_a_doubt_is_looked_into_at_once(posts: IdempotencyClaims) -> None:
    """After an unknown outcome, the next worker searches at once."""
    await posts.claim("a", "ada")
    await posts.mark_unknown("a", "ada")
    assert await posts.find_sent("a") is None
    assert await step(posts, "a", "grace") == "unknown"


async def test_a_repeated_claim_does_not_post_twice(posts: IdempotencyClaims) -> None:
    """A claim that redis-py repeats after a lost reply doesn't lead to a second message."""
    await posts.claim("a", "ada")
    await posts.mark_unknown("a", "ada")
    assert [await step(posts, "a", "grace") for _ in range(2)] == ["unknown", "unknown"]
    assert [await step(posts, "b", "grace") for _ in range(2)] == ["post", "unknown"]


async def test_a_refused_message_starts_from_the_beginning(posts: IdempotencyClaims) -> None:
    """A released claim can be taken at once, without a search."""
    await posts.claim("a", "ada")
    await posts.release("a", "ada")
    assert await step(posts, "a", "grace") == "post"


async def test_an_unknown_outcome_is_not_posted_again(posts: IdempotencyClaims) -> None:
    """A message that was given up counts as sent, without a timestamp."""
    await posts.claim("a", "ada")
    await posts.give_up("a", "ada")
    assert await posts.claim("a", "grace") == Claim("sent", "")


async def test_every_state_is_forgotten_after_two_days(
    posts: IdempotencyClaims, redis: Any
) -> None:
    """Claims expire in every state."""
    key = redis_keys.message("a")
    await posts.claim("a", "ada")
    ttls = [await redis.ttl(key)]
    await posts.mark_unknown("a", "ada")
    ttls.append(await redis.ttl(key))
    await posts.mark_sent("a", "1.5")
    ttls.append(await redis.ttl(key))
    assert ttls == [pytest.approx(TWO_DAYS, abs=5)] * 3


async def test_the_claim_to_post_keeps_the_pace_of_the_channel(
    posts: IdempotencyClaims, redis: Any, clock: FakeClock
) -> None:
    """A holder that was suspended past its time slot waits again, and claims nothing."""
    assert (await posts.claim("a", "ada", PLACE)).step == "post"
    assert 3500 < await redis.ttl(redis_keys.rate_limit("T", "C1")) <= 3600
    clock.forward(0.5)
    claim = await posts.claim("b", "grace", PLACE)
    assert claim.step == "wait"
    assert claim.seconds == pytest.approx(0.55, abs=0.002)
    assert (await posts.claim("c", "grace", ("T", "C2"))).step == "post"
    assert await posts.find_sent("b") is None
    clock.forward(0.55)
    assert (await posts.claim("b", "ada", PLACE)).step == "post"


async def test_a_search_does_not_wait_for_the_pace(
    posts: IdempotencyClaims, clock: FakeClock
) -> None:
    """A search needs no time slot, and keeps the claim."""
    await posts.claim("a", "ada", PLACE)
    await posts.mark_unknown("a", "ada")
    assert (await posts.claim("a", "grace", PLACE)).step == "unknown"
    assert (await posts.claim("a", "grace", PLACE, history_searched=True)).step == "wait"
    assert (await posts.claim("a", "ada", PLACE)).step == "busy"


async def test_no_claim_to_post_within_a_pause_of_slacks(
    posts: IdempotencyClaims, redis: Any, clock: FakeClock
) -> None:
    """A pause stops all messages to the workspace, but none to other workspaces."""
    await MessageRateLimiter(clocked(redis, clock), 60).pause("T", "C1", 30)
    for channel in ("C1", "C2"):
        claim = await posts.claim("a", "ada", ("T", channel))
        assert claim.step == "wait"
        assert claim.seconds == pytest.approx(30, abs=0.001)
    assert (await posts.claim("a", "ada", ("T2", "C1"))).step == "post"
    clock.forward(30)
    assert (await posts.claim("b", "ada", ("T", "C2"))).step == "post"


async def test_a_new_delivery_returns_the_account(accounts: AccountStore, redis: Any) -> None:
    """A new delivery returns the user's connections."""
    await accounts.save(connection(), default=True)
    arrival = await Deliveries(redis, accounts).claim_delivery(ADA, "delivery-1", "request-1")
    assert arrival is not None
    assert list(arrival.account.connections) == ["acme"]
    assert arrival.cursor is None


async def test_a_delivery_returns_the_cursor_of_the_button(
    accounts: AccountStore, redis: Any, clock: FakeClock
) -> None:
    """A delivery returns the list of a clicked button, to its owner only."""
    cursor = ListCursor("cursor-1", ADA, "acme", Filters())
    await ListStore(redis, clock).save(cursor)
    arrivals = Deliveries(redis, accounts)
    found = [
        await arrivals.claim_delivery(caller, "delivery-1", "request-1", "cursor-1")
        for caller in (ADA, GRACE)
    ]
    assert [arrival and arrival.cursor for arrival in found] == [cursor, None]


async def test_a_delivery_returns_the_shared_cursor_of_another_user(
    accounts: AccountStore, redis: Any, clock: FakeClock
) -> None:
    """The button of a shared list returns its owner's list, and everything else of the caller."""
    await accounts.save(connection(caller=GRACE), default=True)
    await redis.set(redis_keys.time_zone(ADA), "Asia/Tokyo")
    cursor = ListCursor("cursor-1", ADA, "acme", Filters(), shared=True)
    await ListStore(redis, clock).save(cursor)
    arrivals = Deliveries(redis, accounts)
    found = await arrivals.claim_delivery(GRACE, "1", "request-1", "cursor-1", ADA.user_id)
    assert found is not None
    assert found.cursor == cursor
    assert (found.account.caller, list(found.account.connections)) == (GRACE, ["acme"])
    assert found.account.time_zone == ""
    assert await arrivals.claim_delivery(ADA, "1", "request-2") is not None


async def test_a_delivery_survives_a_restart_of_redis(accounts: AccountStore, redis: Any) -> None:
    """A server that doesn't know the script, as after a restart or a failover, gets it."""
    arrivals = Deliveries(redis, accounts)
    for number in "12":
        await redis.script_flush()
        assert await arrivals.claim_delivery(ADA, number, "request-1") is not None
        assert await arrivals.claim_delivery(ADA, number, "request-2") is None


async def test_gives_up_after_a_second(accounts: AccountStore, tmp_path: Path) -> None:
    """The timeout covers the whole exchange, including Sentinel lookups."""
    async with silent_server(tmp_path) as url:
        patient = Redis.from_url(url, socket_timeout=30)
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await Deliveries(patient, accounts).claim_delivery(ADA, "delivery-1", "request-1")
        assert 0.5 < time.monotonic() - begun < 3
        await patient.aclose()


async def test_refuses_a_repeated_delivery(accounts: AccountStore, redis: Any) -> None:
    """A repeated delivery is rejected."""
    arrivals = Deliveries(redis, accounts)
    assert await arrivals.claim_delivery(ADA, "delivery-1", "request-1") is not None
    assert await arrivals.claim_delivery(ADA, "delivery-1", "request-2") is None
    assert await arrivals.claim_delivery(ADA, "delivery-2", "request-3") is not None
    assert await arrivals.claim_delivery(GRACE, "delivery-1", "request-4") is not None


@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_reply_is_not_a_repeated_delivery(
    accounts: AccountStore, redis: Any, after: bool
) -> None:
    """If a reply from Redis was lost, the repeated call still counts as new."""
    broken = faulty_client(redis)
    arrivals = Deliveries(broken, accounts)
    await arrivals.claim_delivery(ADA, "", "")  # the script is known to the server from now on
    with broken.faults.at(1, after=after), pytest.raises(StoreUnavailable):
        await arrivals.claim_delivery(ADA, "delivery-1", "request-1")
    assert await arrivals.claim_delivery(ADA, "delivery-1", "request-1") is not None
    assert await arrivals.claim_delivery(ADA, "delivery-1", "request-2") is None


async def test_a_delivery_without_an_id_is_always_new(accounts: AccountStore, redis: Any) -> None:
    """Requests without a delivery id are always new."""
    arrivals = Deliveries(redis, accounts)
    assert await arrivals.claim_delivery(ADA, "", "request-1") is not None
    assert await arrivals.claim_delivery(ADA, "", "request-1") is not None


async def test_forgets_deliveries(accounts: AccountStore, redis: Any) -> None:
    """The record of a delivery expires."""
    await Deliveries(redis, accounts).claim_delivery(ADA, "delivery-1", "request-1")
    assert 0 < await redis.ttl(redis_keys.delivery(ADA, "delivery-1")) <= DELIVERY_TTL_SECONDS


async def test_needs_one_round_trip(accounts: AccountStore, redis: Any) -> None:
    """A delivery takes one round trip."""
    arrivals = Deliveries(redis, accounts)
    await arrivals.claim_delivery(ADA, "", "")  # the script is known to the server from now on
    before = (await redis.info("stats"))["total_reads_processed"]
    await arrivals.claim_delivery(ADA, "delivery-1", "request-1", "cursor-1")
    after = (await redis.info("stats"))["total_reads_processed"]
    assert after - before == 2  # the pipeline, and the second INFO


BY_ADA = DeletedJob("acme", "job-1", ADA.user_id, 1.0)
GONE = DeletedJob("acme", "job-1", "", 2.0)


@pytest.fixture
def deletions(redis: Any) -> Deletions:
    return Deletions(redis)


async def test_the_first_user_who_deleted_counts(deletions: Deletions) -> None:
    """A later deletion returns the user who deleted first."""
    assert await deletions.save(ADA, BY_ADA) == BY_ADA
    assert await deletions.save(GRACE, GONE) == BY_ADA


async def test_an_already_gone_job_is_recorded(deletions: Deletions) -> None:
    """A job that was already gone is recorded without a user."""
    assert await deletions.save(GRACE, GONE) == GONE


async def test_knows_the_deleted_among_many(deletions: Deletions, redis: Any) -> None:
    """Only deleted jobs are returned, and only for a day."""
    await deletions.save(ADA, BY_ADA)
    found = await deletions.load(GRACE, [("acme", "job-1"), ("acme", "job-2")])
    assert found == {("acme", "job-1"): BY_ADA}
    assert await deletions.load(GRACE, []) == {}
    assert 0 < await redis.ttl(redis_keys.deletion(ADA, "acme", "job-1")) <= DELETION_TTL_SECONDS


async def test_the_lock_is_exclusive(deletions: Deletions, redis: Any) -> None:
    """The lock is exclusive in a workspace, and a killed process delays others for 3 s at most."""
    async with deletions.lock(ADA, "delete") as first:
        assert first
        assert 0 < await redis.pttl(redis_keys.workspace_lock(GRACE, "delete")) <= 3000
        assert (
            await Locks(redis).acquire(redis_keys.workspace_lock(GRACE, "delete"), "grace", 1) != ""
        )
    async with deletions.lock(GRACE, "delete") as second:
        assert second


async def test_happens_once(deletions: Deletions, redis: Any) -> None:
    """The second caller gets `busy`, and then `done` for a day."""
    async with deletions.once(ADA, "share") as first, deletions.once(GRACE, "share") as second:
        assert (first, second) == ("new", "busy")
    async with deletions.once(ADA, "share") as third:
        assert third == "done"
    assert 20 < await redis.ttl(redis_keys.once(ADA, "share")) <= DELETION_TTL_SECONDS


async def test_a_failed_action_can_be_repeated(deletions: Deletions) -> None:
    """After a failure, the next caller may try."""
    with pytest.raises(RuntimeError):
        async with deletions.once(ADA, "share"):
            raise RuntimeError
    async with deletions.once(ADA, "share") as again:
        assert again == "new"


async def test_a_killed_process_blocks_it_for_seconds(deletions: Deletions, redis: Any) -> None:
    """The claim of a killed process expires within 20 s, and another click can succeed."""
    async with deletions.once(ADA, "share"):
        assert 0 < await redis.ttl(redis_keys.once(ADA, "share")) <= 20


async def test_a_completed_action_counts_without_redis(
    redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """If completion can't be recorded, a warning is logged and the share still counts."""
    broken = faulty_client(redis)
    async with Deletions(broken).once(ADA, "other"):
        pass  # the scripts are known to the server from now on
    with broken.faults.at(2, after=False):
        async with Deletions(broken).once(ADA, "share") as step:
            assert step == "new"
    assert "could not record that a one-time action is done" in caplog.text
