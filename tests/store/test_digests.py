"""Digests in Redis, and the index of what is due."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import Any

import pytest

from bot.domain.digests import DayTotals, Digest, Schedule, ScheduledRun
from bot.domain.filters import Filters
from bot.store import keys as redis_keys
from bot.store.digests import DAILY_COUNTS_TTL_SECONDS, DailyCounts, DigestStore
from bot.store.due_index import DUE_CLAIM_SECONDS
from bot.store.encryption import Cipher, new_key, parse_keys
from tests.store.fixtures import ADA, CIPHER, GRACE

DIGEST = Digest(
    id="1",
    owner=ADA,
    channel_id="C0OPS",
    name="Morning",
    schedule=Schedule(540, "Europe/Berlin", (0, 4)),
    tenant="acme",
    query="failed “late refund”",
    filters=Filters(statuses=("failure",), words=("late refund",), tenant="acme"),
    scheduled_run=ScheduledRun("2026-11-24", 1000.0),
    skipped=("2026-11-23",),
    created_at=5.0,
)


async def claimed(store: DigestStore, now: float, most: int = 10) -> list[str]:
    """The ids of due digests."""
    return [due.digest_id for due in await store.claim_due(now, most)]


async def test_loads_the_saved_digest(redis: Any) -> None:
    """A digest is loaded with all fields and the number of its version."""
    store = DigestStore(redis, CIPHER)
    saved = await store.save(DIGEST)
    assert saved == replace(DIGEST, version=1)
    assert await store.load("1") == saved
    assert await store.load("2") is None


async def test_a_digest_of_an_older_version_has_a_chart(redis: Any) -> None:
    """A digest stored by an older version has a chart."""
    store, key = DigestStore(redis, CIPHER), redis_keys.digest("1")
    await store.save(replace(DIGEST, chart=False))
    place = f"{key}/record"
    record = json.loads(CIPHER.decrypt(await redis.hget(key, "record"), place))
    assert record.pop("chart") is False
    await redis.hset(key, "record", CIPHER.encrypt(json.dumps(record), place))
    loaded = await store.load("1")
    assert loaded is not None
    assert loaded.chart


async def test_a_change_does_not_undo_another(redis: Any) -> None:
    """A save after another user's change is refused, and does not restore a deleted digest."""
    store = DigestStore(redis, CIPHER)
    first = await store.save(DIGEST)
    assert first is not None
    second = await store.save(replace(first, name="Evening"), first)
    assert await store.save(replace(first, name="Noon"), first) is None
    assert await store.load("1") == second
    assert second is not None
    assert not await store.delete(first)
    assert await store.delete(second)
    assert await store.save(replace(first, name="Noon"), second) is None
    assert await store.load("1") is None


async def test_is_found_by_channel_and_by_owner(redis: Any) -> None:
    """A channel's digests are listed oldest first, and only in their current channel."""
    store = DigestStore(redis, CIPHER)
    await store.save(replace(DIGEST, id="2", name="Evening", created_at=9.0))
    first = await store.save(DIGEST)
    assert first is not None
    assert [one.id for one in await store.of_channel("T0ACME", "C0OPS")] == ["1", "2"]
    await store.save(replace(first, channel_id="C0OTHER", owner=GRACE), first)
    assert [one.id for one in await store.of_channel("T0ACME", "C0OPS")] == ["2"]
    assert [one.id for one in await store.of_owner(ADA)] == ["2"]
    assert [one.id for one in await store.of_owner(GRACE)] == ["1"]


async def test_a_due_digest_is_claimed_once(redis: Any) -> None:
    """A claimed digest is due again after a minute if no worker has saved its next run."""
    store = DigestStore(redis, CIPHER)
    saved = await store.save(DIGEST)
    assert saved is not None
    assert await claimed(store, 999.0) == []
    assert await claimed(store, 1000.0) == ["1"]
    assert await claimed(store, 1001.0) == []
    assert await claimed(store, 1000.0 + DUE_CLAIM_SECONDS) == ["1"]
    await store.save(replace(saved, scheduled_run=ScheduledRun("2026-11-27", 9000.0)), saved)
    assert await claimed(store, 8000.0) == []


async def test_a_requested_run_is_due_first(redis: Any) -> None:
    """A requested run is due first, even while the digest is paused."""
    store = DigestStore(redis, CIPHER)
    await store.save(replace(DIGEST, requested_at=500.0))
    other = replace(DIGEST, id="2", name="Evening")
    await store.save(replace(other, scheduled_run=None, paused="by_hand"))
    assert await claimed(store, 600.0) == ["1"]
    assert await claimed(store, 10**9, 1) == ["1"]
    assert await claimed(store, 10**9) == []


