"""Digests in the store: none is lost, and each runs for the user who started it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from bot.domain.accounts import Account, Caller
from bot.domain.digests import Digest, Schedule
from bot.errors import BotError, InvalidInput, NotConnected, OutdatedButton, StoreUnavailable
from bot.services.digests import lifecycle
from bot.services.digests.digests import Change, DigestService
from bot.store import keys as redis_keys
from bot.store.connection import connect
from bot.store.digests import DigestStore
from bot.store.encryption import Cipher, new_key, parse_keys
from tests.harness.app import patient
from tests.harness.clock import FakeClock
from tests.harness.faulty_redis import faulty_client
from tests.store.fixtures import ADA, CIPHER, GRACE, connection

WANTED = Digest("", ADA, "C0OPS", "Daily", Schedule(540, "UTC", tuple(range(7))), "acme")
DAY = 86400.0
OTHER_CIPHER = Cipher(parse_keys(new_key()))


def account(caller: Caller = ADA, *tenants: str) -> Account:
    return Account(caller, {name: connection(caller, name) for name in tenants or ("acme",)})


def stored(redis: Any, cipher: Cipher = CIPHER) -> DigestStore:
    return DigestStore(redis, cipher)


def service(redis: Any, clock: Callable[[], float]) -> DigestService:
    numbers = count(1)
    return DigestService(stored(redis), clock, lambda: f"digest-{next(numbers)}")


@pytest.fixture
def digests(redis: Any, clock: FakeClock) -> DigestService:
    return service(redis, clock)


async def test_two_users_cannot_choose_one_name(digests: DigestService) -> None:
    """Of two concurrent digests with one name, one is refused; case and quotes do not matter."""
    wanted = [replace(WANTED, name=name) for name in ("Daily", "“daily”")]
    outcomes = await asyncio.gather(
        *(digests.create(account(), one) for one in wanted), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(outcome) for outcome in refused] == [InvalidInput]


async def test_the_limit_of_a_channel_holds_for_concurrent_changes(
    digests: DigestService, redis: Any
) -> None:
    """Of too many concurrent digests the limit is saved, and no other can move in."""
    wanted = [replace(WANTED, name=f"Daily {number}") for number in range(23)]
    outcomes = await asyncio.gather(
        *(digests.create(account(), one) for one in wanted), return_exceptions=True
    )
    assert sum(isinstance(outcome, InvalidInput) for outcome in outcomes) == 3
    elsewhere = await digests.create(account(), replace(WANTED, channel_id="C0GENERAL"))
    with pytest.raises(InvalidInput):
        await digests.change(elsewhere.id, account(), WANTED)
    kept = await stored(redis).of_channel("T0ACME", "C0OPS")
    assert len(kept) == 20
    await digests.change(kept[0].id, account(), replace(WANTED, name=kept[0].name))


async def test_another_workspace_cannot_use_a_digest(digests: DigestService) -> None:
    """Any button that is replayed in another workspace finds no digest."""
    kept = await digests.create(account(), WANTED)
    stranger = account(Caller("T0OTHER", ADA.user_id, ADA.enterprise_id))
    for attempt in (
        digests.get(kept.id, stranger.caller),
        digests.pause(kept.id, stranger.caller),
        digests.delete(kept.id, stranger.caller),
        digests.resume(kept.id, stranger),
        digests.post_now(kept.id, stranger),
        digests.change(kept.id, stranger, WANTED),
    ):
        with pytest.raises(OutdatedButton):
            await attempt
    assert await digests.get(kept.id, ADA) == kept


async def test_a_paused_digest_leaves_the_due_index(digests: DigestService, redis: Any) -> None:
    """After its two notices, no worker claims a paused digest."""
    kept = await digests.create(account(), WANTED)
    await digests.pause(kept.id, ADA)
    assert await redis.zscore(redis_keys.digests_due(), kept.id) is not None
    for _ in range(2):
        await digests.update(kept, lambda one: lifecycle.record_notice(one, one.notices + 1))
    assert await redis.zscore(redis_keys.digests_due(), kept.id) is None


async def test_a_digest_that_moves_leaves_its_old_indexes(
    digests: DigestService, redis: Any
) -> None:
    """A moved digest is not in the indexes of its former channel and owner."""
    kept = await digests.create(account(), WANTED)
    await digests.change(kept.id, account(GRACE), replace(WANTED, channel_id="C0GENERAL"))
    assert await redis.exists(redis_keys.digests_of_channel("T0ACME", "C0OPS")) == 0
    assert await redis.exists(redis_keys.digests_of_owner(ADA)) == 0
    assert await redis.exists(redis_keys.digests_of_channel("T0ACME", "C0GENERAL")) == 1
    assert await redis.exists(redis_keys.digests_of_owner(GRACE)) == 1


async def test_delete_cleans_up_after_a_concurrent_move(digests: DigestService, redis: Any) -> None:
    """Deleting uses the indexes of the current record, not of the one that was read."""
    kept = await digests.create(account(), WANTED)
    moved = replace(WANTED, channel_id="C0GENERAL")
    store = DigestStore(redis, CIPHER)
    await digests.change(kept.id, account(GRACE), moved)
    assert not await store.delete(kept)
    await digests.delete(kept.id, ADA)
    assert await redis.keys("*digest*") == []


async def test_a_missing_due_entry_is_restored(
    digests: DigestService, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The restore is logged; paused digests that have had their notices are not restored."""
    kept = await digests.create(account(), WANTED)
    done = await digests.create(account(), replace(WANTED, name="Done"))
    await digests.pause(done.id, ADA)
    for _ in range(2):
        await digests.update(done, lambda one: lifecycle.record_notice(one, one.notices + 1))
    score = await redis.zscore(redis_keys.digests_due(), kept.id)
    await redis.delete(redis_keys.digests_due())
    for _ in range(2):
        await stored(redis).due.reconcile(0.0)
    assert await redis.zrange(redis_keys.digests_due(), 0, -1, withscores=True) == [
        (kept.id, score)
    ]
    assert caplog.messages == ["1 digests were missing in the due index, and were added"]


