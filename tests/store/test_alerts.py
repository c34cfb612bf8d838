"""Alerts are loaded as they were saved, and concurrent changes are rejected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.accounts import PolledConnection
from bot.domain.alerts import Alert, AlertRow, ChangeBatch, JobChange, PostedAlert, Watermark
from bot.domain.filters import Filters
from bot.store import keys as redis_keys
from bot.store.alerts import ALERT_POSTS_SERIALIZER as POSTS_RECORD
from bot.store.alerts import ALERT_SERIALIZER as RECORD
from bot.store.alerts import AlertStore
from tests.store.fixtures import ADA, CIPHER, GRACE

FILTERS = Filters(statuses=("failure",), tenant="acme", words=("late refund",))
ALERT = Alert(
    "a1",
    ADA,
    "C0OPS",
    FILTERS,
    created_at=100.0,
    watermark=Watermark(90.5, 10.0, {"job-1": (90.5, "digest")}),
    polled_at=100.0,
    batch=ChangeBatch(3, 100.0, (JobChange("job-1", "print"), JobChange("job-2")), 50.0, None),
)
POSTS = (PostedAlert("1.0", 100.0, (AlertRow("job-1", "print", 2, 100.0),), 50.0, None),)


@pytest.fixture
def alerts(redis: Any) -> AlertStore:
    return AlertStore(redis, CIPHER)


async def test_reads_back_whole(alerts: AlertStore) -> None:
    """An alert keeps its watermark, batch and posts, and is found by channel and connection."""
    saved = await alerts.save(ALERT, None, POSTS)
    assert saved == replace(ALERT, version=1)
    assert await alerts.load("a1") == saved
    assert await alerts.load_posts("a1") == POSTS
    assert await alerts.of_channel("T0ACME", "C0OPS") == (saved,)
    assert await alerts.of_connection(PolledConnection(ADA, "acme")) == (saved,)


async def test_two_changes_at_once_do_not_undo_each_other(alerts: AlertStore) -> None:
    """The second of two concurrent changes is rejected."""
    saved = await alerts.save(ALERT, None)
    assert saved
    assert await alerts.save(replace(saved, muted_until=200.0), saved)
    assert await alerts.save(replace(saved, batch=None), saved, POSTS) is None
    assert await alerts.load_posts("a1") == ()
    assert (await alerts.of_channel("T0ACME", "C0OPS"))[0].muted_until == 200.0


async def test_moves_to_another_owner(alerts: AlertStore, redis: Any) -> None:
    """An alert that changed its connection is polled through the new one only."""
    saved = await alerts.save(ALERT, None)
    assert saved
    moved = await alerts.save(replace(saved, owner=GRACE), saved)
    assert await alerts.of_connection(PolledConnection(ADA, "acme")) == ()
    assert await alerts.of_connection(PolledConnection(GRACE, "acme")) == (moved,)
    assert (
        await redis.exists(redis_keys.alerts_of_connection(PolledConnection(ADA, "acme").name)) == 0
    )


async def test_whatever_is_saved_is_due(alerts: AlertStore, redis: Any) -> None:
    """Saving never removes a connection from the index, and never postpones a poll."""
    due, name = redis_keys.alerts_due(), PolledConnection(ADA, "acme").name
    saved = await alerts.save(ALERT, None, poll_at=200.0)
    for look_at, at in ((None, 200.0), (300.0, 200.0), (150.0, 150.0)):
        assert saved
        saved = await alerts.save(saved, saved, poll_at=look_at)
        assert await redis.zscore(due, name) == at
    await redis.delete(due)
    assert saved
    assert await alerts.save(saved, saved)
    assert await redis.zscore(due, name) is not None


async def test_leaves_no_trace(alerts: AlertStore, redis: Any) -> None:
    """An alert that was turned off can't be saved again."""
    saved = await alerts.save(ALERT, None, POSTS)
    assert saved
    assert 0 < await redis.ttl(redis_keys.alert_posts("a1")) <= 86_400
    assert await alerts.delete(saved)
    assert await redis.keys("*") == []
    assert await alerts.save(saved, saved) is None
    assert await alerts.load("a1") is None


async def test_ignores_forged_records(
    alerts: AlertStore, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Forged, moved or copied records are logged and ignored."""
    first = await alerts.save(ALERT, None)
    second = await alerts.save(replace(ALERT, id="a2", owner=GRACE), None)
    assert first
    assert second
    places = [redis_keys.alert("a1"), redis_keys.alert("a2")]
    encrypted = [await redis.hget(key, "record") for key in places]
    clear = RECORD.write(replace(first, channel_id="C0EVE"))
    for forged in ([clear, "{}"], ["1.", "1.deadbeef.é"], reversed(encrypted)):
        for key, record in zip(places, forged, strict=True):
            await redis.hset(key, "record", record)
        assert await alerts.load("a1") is None
        assert await alerts.of_channel("T0ACME", "C0OPS") == ()
        assert await alerts.of_connection(first.connection) == ()
        assert "could not read a stored alert" in caplog.text
        caplog.clear()
    await redis.hset(places[0], "record", encrypted[0])
    assert await alerts.load("a1") == first


async def test_ignores_forged_posts(alerts: AlertStore, redis: Any) -> None:
    """Forged posts can't make an alert's messages show other jobs."""
    await alerts.save(ALERT, None, POSTS)
    await redis.set(redis_keys.alert_posts("a2"), await redis.get(redis_keys.alert_posts("a1")))
    assert await alerts.load_posts("a2") == ()
    await redis.set(redis_keys.alert_posts("a1"), POSTS_RECORD.write(POSTS))
    assert await alerts.load_posts("a1") == ()


async def test_ignores_index_entries_that_do_not_match(alerts: AlertStore, redis: Any) -> None:
    """An alert is found by its own connection and channel only."""
    await alerts.save(ALERT, None)
    source = PolledConnection(GRACE, "acme")
    await redis.sadd(redis_keys.alerts_of_connection(source.name), "a1")
    await redis.hset(redis_keys.alerts_of_channel("T0ACME", "C0EVE"), "a1", "")
    assert await alerts.of_connection(source) == ()
    assert await alerts.of_channel("T0ACME", "C0EVE") == ()