async def test_claims_come_in_batches(redis: Any) -> None:
    """A claim returns a limited number of digests."""
    store = DigestStore(redis, CIPHER)
    for number in range(5):
        await store.save(replace(DIGEST, id=str(number), name=f"Morning {number}"))
    batches = [await claimed(store, 1000.0, 2) for _ in range(4)]
    assert [len(batch) for batch in batches] == [2, 2, 1, 0]
    assert sorted(one for batch in batches for one in batch) == ["0", "1", "2", "3", "4"]


async def test_claiming_does_not_slow_down_with_the_number_of_digests(redis: Any) -> None:
    """Claiming a hundred of 50,000 digests takes about as long as a hundred of 200."""
    store = DigestStore(redis, CIPHER)

    async def seconds(others: int) -> float:
        await redis.flushall()
        due = {f"due-{number}": 1.0 for number in range(100)}
        later = {f"later-{number}": 10.0**9 + number for number in range(others)}
        await redis.zadd("emporix-jobs:{scheduled}:due:digests", due | later)
        await store.claim_due(0.5, 10)
        looks = []
        for number in range(20):
            begun = time.perf_counter()
            await store.claim_due(1.0 + number * 100, 100)
            looks.append(time.perf_counter() - begun)
        return min(looks)

    assert await seconds(50_000) < 5 * await seconds(100)


async def test_ignores_forged_records(redis: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Forged, moved or copied records are logged and ignored."""
    store = DigestStore(redis, CIPHER)
    first = await store.save(DIGEST)
    second = await store.save(replace(DIGEST, id="2", owner=GRACE, channel_id="C0HERS"))
    assert first
    assert second
    places = [redis_keys.digest("1"), redis_keys.digest("2")]
    encrypted = [await redis.hget(key, "record") for key in places]
    clear = json.dumps(asdict(replace(first, channel_id="C0EVE")))
    for forged in ([clear, "{}"], ["1.", "1.deadbeef.é"], reversed(encrypted)):
        for key, record in zip(places, forged, strict=True):
            await redis.hset(key, "record", record)
        assert await store.load("1") is None
        assert await store.of_channel("T0ACME", "C0OPS") == ()
        assert await store.of_owner(GRACE) == ()
        assert "could not read a stored digest" in caplog.text
        caplog.clear()
    await redis.hset(places[0], "record", encrypted[0])
    assert await store.load("1") == first


async def test_ignores_index_entries_that_do_not_match(redis: Any) -> None:
    """An index entry whose record does not match is ignored."""
    store = DigestStore(redis, CIPHER)
    await store.save(DIGEST)
    await redis.sadd(redis_keys.digests_of_owner(GRACE), "1")
    await redis.hset(redis_keys.digests_of_channel("T0ACME", "C0EVE"), "1", "name")
    assert await store.of_owner(GRACE) == ()
    assert await store.of_channel("T0ACME", "C0EVE") == ()


SOURCE = ":T0ACME:U0ADA:acme"
DAYS = {"2026-11-22": DayTotals((3, 120, 4), 1.0), "2026-11-23": DayTotals((0, 0, 0), 2.5)}


@pytest.fixture
def counts(redis: Any) -> DailyCounts:
    return DailyCounts(redis, Cipher(parse_keys(new_key())))


async def test_loads_the_saved_counts(redis: Any, counts: DailyCounts) -> None:
    """Daily counts are loaded as they were saved, and expire."""
    assert await counts.load(SOURCE, "series") == {}
    await counts.save(SOURCE, "series", DAYS)
    assert await counts.load(SOURCE, "series") == DAYS
    assert await counts.load(SOURCE, "another") == {}
    assert (
        0 < await redis.ttl(redis_keys.daily_counts(SOURCE, "series")) <= DAILY_COUNTS_TTL_SECONDS
    )


async def test_keeps_only_the_newest(counts: DailyCounts) -> None:
    """Saving replaces the days of a series."""
    await counts.save(SOURCE, "series", DAYS)
    newest = {"2026-11-24": DayTotals((1,), 3.0)}
    await counts.save(SOURCE, "series", newest)
    assert await counts.load(SOURCE, "series") == newest


async def test_numbers_do_not_lie_open(redis: Any, counts: DailyCounts) -> None:
    """Counts are encrypted; copied ones, and those whose key is missing, are ignored."""
    await counts.save(SOURCE, "series", DAYS)
    encrypted = await redis.get(redis_keys.daily_counts(SOURCE, "series"))
    assert "2026-1" not in encrypted
    await redis.set(redis_keys.daily_counts(SOURCE, "another"), encrypted)
    assert await counts.load(SOURCE, "another") == {}
    assert await DailyCounts(redis, Cipher(parse_keys(new_key()))).load(SOURCE, "series") == {}