async def test_only_redis_says_that_a_digest_is_gone(
    digests: DigestService, redis: Any, clock: FakeClock
) -> None:
    """A digest that cannot be decrypted is due again in an hour; a deleted one is never due."""
    kept = await digests.create(account(), WANTED)
    other = stored(redis, OTHER_CIPHER)
    assert await other.load(kept.id) is None
    assert await other.due.schedule(kept.id, clock() + 3600)
    assert await redis.zscore(redis_keys.digests_due(), kept.id) == clock() + 3600
    await redis.delete(redis_keys.digest(kept.id))
    assert not await stored(redis).due.schedule(kept.id, clock() + 3600)
    assert await redis.zscore(redis_keys.digests_due(), kept.id) is None


Act = Callable[[DigestService, str, Account], Awaitable[Any]]
STARTS: dict[str, Act] = {
    "resume": lambda digests, id_, who: digests.resume(id_, who),
    "post now": lambda digests, id_, who: digests.post_now(id_, who),
    "change": lambda digests, id_, who: digests.change(id_, who, replace(WANTED, name="New")),
}
STOPS: dict[str, Act] = {
    "pause": lambda digests, id_, who: digests.pause(id_, who.caller),
    "delete": lambda digests, id_, who: digests.delete(id_, who.caller),
}
PEOPLE = {
    "owner": account(ADA),
    "member with the tenant": account(GRACE),
    "member without": account(GRACE, "globex"),
    "guest": Account(Caller("T0ACME", "U0GUEST")),
}


@pytest.mark.parametrize("was_paused", [False, True], ids=["running", "paused"])
@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("act", [*STARTS, *STOPS])
async def test_a_digest_runs_for_the_user_who_started_it(
    digests: DigestService, redis: Any, clock: FakeClock, act: str, who: str, was_paused: bool
) -> None:
    """After any action the acting user is the owner, or the digest was not started."""
    kept = await digests.create(account(), WANTED)
    if was_paused:
        await digests.pause(kept.id, ADA)
    before, actor = await stored(redis).load(kept.id), PEOPLE[who]
    try:
        await (STARTS | STOPS)[act](digests, kept.id, actor)
    except NotConnected:
        assert who in ("member without", "guest")
        assert act in STARTS
        assert await stored(redis).load(kept.id) == before
        return
    after = await stored(redis).load(kept.id)
    if act in STARTS:
        assert after is not None
        assert after.owner == actor.caller
    elif after is not None:
        assert after.next_run is None


async def test_disconnecting_pauses_the_digests_of_the_tenant(
    digests: DigestService, redis: Any
) -> None:
    """Digests are paused at once, except those of other tenants and users."""
    mine = await digests.create(account(), WANTED)
    elsewhere = await digests.create(
        account(ADA, "globex"), replace(WANTED, tenant="globex", name="Globex")
    )
    hers = await digests.create(account(GRACE), replace(WANTED, owner=GRACE, name="Hers"))
    assert await digests.pause_disconnected(ADA, "acme") == (mine,)
    loaded = [await stored(redis).load(one.id) for one in (mine, elsewhere, hers)]
    assert [one.paused for one in loaded if one] == ["not_connected", "", ""]


