"""Claims take time in proportion to the due names, and no name gets lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.agents import AgentPause
from bot.store import keys as redis_keys
from bot.store.due_index import PolledConnections, ScheduledRecords, agent_pause_store
from tests.store.fixtures import ADA, CIPHER, GRACE

ADAS, GRACES = PolledConnection(ADA, "acme"), PolledConnection(GRACE, "globex")
DUE, STRIKES, OF = "test:{scheduled}:due", "test:{scheduled}:strikes", "test:{scheduled}:of:"
SET = "local function due_at() return redis.call('SCARD', KEYS[2]) > 0 and ARGV[2] end"


async def _names(keys: list[str]) -> Iterable[str]:
    return [key.removeprefix(OF) for key in keys]


def _key(name: str) -> str:
    return OF + name


@pytest.fixture
async def sources(redis: Any) -> PolledConnections:
    """Ada and Grace each have a connection that is polled."""
    for source in (ADAS, GRACES):
        await redis.sadd(OF + source.name, "one")
    followed = ScheduledRecords("connections with tests", f"{OF}*", _names, _key, SET)
    return PolledConnections(redis, DUE, STRIKES, followed)


async def test_a_due_name_is_claimed_by_one_worker(sources: PolledConnections) -> None:
    """A claimed connection is due again after 60 seconds, and for no other worker before."""
    await sources.schedule(ADAS, 10.0)
    await sources.schedule(GRACES, 20.0)
    assert await sources.claim_due(9.0, 100) == []
    assert await sources.claim_due(15.0, 100) == [ADAS]
    assert await sources.claim_due(15.0, 100) == []
    assert await sources.claim_due(75.0, 100) == [GRACES, ADAS]


async def test_claims_a_limited_number(sources: PolledConnections) -> None:
    """A limited number of due connections is claimed, earliest first."""
    await sources.schedule(ADAS, 10.0)
    await sources.schedule(GRACES, 5.0)
    assert await sources.claim_due(15.0, 1) == [GRACES]


async def test_an_unreadable_member_does_not_delay_others(
    sources: PolledConnections, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An unreadable entry is logged and removed, and the other due ones are returned."""
    await redis.zadd("test:{scheduled}:due", {"junk": 1.0})
    await sources.schedule(ADAS, 10.0)
    assert await sources.claim_due(15.0, 100) == [ADAS]
    assert "1 unreadable entries removed" in caplog.text
    assert await redis.zrange("test:{scheduled}:due", 0, -1) == [ADAS.name]


async def test_soon_is_never_later(sources: PolledConnections) -> None:
    """Requesting a poll never postpones an earlier one."""
    await sources.schedule(ADAS, 10.0)
    await sources.poll_by(ADAS, 30.0)
    assert await sources.claim_due(10.0, 1) == [ADAS]
    await sources.poll_by(ADAS, 20.0)
    assert await sources.claim_due(20.0, 1) == [ADAS]


async def test_forgets_where_nothing_is_followed(sources: PolledConnections, redis: Any) -> None:
    """Entry and failures of a connection are removed once Redis has no records for it."""
    await sources.schedule(ADAS, 10.0)
    await sources.count_failure(ADAS)
    await redis.delete(OF + ADAS.name, OF + GRACES.name)
    await sources.schedule(ADAS, 20.0)
    assert await redis.keys("test:*") == []


async def test_keeps_connections_with_records(sources: PolledConnections, redis: Any) -> None:
    """An entry stays while Redis has records for the connection, readable or not."""
    await redis.sadd(OF + ADAS.name, "unreadable")
    await sources.schedule(ADAS, 10.0)
    await redis.srem(OF + ADAS.name, "one")
    await sources.schedule(ADAS, 20.0)
    assert await redis.zscore(DUE, ADAS.name) == 20.0


async def test_counts_strikes_in_a_row(sources: PolledConnections) -> None:
    """A successful poll resets the count of failures."""
    await sources.schedule(ADAS, 10.0)
    assert [await sources.count_failure(ADAS), await sources.count_failure(ADAS)] == [1, 2]
    await sources.clear_failures(ADAS)
    assert await sources.count_failure(ADAS) == 1


async def test_counts_no_failures_of_removed_connections(
    sources: PolledConnections, redis: Any
) -> None:
    """A failure recorded after the last alert was turned off leaves nothing in Redis."""
    assert await sources.count_failure(ADAS) == 0
    assert await redis.hlen(STRIKES) == 0


async def test_an_unreadable_entry_does_not_block_others(
    sources: PolledConnections, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An unreadable entry is logged without its text, and the others are claimed."""
    await redis.zadd(DUE, {"no source": 1.0, ADAS.name: 2.0, GRACES.name: 3.0})
    assert await sources.claim_due(10.0, 100) == [ADAS, GRACES]
    assert "1 unreadable entries removed" in caplog.text
    assert "no source" not in caplog.text
    assert await redis.zscore(DUE, "no source") is None


async def test_adds_missing_names(
    sources: PolledConnections, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Names that have records but are missing in the index become due; others are unchanged."""
    many = [PolledConnection(Caller("T0ACME", f"U{number}"), "acme") for number in range(1200)]
    for source in many:
        await redis.sadd(OF + source.name, "one")
    await sources.schedule(GRACES, 900.0)
    assert await sources.due.reconcile(100.0) == 1201
    assert await redis.zscore(DUE, ADAS.name) == 100.0
    assert await redis.zscore(DUE, GRACES.name) == 900.0
    assert await redis.zcard(DUE) == 1202
    assert "1201 connections with tests were missing in the due index" in caplog.text
    caplog.clear()
    assert await sources.due.reconcile(200.0) == 0
    assert caplog.text == ""


async def test_a_connection_removed_during_the_scan_is_not_added(redis: Any) -> None:
    """A connection whose last record was removed after the scan is not restored."""

    async def seen(keys: list[str]) -> Iterable[str]:
        return [ADAS.name, GRACES.name] if keys else []

    await redis.sadd(OF + GRACES.name, "one")
    followed = ScheduledRecords("connections with tests", f"{OF}*", seen, _key, SET)
    assert await PolledConnections(redis, DUE, STRIKES, followed).due.reconcile(100.0) == 1
    assert await redis.zrange(DUE, 0, -1) == [GRACES.name]


PAUSE = AgentPause(
    "T0ACME-0", ADA, "acme", "a1", "Help", 100.0, 900.0, "Wrong prices", 140.0, 100.0
)


async def test_records_with_a_due_time(redis: Any) -> None:
    """A record is claimed when it is due, and is then due as it says, until it is never due."""
    pauses = agent_pause_store(redis, CIPHER)
    assert await pauses.update(PAUSE.id, 100.0, lambda _: PAUSE) == PAUSE
    assert await pauses.load_all([PAUSE.id, "T0ACME-1"]) == [PAUSE, None]
    assert await pauses.due.claim(139.0, 9) == []
    assert await pauses.due.claim(140.0, 9) == [PAUSE.id]
    await pauses.settle(PAUSE.id)
    assert await pauses.due.claim(141.0, 9) == [PAUSE.id]
    ended = replace(PAUSE, state="ended")
    assert await pauses.update(PAUSE.id, 150.0, lambda _: ended) == ended
    assert await pauses.due.claim(10_000.0, 9) == []
    assert await pauses.delete_if(PAUSE.id, lambda one: one.is_active) == ended
    assert await pauses.delete_if(PAUSE.id, lambda one: not one.is_active) is None
    assert await pauses.load(PAUSE.id) is None


async def test_a_record_that_changes_meanwhile(redis: Any) -> None:
    """A change is made to the record as it is, even if another change comes first."""
    pauses = agent_pause_store(redis, CIPHER)
    await pauses.update(PAUSE.id, 100.0, lambda _: PAUSE)

    def adding(letter: str) -> Callable[[AgentPause | None], AgentPause | None]:
        return lambda one: one and replace(one, reason=one.reason + letter)

    await asyncio.gather(*(pauses.update(PAUSE.id, 100.0, adding(one)) for one in "abcde"))
    found = await pauses.load(PAUSE.id)
    assert found
    assert sorted(found.reason.removeprefix(PAUSE.reason)) == list("abcde")


async def test_missing_records_are_due_as_they_say(redis: Any) -> None:
    """A record that is missing in the index is due at its own time, and an ended one never."""
    pauses = agent_pause_store(redis, CIPHER)
    ended = replace(PAUSE, id="T0ACME-1", state="ended")
    for one in (PAUSE, ended):
        await pauses.update(one.id, 100.0, lambda _, one=one: one)  # type: ignore[misc]
    await redis.delete(redis_keys.agent_pauses_due())
    assert await pauses.due.reconcile(1.0) == 1
    assert await redis.zscore(redis_keys.agent_pauses_due(), PAUSE.id) == 140.0


plain = st.text(st.characters(categories=["Lu", "Nd"]), max_size=12)


@given(plain, plain, plain, st.text(max_size=20))
def test_names_read_back(team: str, user: str, enterprise: str, tenant: str) -> None:
    """Any connection's name can be parsed."""
    source = PolledConnection(Caller(team, user, enterprise), tenant)
    assert PolledConnection.parse(source.name) == source