OUTCOMES: list[Callable[[Digest, float], Digest]] = [
    lambda digest, now: (
        lifecycle.record_post(digest, digest.next_run, now) if digest.next_run else digest
    ),
    lambda digest, now: (
        lifecycle.was_quiet(digest, digest.next_run, now) if digest.next_run else digest
    ),
    lambda digest, now: (
        lifecycle.miss_run(digest, digest.next_run, now) if digest.next_run else digest
    ),
    lambda digest, now: (
        lifecycle.record_failure(digest, digest.next_run, now) if digest.next_run else digest
    ),
    lambda digest, now: (
        lifecycle.skip_run(digest, digest.next_run, now) if digest.next_run else digest
    ),
    lambda digest, now: lifecycle.pause(digest, "slack:restricted_action", now),
    lambda digest, _: lifecycle.record_notice(digest, digest.notices + 1),
]
PERSON = st.sampled_from([account(ADA), account(GRACE)])
FAULT = st.tuples(st.integers(1, 6), st.booleans())


class Lost(RuleBasedStateMachine):
    """Users and workers use digests while the connection to Redis breaks at any call."""

    kept = Bundle("kept")

    def __init__(self, redis_url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock, self.names = FakeClock(), count(1)
        self.redis: Any = self.runner.run(self._empty(redis_url))
        self.faulty = faulty_client(self.redis)
        self.digests = service(self.faulty, self.clock)

    async def _empty(self, redis_url: str) -> Any:
        client = connect(patient(redis_url))
        await client.flushall()
        return client

    def teardown(self) -> None:
        self.runner.run(self.redis.aclose())
        self.runner.close()

    def act(self, fault: tuple[int, bool], act: Callable[[], Awaitable[Any]]) -> Any:
        """Run an action; returns its result, None if it failed."""

        async def acting() -> Any:
            with self.faulty.faults.at(fault[0], after=fault[1]):
                return await act()

        try:
            return self.runner.run(acting())
        except (StoreUnavailable, BotError):
            return None

    @rule(target=kept, who=PERSON, fault=FAULT)
    def set_up(self, who: Account, fault: tuple[int, bool]) -> Any:
        wanted = replace(WANTED, name=f"Daily {next(self.names)}")
        made = self.act(fault, lambda: self.digests.create(who, wanted))
        return made.id if made else multiple()

    @rule(digest_id=kept, who=PERSON, fault=FAULT, act=st.sampled_from([*STARTS, *STOPS]))
    def use(self, digest_id: str, who: Account, fault: tuple[int, bool], act: str) -> None:
        self.act(fault, lambda: (STARTS | STOPS)[act](self.digests, digest_id, who))

    @rule(who=PERSON, fault=FAULT)
    def disconnect(self, who: Account, fault: tuple[int, bool]) -> None:
        self.act(fault, lambda: self.digests.pause_disconnected(who.caller, "acme"))

    @rule(
        fault=FAULT,
        seconds=st.floats(0, 2 * DAY),
        outcome=st.sampled_from(OUTCOMES),
        has_key=st.booleans(),
    )
    def work(
        self,
        fault: tuple[int, bool],
        seconds: float,
        outcome: Callable[[Digest, float], Digest],
        has_key: bool,
    ) -> None:
        self.clock.forward(seconds)
        store = stored(self.faulty, CIPHER if has_key else OTHER_CIPHER)
        change: Change = lambda digest: outcome(digest, self.clock())  # noqa: E731

        async def run() -> None:
            for due in await store.claim_due(self.clock(), 10):
                if digest := await store.load(due.digest_id):
                    await self.digests.update(digest, change)
                else:
                    await store.due.schedule(due.digest_id, self.clock() + 3600)

        self.act(fault, run)

    @rule(fault=FAULT)
    def reconcile(self, fault: tuple[int, bool]) -> None:
        self.act(fault, lambda: stored(self.faulty).due.reconcile(self.clock()))

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every digest that is not paused is due, and found by its channel and its owner."""
        self.runner.run(self._check())

    async def _check(self) -> None:
        store = DigestStore(self.redis, CIPHER)
        ids = {key.rpartition(":")[2] for key in await self.redis.keys(redis_keys.digest("*"))}
        due = set(await self.redis.zrange(redis_keys.digests_due(), 0, -1))
        assert due <= ids
        for digest_id in ids:
            digest = await store.load(digest_id)
            assert digest is not None
            assert (digest_id in due) == (digest.due_at is not None)
            assert digest.paused or digest.next_run
        found = await store.of_channel("T0ACME", "C0OPS")
        assert {digest.id for digest in found} == ids
        owned = [*await store.of_owner(ADA), *await store.of_owner(GRACE)]
        assert {digest.id for digest in owned} == ids


@pytest.mark.timeout(170)
def test_no_digest_is_lost_if_redis_fails(redis_url: str) -> None:
    """No sequence of actions loses a digest, wherever the connection breaks."""
    machine: Any = partial(Lost, redis_url)
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=25))
